"""Published and site runs as the estimate sees them: a row of `data/runs` becomes work, hardware and its own layouts.

Columns are those of the set's MANIFEST.md; measured ones are never read. What a row leaves blank is taken from the
model's name, then as the product would choose it: the largest micro batch, the least sharding and the least
recomputation that fit. Every row gets a prediction unless it says nothing of the model's size.
"""

import re
from dataclasses import dataclass, replace

from advisor.estimate import published_recipe as recipe
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import Layouts
from advisor.estimate.published_cells import Row, count, number, text
from advisor.estimate.published_hardware import named_gpu, published_hardware
from advisor.estimate.published_layouts import degrees_of, layouts_of, plan_is_open
from advisor.estimate.work import Work, adapter_parameters
from advisor.plan.presets import presets
from advisor.plan.schema import Precision
from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape, shape_from_parameters
from pricing.hardware import Gpu

# Latent attention of the published DeepSeek models (arXiv:2412.19437, section 4.2); a Lite has no query rank.
LATENT = LatentAttention(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128)
# Per-operation recomputation of torchtitan keeps every second product and attention's output: so much of a layer.
OPERATIONS_SHARE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRun:
    """One row; `layouts` holds its own layout, or several where the row leaves something open, best first.

    `train_tokens` of the whole run where the row has them; `assumed` says what the row left blank or nobody knows.
    """

    row_id: str
    row: Row
    work: Work
    hardware: Hardware
    layouts: Layouts
    plan_is_open: bool
    train_tokens: float | None
    assumed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A row that cannot be predicted, and why."""

    row_id: str
    reason: str


def published_run(row: Row) -> PublishedRun | Unreadable:
    """Read a row."""
    row_id = row.get("row_id") or ""
    shape = _shape(row)
    if shape is None:
        return Unreadable(row_id=row_id, reason="neither layers and hidden, nor a known model, nor a size (params_b)")
    assumed: list[str] = []
    gpu, known = named_gpu(row.get("gpu") or "", number(row, "gpu_mem_gb"))
    if not known:
        assumed.append(f"gpu {row.get('gpu')!r} is taken as {gpu.id}")
    precision = _possible(recipe.precision_of(row), gpu)
    work = _work(row, shape, precision)
    degrees = degrees_of(row, work, gpu)
    if not row.get("n_gpus"):
        assumed.append(f"n_gpus is taken as {degrees.gpus}")
    hardware = published_hardware(row, gpu, degrees.gpus, degrees.per_node)
    work = replace(work, batch_sequences=degrees.batch)
    return PublishedRun(
        row_id=row_id,
        row=row,
        work=work,
        hardware=hardware,
        layouts=layouts_of(row, work, hardware, degrees),
        plan_is_open=plan_is_open(row),
        train_tokens=number(row, "train_tokens"),
        assumed=tuple(assumed),
    )


def _possible(precision: Precision, gpu: Gpu) -> Precision:
    """Fall back to what the GPU has: fp8 to bf16, bf16 to fp16."""
    if precision == "fp8" and gpu.fp8_flop_per_second is None:
        precision = "bf16"
    return "fp16" if precision == "bf16" and gpu.bf16_flop_per_second is None else precision


def _shape(row: Row) -> ModelShape | None:
    """Take the columns; a preset of the name, or the parameter count, for what they leave blank."""
    named = _preset(row.get("model") or "")
    size = number(row, "params_b") or _size_in_name(row.get("model") or "")
    if number(row, "layers") is None or number(row, "hidden") is None:
        if named is None:
            return None if size is None else shape_from_parameters(row.get("model") or "", round(size * 1e9))
        return named
    layers, hidden = count(row, "layers", 1), count(row, "hidden", 1)
    heads = count(row, "heads", named.attention_heads if named else max(1, hidden // 128))
    gated = (row.get("gated_mlp") or ("1" if named is None or named.gated_mlp else "0")) not in {"0", "0.0"}
    return ModelShape(
        name=row.get("model") or "",
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=count(row, "kv_heads", named.kv_heads if named else heads),
        head_dim=count(row, "head_dim", named.head_dim if named else max(1, hidden // heads)),
        ffn_size=count(row, "ffn_hidden", named.ffn_size if named else (8 * hidden // 3 if gated else 4 * hidden)),
        vocab_size=count(row, "vocab", named.vocab_size if named else 32_000),
        gated_mlp=gated,
        tied_embeddings=row.get("tied_emb") in {"1", "1.0"},
        latent=LATENT if "mla" in text(row, "attn_type") else None,
        experts=_experts(row, layers),
    )


def _preset(name: str) -> ModelShape | None:
    """Find a preset whose name differs only by case and punctuation."""
    plain = re.sub(r"[^a-z0-9.]", "", name.lower())
    return next((each.shape for key, each in presets().items() if re.sub(r"[^a-z0-9.]", "", key) == plain), None)


def _size_in_name(name: str) -> float | None:
    """Read 7 of "OLMo2-7B", 46.7 of "8x7B" (experts share attention: 0.83 of the product), in 1e9."""
    found = re.search(r"(?:(\d+)x)?(\d+(?:\.\d+)?)\s?[bB](?![a-z])", name)
    if not found:
        return None
    return float(found.group(2)) * (0.83 * int(found.group(1)) if found.group(1) else 1.0)


def _experts(row: Row, layers: int) -> ExpertLayers | None:
    if count(row, "n_experts", 1) <= 1:
        return None
    dense = number(row, "n_dense_layers") or 0
    return ExpertLayers(
        count=count(row, "n_experts", 1),
        top_k=count(row, "top_k", 2),
        ffn_size=count(row, "moe_ffn_hidden", count(row, "ffn_hidden", 1)),
        shared=round(number(row, "n_shared_experts") or 0),
        moe_layers=max(1, layers - round(dense)),
    )


def _work(row: Row, shape: ModelShape, precision: Precision) -> Work:
    method, stack = recipe.method_of(row), recipe.stack_of(row)
    sequence = count(row, "seq_len", 4096 if method == "pretrain" else 2048)
    unfused = text(row, "attn_impl") in {"unfused", "eager", "math", "naive"}
    trained, framework = text(row, "trainable"), text(row, "framework")
    rank = re.search(r"r(?:ank)?[ =]?(\d+)", trained)
    keeps = {"selective-o": OPERATIONS_SHARE, "selective-l": 0.5, "minimal_fl": 0.8}
    # lit-gpt of 2023 puts whole weights on every GPU before FSDP shards them.
    first = "lit" in framework and recipe.sharding_of(row) == "fsdp"
    return Work(
        shape=shape,
        method=method,
        sequence_length=sequence,
        batch_sequences=1,
        batch_is_exact=True,
        precision=precision,
        states=recipe.state_bytes_of(row, method, precision, stack),
        attention_span=sequence if unfused else _span(row, sequence),
        adapter_parameters=(
            adapter_parameters(shape, int(rank.group(1)) if rank else 8) if method in {"lora", "qlora"} else 0
        ),
        stack=stack,
        loss=recipe.loss_of(row, stack),
        reading=recipe.reading_of(row),
        scores_are_kept=unfused,
        sequence_parallel=row.get("sp") not in {"0", "0.0"},
        eager_norms=stack == "plain"
        and shape.gated_mlp
        and not re.search(r"compile|nanotron|unsloth|liger", framework),
        compiled="compile" in framework,
        quantised_on_device=not re.search(r"gptq|awq", trained) and not re.search(r"unsloth|torchtune", framework),
        whole_weights_first=first,
        adapters_on_mlp=not re.search(r"\bq?k?v\b|qkv|attn", trained) or "all" in trained,
        four_bit_products=any(name in text(row, "precision") for name in recipe.FOUR_BIT),
        first_flash_attention=bool(re.search(r"foundry|composer|triton|flash-?attention-?1", framework)),
        reduce_bytes=4.0 if re.search(r"nanotron|torchtitan", framework) else 2.0,
        selective_share=next((share for name, share in keeps.items() if text(row, "act_ckpt").startswith(name)), None),
    )


def _span(row: Row, sequence: int) -> float:
    """Keys a query of causal attention computes: s / 2, on half of the layers no more than the window."""
    window = re.search(r"(?:swa|chunk|window)(\d+)(k?)", text(row, "attn_type"))
    if not window:
        return sequence / 2
    wide = int(window.group(1)) * (1024 if window.group(2) else 1)
    return (sequence / 2 + min(sequence / 2, wide)) / 2
