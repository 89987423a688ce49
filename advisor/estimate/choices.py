"""More than the best layout: the best k, the Pareto set of speed against headroom, and what one change would buy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from advisor.estimate.calibration import Calibration, calibration
from advisor.estimate.estimate import Estimate
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import NONE, RECOMPUTE, Bools, Floats, Layouts
from advisor.estimate.memory import GIB, MemoryBytes
from advisor.estimate.search import best_layouts, fitting, sized
from advisor.estimate.throughput import model_flop_utilization, tokens_per_second
from advisor.estimate.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """All that fits on so many nodes: how many layouts were looked at, the fastest, the Pareto set from the fastest."""

    looked_at: int
    fitting: int
    best: tuple[Estimate, ...]
    pareto: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one change to the best layout brings; `estimate` is None where it has no legal layout that fits."""

    what: str
    estimate: Estimate | None
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        found = None if self.estimate is None else self.estimate.document()
        return {"what": self.what, "estimate": found, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAdvice:
    """How a global batch is reached: micro batch x accumulation x replicas, in sequences."""

    micro_batch: int
    accumulation: int
    replicas: int
    largest_micro_batch: int
    changes: tuple[Change, ...]

    @property
    def batch(self) -> int:
        """Sequences per optimizer step."""
        return self.micro_batch * self.accumulation * self.replicas

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "global_batch": self.batch,
            "micro_batch": self.micro_batch,
            "accumulation": self.accumulation,
            "replicas": self.replicas,
            "largest_micro_batch": self.largest_micro_batch,
            "changes": [each.document() for each in self.changes],
        }


@dataclass(frozen=True, slots=True)
class _Field:
    """All sized layouts of a node count, with the speeds of those that fit (NaN elsewhere)."""

    work: Work
    hardware: Hardware
    layouts: Layouts
    memory: MemoryBytes
    total: Floats
    speed: Floats

    def estimate(self, index: int) -> Estimate:
        one = self.layouts.take(np.array([index]))
        share = model_flop_utilization(self.work, one, self.hardware, self.speed[[index]])
        return fitting(
            self.work, self.layouts, self.memory, index, float(self.speed[index]), float(share[0]), self.hardware
        )

    def fastest(self, among: Bools) -> Estimate | None:
        """Return the fastest of those that fit."""
        speeds = np.where(among, np.nan_to_num(self.speed, nan=-1.0), -1.0)
        return self.estimate(int(np.argmax(speeds))) if len(speeds) and speeds.max() > 0 else None


def _field(work: Work, hardware: Hardware, nodes: int, constants: Calibration) -> _Field:
    layouts, memory, total = sized(work, hardware.gpus_per_node, (nodes,), constants)
    inside = np.flatnonzero(total <= hardware.capacity_gib * GIB)
    speed = np.full(len(layouts), np.nan)
    if len(inside):
        speed[inside] = tokens_per_second(work, layouts.take(inside), hardware, constants)
    return _Field(work, hardware, layouts, memory, total, speed)


def choices(work: Work, hardware: Hardware, nodes: int, k: int = 5, constants: Calibration | None = None) -> Choices:
    """Look at every legal layout on so many nodes; return the k fastest and the Pareto set."""
    field = _field(work, hardware, nodes, constants or calibration())
    inside = np.flatnonzero(~np.isnan(field.speed))
    order = inside[np.lexsort((field.total[inside], -field.speed[inside]))]
    best = tuple(field.estimate(int(index)) for index in order[:k])
    pareto: list[int] = []
    for index in order:
        if not pareto or field.total[index] < field.total[pareto[-1]]:
            pareto.append(int(index))
    return Choices(
        looked_at=len(field.layouts),
        fitting=len(inside),
        best=best,
        pareto=tuple(field.estimate(index) for index in pareto),
    )


def batch_advice(
    work: Work, hardware: Hardware, nodes: int, constants: Calibration | None = None
) -> BatchAdvice | None:
    """Say how the global batch of the best layout is reached and what one change would buy; None where nothing fits.

    Changes: other recomputation, other ZeRO stages, twice the sequence, one more node; each with the best of the rest.
    """
    chosen = constants or calibration()
    field = _field(work, hardware, nodes, chosen)
    best = best_layouts(work, hardware, (nodes,), chosen)[0]
    if best.layout is None:
        return None
    here, layouts = best.layout, field.layouts
    alike = np.ones(len(layouts), dtype=np.bool_)
    for name in ("tp", "pp", "cp", "ep", "dp", "zero_stage"):
        alike &= getattr(layouts, name) == getattr(here, name)
    same = alike & (layouts.recompute == RECOMPUTE.index(here.recompute))
    fits = ~np.isnan(field.speed)
    index = int(np.flatnonzero(same & (layouts.micro_batch == here.micro_batch))[0])
    changes = [
        Change(what=f"{'no' if code == NONE else kind} recomputation", estimate=found)
        for code, kind in enumerate(RECOMPUTE)
        if kind != here.recompute and (found := field.fastest(alike & (layouts.recompute == code)))
    ]
    changes += [
        Change(what=f"ZeRO {stage}", estimate=found)
        for stage in range(4)
        if stage != here.zero_stage and (found := field.fastest(layouts.zero_stage == stage))
    ]
    longer = replace(work, sequence_length=2 * work.sequence_length, attention_span=2 * work.attention_span)
    changes.append(_changed(f"sequences of {2 * work.sequence_length} tokens", longer, hardware, nodes, chosen))
    changes.append(_changed("one more node", work, hardware, nodes + 1, chosen))
    return BatchAdvice(
        micro_batch=here.micro_batch,
        accumulation=int(layouts.micro_batches[index]),
        replicas=here.dp,
        largest_micro_batch=int(layouts.micro_batch[same & fits].max()),
        changes=tuple(changes),
    )


def _changed(what: str, work: Work, hardware: Hardware, nodes: int, constants: Calibration) -> Change:
    found = best_layouts(work, hardware, (nodes,), constants)[0]
    return Change(what=what, estimate=found if found.layout else None, reason=None if found.layout else found.reason)


def remedies(
    work: Work,
    hardware: Hardware,
    nodes: int,
    *,
    others: Mapping[str, Work] = MappingProxyType({}),
    bigger: Sequence[Hardware] = (),
    constants: Calibration | None = None,
) -> list[Change]:
    """Say what makes a job fit that does not as it is, in the order an engineer would try, each with its speed.

    The job as it is: no splitting but by data, no ZeRO, no recomputation, the largest micro batch. Each remedy adds to
    those before it: micro batch 1, recomputation, ZeRO, splitting the model; then `others`, the job with lighter
    states by what they are called, and other GPUs.
    Empty where the job fits as it is.
    """
    chosen = constants or calibration()
    field = _field(work, hardware, nodes, chosen)
    layouts = field.layouts
    data_only = (layouts.tp == 1) & (layouts.pp == 1) & (layouts.cp == 1) & (layouts.ep == 1)
    whole = data_only & (layouts.zero_stage == 0)
    steps: list[tuple[str, Callable[[], Bools]]] = [
        ("as it is", lambda: whole & (layouts.recompute == NONE) & (layouts.micro_batch > 1)),
        ("micro batch 1", lambda: whole & (layouts.recompute == NONE)),
        ("recomputation", lambda: whole),
        ("ZeRO", lambda: data_only),
        ("splitting the model (TP, PP, CP)", lambda: np.ones(len(layouts), dtype=np.bool_)),
    ]
    found: list[Change] = []
    for what, among in steps:
        mask = among()
        fit = field.fastest(mask)
        if fit is not None and what == "as it is":
            return []
        repeats = fit is not None and bool(found) and found[-1].estimate == fit
        if what != "as it is" and not repeats:
            found.append(Change(what=what, estimate=fit, reason=None if fit else _needs(field, mask)))
    found += [_changed(what, other, hardware, nodes, chosen) for what, other in others.items()]
    return found + [_changed(f"on {each.gpu.id}", work, each, nodes, chosen) for each in bigger]


def _needs(field: _Field, among: Bools) -> str:
    """Write the least that layouts of a step need."""
    if not among.any():
        return "no such layout is legal"
    least = float(field.total[among].min()) / GIB
    return f"needs {least:.1f} GiB of {field.hardware.capacity_gib:.1f}"
