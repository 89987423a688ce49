"""Published runs as the estimate sees them: a row of `data/runs` becomes work, hardware and its own layout.

Columns are those of the set's MANIFEST.md; measured ones are never read. What a row leaves blank is taken as the
product would choose it: the largest micro batch and the least recomputation that fit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import FULL, NONE, SELECTIVE, Layouts
from advisor.estimate.work import NF4_BYTES, Stack, StateBytes, Work, adapter_parameters
from advisor.plan.schema import Method, Precision
from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape
from pricing.hardware import gpus

Row = Mapping[str, str]

GPU_IDS = {
    "A100-80": "A100-SXM-80GB",
    "A100-40": "A100-SXM-40GB",
    "A100": "A100-SXM-80GB",
    "A800": "A100-SXM-80GB",
    "H100": "H100-SXM-80GB",
    "H800": "H800-SXM-80GB",
    "H200": "H200-SXM-141GB",
    "B200": "B200-SXM-180GB",
    "B300": "B300-SXM-270GB",
    "MI300X": "MI300X-192GB",
    "MI325X": "MI325X-256GB",
    "RTX4090": "RTX4090-24GB",
    "A6000": "A6000-48GB",
    "L4": "L4-24GB",
    "V100": "V100-SXM-32GB",
}
# A node's network where the row names none, Gbit/s: what clusters of the generation usually have.
USUAL_NETWORK = {"A100": 1600.0, "H100": 3200.0, "H200": 3200.0, "B200": 3200.0, "B300": 6400.0}
# Latent attention of the published DeepSeek models (arXiv:2412.19437, section 4.2); a Lite has no query rank.
LATENT = LatentAttention(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRun:
    """One row; `layouts` holds its own layout, or several where the row leaves something open, best first."""

    row_id: str
    work: Work
    hardware: Hardware
    layouts: Layouts


def published_run(row: Row) -> PublishedRun | None:
    """Read a row; None where its GPU or precision is not one that estimates know."""
    gpu = GPU_IDS.get(row["gpu"])
    if gpu is None or gpu not in gpus():
        return None
    per_node = _count(row, "gpus_per_node", min(8, _count(row, "n_gpus", 1)))
    hardware = Hardware(
        name=row["gpu"],
        gpu=gpus()[gpu],
        gpus_per_node=min(per_node, _count(row, "n_gpus", 1)),
        network_gbit_per_second=_network(row),
    )
    work = _work(row)
    if hardware.flop_per_second(work.precision) is None:
        return None
    return PublishedRun(row_id=row["row_id"], work=work, hardware=hardware, layouts=_layouts(row))


def _count(row: Row, column: str, otherwise: int) -> int:
    return int(float(row[column])) if row.get(column) else otherwise


def _network(row: Row) -> float:
    """Read "4x200Gb", "EFA 3200Gb/s/node" or "800 Gb/s/node"; else the usual network of the GPU."""
    text = row["inter_link"]
    total = re.search(r"(\d+) ?Gb/s/node", text)
    cards = re.search(r"(\d+)x(\d+)Gb", text)
    if total:
        return float(total.group(1))
    if cards:
        return float(cards.group(1)) * float(cards.group(2))
    return next((rate for name, rate in USUAL_NETWORK.items() if row["gpu"].startswith(name)), 1600.0)


def _shape(row: Row) -> ModelShape:
    experts = None
    layers = _count(row, "layers", 1)
    if row["n_experts"]:
        experts = ExpertLayers(
            count=_count(row, "n_experts", 1),
            top_k=_count(row, "top_k", 1),
            ffn_size=_count(row, "moe_ffn_hidden", _count(row, "ffn_hidden", 1)),
            shared=_count(row, "n_shared_experts", 0),
            moe_layers=layers - _count(row, "n_dense_layers", 0),
        )
    return ModelShape(
        name=row["model"],
        layers=layers,
        hidden_size=_count(row, "hidden", 1),
        attention_heads=_count(row, "heads", 1),
        kv_heads=_count(row, "kv_heads", 1),
        head_dim=_count(row, "head_dim", 128),
        ffn_size=_count(row, "ffn_hidden", 1),
        vocab_size=_count(row, "vocab", 1),
        gated_mlp=row["gated_mlp"] == "1",
        tied_embeddings=row["tied_emb"] == "1",
        latent=LATENT if row["attn_type"] == "mla" else None,
        experts=experts,
    )


def _work(row: Row) -> Work:
    shape, method = _shape(row), _method(row)
    sequence = _count(row, "seq_len", 2048)
    unfused = row["attn_impl"] == "unfused"
    rank = _count({"r": (re.search(r"r(\d+)", row["trainable"]) or [None, "16"])[1] or ""}, "r", 16)
    return Work(
        shape=shape,
        method=method,
        sequence_length=sequence,
        batch_sequences=_count(row, "global_batch", 1),
        batch_is_exact=True,
        precision=_precision(row),
        states=_states(row, method),
        attention_span=sequence if unfused else _span(row, sequence),
        adapter_parameters=adapter_parameters(shape, rank) if method in {"lora", "qlora"} else 0,
        stack=_stack(row),
        scores_are_kept=unfused,
        sequence_parallel=row["sp"] != "0",
    )


def _stack(row: Row) -> Stack:
    """Tell the stack by its attention and by the names of NVIDIA's frameworks."""
    framework = row["framework"]
    if row["attn_impl"] == "unfused" or framework.startswith("Megatron-DeepSpeed"):
        return "unfused"
    fused = framework.startswith(("NeMo", "Megatron", "MaxText"))
    return "fused" if fused else "plain"


def _span(row: Row, sequence: int) -> float:
    """Keys a query of causal attention computes: s / 2, on half of the layers no more than the window."""
    window = re.search(r"\+(?:swa|chunk)(\d+)(k?)", row["attn_type"])
    if not window:
        return sequence / 2
    wide = int(window.group(1)) * (1024 if window.group(2) else 1)
    return (sequence / 2 + min(sequence / 2, wide)) / 2


def _method(row: Row) -> Method:
    if row["kind"] in {"lora", "qlora"}:
        four = "nf4" in row["trainable"] or "int4" in row["trainable"] or row["kind"] == "qlora"
        return "qlora" if four else "lora"
    return "pretrain" if row["kind"] == "pretrain" else "full_finetune"


def _precision(row: Row) -> Precision:
    text = row["precision"]
    if "fp8" in text:
        return "fp8"
    return "fp16" if text == "fp16" else "bf16"


def _states(row: Row, method: Method) -> StateBytes:
    """Read the recipe: bf16 AdamW 2 + 2 + 4, 8-bit 2 + 2 + 2, in-backward without gradients, FSDP 4 + 4 + 8."""
    optimizer = row["optimizer"]
    frozen = NF4_BYTES if method == "qlora" else 2.0
    if method == "qlora" and "int8" in row["trainable"]:
        frozen = 1.0
    gradient = 0.0 if "in-backward" in optimizer else 2.0
    if "8bit" in optimizer:
        return StateBytes(weight=2.0, gradient=gradient, optimizer=2.0, frozen=frozen)
    if "adamw bf16" in optimizer:
        return StateBytes(weight=2.0, gradient=gradient, optimizer=4.0, frozen=frozen)
    if row["sharding"].startswith(("fsdp", "hsdp")):
        return StateBytes(weight=4.0, gradient=4.0, optimizer=8.0, frozen=frozen)
    wide = 2.0 if row["precision"] == "fp16" and "fp32 grad" not in optimizer else 4.0
    return StateBytes(weight=2.0, gradient=wide, optimizer=12.0, frozen=frozen)


def _zero_stage(row: Row) -> int:
    """Read the sharding; HSDP within a node counts as ZeRO 3."""
    text = row["sharding"]
    if text.startswith(("zero3", "fsdp-full", "fsdp2", "hsdp", "fsdp/", "fsdp+")):
        return 3
    if text.startswith(("zero2", "fsdp-grad-op")):
        return 2
    return 1 if text.startswith(("zero1", "dist-opt")) else 0


def _layouts(row: Row) -> Layouts:
    """List what the row leaves open, from what runs fastest to what needs least memory."""
    dp, batch = _count(row, "dp", 1), _count(row, "global_batch", 1)
    micro = [_count(row, "micro_batch", 0)] if row["micro_batch"] else [4, 2, 1]
    recompute = {"full": [FULL], "none": [NONE], "sele": [SELECTIVE], "mini": [SELECTIVE]}.get(
        row["act_ckpt"][:4], [NONE, SELECTIVE, FULL]
    )
    pairs = [(b, again) for b in micro for again in recompute]
    gpus_of_run = _count(row, "n_gpus", 1)
    per_node = max(1, min(_count(row, "gpus_per_node", 8), gpus_of_run))

    def same(value: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.full(len(pairs), value, dtype=np.int64)

    micro_batch = np.array([b for b, _ in pairs], dtype=np.int64)
    return Layouts(
        nodes=same(max(1, gpus_of_run // per_node)),
        tp=same(_count(row, "tp", 1)),
        pp=same(_count(row, "pp", 1)),
        virtual=same(_count(row, "vp", 1)),
        cp=same(_count(row, "cp", 1)),
        ep=same(_count(row, "ep", 1)),
        dp=same(dp),
        zero_stage=same(_zero_stage(row)),
        micro_batch=micro_batch,
        micro_batches=np.maximum(1, np.rint(batch / (dp * micro_batch)).astype(np.int64)),
        recompute=np.array([again for _, again in pairs], dtype=np.int64),
    )
