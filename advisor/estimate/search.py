"""The best layout of every node count: all legal ones are sized, those that fit are timed, the fastest is taken."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from advisor.estimate.calibration import Calibration, calibration
from advisor.estimate.estimate import Estimate, MemoryParts
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import RECOMPUTE, Floats, Ints, Layouts, legal_layouts
from advisor.estimate.memory import GIB, MemoryBytes, memory_bytes
from advisor.estimate.site_factors import SiteCalibration, SiteFactor
from advisor.estimate.throughput import model_flop_utilization, tokens_per_second
from advisor.estimate.uncertainty import interval_of
from advisor.estimate.work import Work

QUANTITIES: tuple[Literal["mem"], Literal["tput"]] = ("mem", "tput")


def best_layouts(
    work: Work,
    hardware: Hardware,
    node_counts: tuple[int, ...],
    constants: Calibration | None = None,
    site: SiteCalibration | None = None,
) -> list[Estimate]:
    """Return each node count's estimate, in the order asked; a site's own factors scale memory and speed."""
    chosen = constants or calibration()
    if hardware.flop_per_second(work.precision) is None:
        reason = f"{hardware.gpu.id} has no {work.precision}; choose another precision for this job"
        return [_without_layout(nodes, hardware, reason) for nodes in node_counts]
    layouts, memory, total = sized(work, hardware.gpus_per_node, node_counts, chosen)
    of_memory, of_speed = (
        None if site is None else site.factor(quantity, hardware.gpu.id, work.stack) for quantity in QUANTITIES
    )
    if of_memory is not None:
        memory = memory.scaled(of_memory.factor)
        total = memory.total()
    order = _fastest_first(work, layouts, total, hardware, chosen)
    found: dict[int, Estimate] = {}
    for index, speed, share in order:
        nodes = int(layouts.nodes[index])
        if nodes not in found:
            estimate = fitting(work, layouts, memory, index, speed, share, hardware)
            found[nodes] = estimate if of_speed is None else _at_site(estimate, of_speed)
    return [found.get(nodes) or _refused(work, layouts, memory, total, nodes, hardware) for nodes in node_counts]


def estimate_all(work: Work, places: Mapping[str, Hardware], node_counts: tuple[int, ...]) -> dict[str, list[Estimate]]:
    """Estimate one job on several kinds of nodes."""
    return {name: best_layouts(work, hardware, node_counts) for name, hardware in places.items()}


def _at_site(found: Estimate, factor: SiteFactor) -> Estimate:
    """Scale speed by the site's factor; its interval takes the place of that of the kind."""
    if found.tokens_per_second is None or found.mfu is None:
        return found
    return replace(
        found,
        tokens_per_second=found.tokens_per_second * factor.factor,
        mfu=found.mfu * factor.factor,
        tokens_per_second_low=found.tokens_per_second * factor.low,
        tokens_per_second_high=found.tokens_per_second * factor.high,
        site_runs=factor.runs,
    )


@lru_cache(maxsize=64)
def sized(
    work: Work, gpus_per_node: int, node_counts: tuple[int, ...], constants: Calibration
) -> tuple[Layouts, MemoryBytes, Floats]:
    """Size all legal layouts; machines with as many GPUs a node share the answer."""
    layouts = legal_layouts(work, gpus_per_node, node_counts)
    memory = memory_bytes(work, layouts, constants)
    return layouts, memory, memory.total()


def _fastest_first(
    work: Work, layouts: Layouts, total: Floats, hardware: Hardware, constants: Calibration
) -> list[tuple[int, float, float]]:
    """Return (index, tokens per second, MFU) of each node count's best that fits, those with headroom before tight."""
    capacity = hardware.capacity_gib * GIB
    inside = np.flatnonzero(total <= capacity)
    if len(inside) == 0:
        return []
    candidates = layouts.take(inside)
    speed = tokens_per_second(work, candidates, hardware, constants)
    tight = total[inside] * interval_of(work, hardware.gpu.id, "mem").high > capacity
    # Equal speeds: the smaller memory first, then the simpler layout, so that answers do not depend on chance.
    order = np.lexsort((candidates.pp, candidates.tp, total[inside], -speed, tight, candidates.nodes))
    _, first = np.unique(candidates.nodes[order], return_index=True)
    best = order[first]
    share = model_flop_utilization(work, candidates.take(best), hardware, speed[best])
    return [(int(inside[i]), float(speed[i]), float(mfu)) for i, mfu in zip(best, share, strict=True)]


def fitting(
    work: Work, layouts: Layouts, memory: MemoryBytes, index: int, speed: float, share: float, hardware: Hardware
) -> Estimate:
    """Tight is what may not fit within the error of the memory model: estimate x high of its 80 % interval."""
    parts = _parts(memory, index)
    known = interval_of(work, hardware.gpu.id, "mem")
    around = interval_of(work, hardware.gpu.id, "tput")
    tight = parts.total * known.high > hardware.capacity_gib
    reason = None
    if tight:
        left = 100 * (1 - parts.total / hardware.capacity_gib)
        reason = f"only {left:.0f} % of memory is left; {100 * (1 - 1 / known.high):.0f} % covers the estimate's error"
    nodes = int(layouts.nodes[index])
    return Estimate(
        nodes=nodes,
        gpus=nodes * hardware.gpus_per_node,
        verdict="tight" if tight else "fits",
        layout=layouts.layout(index),
        memory_gib=parts,
        capacity_gib=hardware.capacity_gib,
        tokens_per_second=speed,
        mfu=share,
        reason=reason,
        kind=around.kind,
        tokens_per_second_low=speed * around.low,
        tokens_per_second_high=speed * around.high,
        has_evidence=around.has_evidence,
    )


def _refused(
    work: Work, layouts: Layouts, memory: MemoryBytes, total: Floats, nodes: int, hardware: Hardware
) -> Estimate:
    """Say why nothing fits: no legal layout, or the parts of the smallest one and what one step less saves."""
    mine = np.flatnonzero(layouts.nodes == nodes)
    if len(mine) == 0:
        gpus = nodes * hardware.gpus_per_node
        reason = (
            f"no legal layout of {gpus} GPUs: no split of {work.shape.layers} layers and "
            f"{work.shape.attention_heads} heads gives whole micro batches of {work.batch_sequences} sequences"
        )
        return _without_layout(nodes, hardware, reason)
    plain = mine[(layouts.recompute[mine] == 0) & (layouts.micro_batch[mine] == layouts.micro_batch[mine].min())]
    shown = _smallest(plain if len(plain) else mine, total)
    least = _smallest(mine, total)
    parts = _parts(memory, least)
    return Estimate(
        nodes=nodes,
        gpus=nodes * hardware.gpus_per_node,
        verdict="does_not_fit",
        layout=None,
        memory_gib=parts,
        capacity_gib=hardware.capacity_gib,
        tokens_per_second=None,
        mfu=None,
        reason=_reason(layouts, _parts(memory, shown), shown, parts, least, hardware),
    )


def _smallest(indices: Ints, total: Floats) -> int:
    return int(indices[np.argmin(total[indices])])


def _reason(
    layouts: Layouts, parts: MemoryParts, shown: int, least_parts: MemoryParts, least: int, hardware: Hardware
) -> str:
    """Write "needs 91.0 GiB of 79.6: activations 40.1, …; micro batch 1 with full recomputation would need …"."""
    named = ", ".join(f"{name} {gib:.1f}" for name, gib in parts.largest_first() if gib >= 0.05)
    text = f"needs {parts.total:.1f} GiB of {hardware.capacity_gib:.1f}: {named}"
    if least == shown:
        return f"{text}; no legal layout needs less"
    recompute = RECOMPUTE[int(layouts.recompute[least])]
    return (
        f"{text}; micro batch {int(layouts.micro_batch[least])} with {recompute} recomputation "
        f"would need {least_parts.total:.1f} GiB"
    )


def _parts(memory: MemoryBytes, index: int) -> MemoryParts:
    return MemoryParts(**{each.name: float(getattr(memory, each.name)[index]) / GIB for each in fields(memory)})


def _without_layout(nodes: int, hardware: Hardware, reason: str) -> Estimate:
    return Estimate(
        nodes=nodes,
        gpus=nodes * hardware.gpus_per_node,
        verdict="does_not_fit",
        layout=None,
        memory_gib=None,
        capacity_gib=hardware.capacity_gib,
        tokens_per_second=None,
        mfu=None,
        reason=reason,
    )
