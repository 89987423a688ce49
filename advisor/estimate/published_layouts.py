"""Layouts of a row of measured runs: its own, or all that what it leaves open allows, best first."""

import re
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from advisor.estimate import published_recipe as recipe
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import FULL, NONE, SELECTIVE, Layouts, legal_layouts
from advisor.estimate.published_cells import Row, count, number, text
from advisor.estimate.work import PRETRAINING_BATCH_TOKENS, Work
from pricing.hardware import Gpu

# A row that names no GPUs is taken on as many as finish its tokens in a month at 40 % of the peak.
MONTH_SECONDS = 30 * 86_400
# Pretraining on thousands of GPUs raises its batch: 8k tokens a GPU (Llama 3: 16M on 16,384 and 8,192 GPUs).
LEAST_GPU_TOKENS = 8192
# Virtual stages that NVIDIA's recipes use, at most.
USUAL_VIRTUAL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Degrees:
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


def degrees_of(row: Row, work: Work, gpu: Gpu) -> Degrees:
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
        tokens = max(PRETRAINING_BATCH_TOKENS, LEAST_GPU_TOKENS * gpus) if work.method == "pretrain" else 16 * 4096
        batch = max(dp, tokens / work.sequence_length)
    per_node = count(row, "gpus_per_node", 4 if gpu.id.startswith(("GB200", "GB300")) else 8)
    return Degrees(
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


def _zero_stages(row: Row, degrees: Degrees, work: Work) -> list[int]:
    """Take the stage of the sharding; where it is blank, from none to everything, as far as the memory asks."""
    said = recipe.sharding_of(row)
    if said:
        return [{"none": 0, "zero1": 1, "zero2": 2, "fsdp2": 2}.get(said, 3)]
    if degrees.dp * degrees.cp == 1:
        return [0]
    if work.stack in {"fused", "current"}:
        return [1]
    return [0, 3] if degrees.pp == 1 else [1]


def _recomputations(row: Row, work: Work) -> list[int]:
    """Read the recomputation; where it is blank, as the framework does by itself, else as far as the memory asks."""
    said = text(row, "act_ckpt")
    if re.match(r"sele|mini|partial|sac", said):
        return [SELECTIVE]
    if re.match(r"none|no\b|false|off|0$", said):
        return [NONE]
    if said and said not in {"?", "n/a", "unknown"}:
        return [FULL]
    if recipe.recomputes_by_itself(row):
        return [FULL]
    # Fused stacks' recipes split a model further before they recompute all of it.
    return [NONE, SELECTIVE] if work.stack in {"fused", "current"} else [NONE, SELECTIVE, FULL]


def layouts_of(row: Row, work: Work, hardware: Hardware, degrees: Degrees) -> Layouts:
    """List what the row leaves open, from what runs fastest to what needs least memory."""
    if plan_is_open(row):
        return _open_layouts(work, hardware, degrees)
    stated, steps = number(row, "micro_batch"), degrees.accumulation
    most = max(1, degrees.batch // degrees.dp)
    if stated is not None:
        micro = [max(1, round(stated))]
    elif steps is not None:
        micro = [max(1, round(degrees.batch / (degrees.dp * steps)))]
    else:
        micro = [b for b in (4, 2, 1) if b <= most and (degrees.pp == 1 or b == 1)] or [1]
    recompute = _recomputations(row, work)
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


def plan_is_open(row: Row) -> bool:
    """Whether a row says nothing of its layout."""
    return not any(number(row, name) for name in ("tp", "pp", "dp", "micro_batch"))


def _open_layouts(work: Work, hardware: Hardware, degrees: Degrees) -> Layouts:
    """Every legal layout of the GPUs, for a row that says nothing of its plan; the fastest that fits is taken."""
    nodes = max(1, degrees.gpus // hardware.gpus_per_node)
    found = legal_layouts(replace(work, batch_is_exact=False), hardware.gpus_per_node, (nodes,))
    return (
        found
        if len(found)
        else legal_layouts(replace(work, batch_is_exact=False, batch_sequences=8 * nodes), 8, (nodes,))
    )
