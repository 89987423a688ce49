"""Published and site runs as the estimate sees them: a row of `data/runs` becomes work, hardware and its own layouts.

Columns are those of the set's MANIFEST.md; measured ones are never read. What a row leaves blank is taken from the
model's name, then as the product would choose it: the largest micro batch, the least sharding and the least
recomputation that fit. Every row gets a prediction unless it says nothing of the model's size.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from advisor.estimate import published_recipe as recipe
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import FULL, NONE, SELECTIVE, Layouts, legal_layouts
from advisor.estimate.published_hardware import Row, named_gpu, published_hardware
from advisor.estimate.published_recipe import text
from advisor.estimate.work import PRETRAINING_BATCH_TOKENS, Work, adapter_parameters
from advisor.plan.presets import presets
from advisor.plan.schema import Precision
from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape, shape_from_parameters
from pricing.hardware import Gpu

# Latent attention of the published DeepSeek models (arXiv:2412.19437, section 4.2); a Lite has no query rank.
LATENT = LatentAttention(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128)
# A row that names no GPUs is taken on as many as finish its tokens in a month at 40 % of the peak.
MONTH_SECONDS = 30 * 86_400
# More than this no column but the tokens of a run has.
MOST, MOST_TOKENS = 1e9, 1e18
# Virtual stages that NVIDIA's recipes use, at most.
USUAL_VIRTUAL = 6
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
    degrees = _degrees(row, work, gpu)
    if not row.get("n_gpus"):
        assumed.append(f"n_gpus is taken as {degrees.gpus}")
    hardware = published_hardware(row, gpu, degrees.gpus, degrees.per_node)
    work = replace(work, batch_sequences=degrees.batch)
    return PublishedRun(
        row_id=row_id,
        row=row,
        work=work,
        hardware=hardware,
        layouts=_layouts(row, work, hardware, degrees),
        plan_is_open=_plan_is_open(row),
        train_tokens=number(row, "train_tokens"),
        assumed=tuple(assumed),
    )


def number(row: Mapping[str, str], column: str) -> float | None:
    """Read a positive number; None where the cell is blank, none, or more than any run has."""
    cell = (row.get(column) or "").strip().replace(",", "")
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 < value <= (MOST_TOKENS if column == "train_tokens" else MOST) else None


def count(row: Mapping[str, str], column: str, otherwise: int) -> int:
    """Read a whole number of at least one."""
    value = number(row, column)
    return otherwise if value is None else max(1, round(value))


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
    first = "lit" in framework and text(row, "sharding").startswith("fsdp")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Degrees:
    """Parallel degrees of a row that agree with its GPUs and batch."""

    gpus: int
    per_node: int
    dp: int
    tp: int
    pp: int
    virtual: int
    cp: int
    ep: int
    batch: int
    accumulation: int | None


def _degrees(row: Row, work: Work, gpu: Gpu) -> _Degrees:
    """Fill what is blank: dp = GPUs / (t p c); the batch from micro batches; without GPUs a month's worth of them."""
    tp, pp, cp, ep = (count(row, name, 1) for name in ("tp", "pp", "cp", "ep"))
    ranks = tp * pp * cp
    stated = number(row, "n_gpus")
    gpus = round(stated) if stated else ranks * count(row, "dp", 1)
    if stated is None and number(row, "dp") is None:
        gpus = max(gpus, _month_gpus(row, work, gpu))
    dp = max(1, gpus // ranks)
    micro, steps = number(row, "micro_batch"), number(row, "grad_accum")
    batch = number(row, "global_batch")
    if batch is None and micro is not None:
        batch = dp * micro * (steps or 1)
    if batch is None:
        tokens = PRETRAINING_BATCH_TOKENS if work.method == "pretrain" else 16 * 4096
        batch = max(dp, tokens / work.sequence_length)
    per_node = count(row, "gpus_per_node", 4 if gpu.id.startswith(("GB200", "GB300")) else 8)
    return _Degrees(
        gpus=gpus,
        per_node=max(1, min(per_node, gpus)),
        dp=dp,
        tp=tp,
        pp=pp,
        virtual=_virtual(row, work, pp, max(1, round(batch / dp / (micro or 1)))),
        cp=cp,
        ep=ep,
        batch=max(1, round(batch)),
        accumulation=round(steps) if steps else None,
    )


def _virtual(row: Row, work: Work, pp: int, micro_batches: int) -> int:
    """Virtual stages a rank; where NVIDIA's frameworks do not say, as their recipes: at least two layers a stage."""
    stated = number(row, "vp")
    layers, uneven = divmod(work.shape.layers, pp)
    if stated is not None or pp == 1 or work.stack not in {"fused", "current"} or uneven or micro_batches < pp:
        return round(stated or 1) if pp > 1 else 1
    return max(v for v in range(1, USUAL_VIRTUAL + 1) if layers % v == 0)


def _month_gpus(row: Row, work: Work, gpu: Gpu) -> int:
    """Nodes of 8 in a power of two that finish the row's tokens in a month; one GPU where it has no tokens."""
    tokens = number(row, "train_tokens")
    peak = gpu.flop_per_second("bf16") or gpu.fp16_flop_per_second
    if tokens is None:
        return 8 if work.method == "pretrain" else 1
    needed = 6 * work.shape.active_parameters * tokens / (0.4 * peak * MONTH_SECONDS)
    return int(8 * 2 ** np.clip(np.rint(np.log2(max(needed, 8) / 8)), 0, 11))


def _zero_stages(row: Row, degrees: _Degrees, work: Work) -> list[int]:
    """Read the sharding; where it is blank, from none to everything, as far as the memory asks."""
    said = text(row, "sharding")
    if said.startswith(("zero3", "fsdp-full", "fsdp2", "hsdp", "fsdp", "full")) and "grad-op" not in said:
        return [3]
    if said.startswith("zero2") or "grad-op" in said:
        return [2]
    if said.startswith(("zero1", "dist-opt", "zero-1", "distributed")):
        return [1]
    if said or degrees.dp * degrees.cp == 1:
        return [0]
    if work.stack in {"fused", "current"}:
        return [1]
    return [0, 3] if degrees.pp == 1 else [1]


def _layouts(row: Row, work: Work, hardware: Hardware, degrees: _Degrees) -> Layouts:
    """List what the row leaves open, from what runs fastest to what needs least memory."""
    if _plan_is_open(row):
        return _open_layouts(work, hardware, degrees)
    stated, steps = number(row, "micro_batch"), degrees.accumulation
    most = max(1, degrees.batch // degrees.dp)
    if stated is not None:
        micro = [max(1, round(stated))]
    elif steps is not None:
        micro = [max(1, round(degrees.batch / (degrees.dp * steps)))]
    else:
        micro = [b for b in (4, 2, 1) if b <= most and (degrees.pp == 1 or b == 1)] or [1]
    said = text(row, "act_ckpt")
    recompute = {"full": [FULL], "none": [NONE], "sele": [SELECTIVE], "mini": [SELECTIVE], "bloc": [SELECTIVE]}.get(
        said[:4], [NONE, SELECTIVE, FULL]
    )
    if not said and recipe.recomputes_by_itself(row):
        recompute = [FULL]
    elif not said and work.stack in {"fused", "current"}:
        # NVIDIA's recipes split a model further before they recompute all of it.
        recompute = [NONE, SELECTIVE]
    choices = list(product(_zero_stages(row, degrees, work), micro, recompute))
    each = {
        name: np.full(len(choices), getattr(degrees, name), dtype=np.int64)
        for name in ("tp", "pp", "virtual", "cp", "ep", "dp")
    }
    zero, micro_batch, again = (np.array(column, dtype=np.int64) for column in zip(*choices, strict=True))
    return Layouts(
        **each,
        nodes=np.full(len(choices), max(1, degrees.gpus // hardware.gpus_per_node), dtype=np.int64),
        zero_stage=zero,
        micro_batch=micro_batch,
        micro_batches=np.maximum(1, np.rint(degrees.batch / (degrees.dp * micro_batch)).astype(np.int64)),
        recompute=again,
    )


def _plan_is_open(row: Row) -> bool:
    """Whether a row says nothing of its layout."""
    return not any(number(row, name) for name in ("tp", "pp", "dp", "micro_batch"))


def _open_layouts(work: Work, hardware: Hardware, degrees: _Degrees) -> Layouts:
    """Every legal layout of the GPUs, for a row that says nothing of its plan; the fastest that fits is taken."""
    nodes = max(1, degrees.gpus // hardware.gpus_per_node)
    found = legal_layouts(replace(work, batch_is_exact=False), hardware.gpus_per_node, (nodes,))
    return (
        found
        if len(found)
        else legal_layouts(replace(work, batch_is_exact=False, batch_sequences=8 * nodes), 8, (nodes,))
    )
