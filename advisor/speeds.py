"""How fast a job runs on a kind of nodes: measured where the plan says so, else estimated, for every node count.

A measured speed overrides the estimate of its machine and node count and is never lessened; an estimated one loses the
plan's `speed_margin`, by default down to the low end of its own 80 % interval. Speeds are planned in whole tokens per
second, rounded down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Literal

from advisor.plan.schema import Job, Measured, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.recommendation import Layout

if TYPE_CHECKING:
    from advisor.estimate.estimate import Estimate
    from advisor.estimate.hardware import Hardware
    from advisor.estimate.site_factors import SiteCalibration
    from advisor.estimate.work import Work

# Every count competes up to here; above only multiples, and the assumptions say so.
EVERY_NODE_COUNT_TO = 256
COUNT_STEP = 32
MOST_NODES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """A job's speed on so many nodes as it is planned, with its origin; `is_tight` where memory is nearly full.

    `low` and `high` bound the 80 % interval around an estimate, in tokens per second; None of a measured speed.
    """

    nodes: int
    tokens_per_second: int
    basis: Literal["measured", "estimated"]
    source: str
    layout: Layout | None = None
    is_tight: bool = False
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """Node counts, from the first to the last, on which nothing fits, and why on the fewest."""

    first: int
    last: int
    reason: str

    def described(self) -> str:
        """Write "on 1 to 3 nodes"."""
        if self.first == self.last:
            return f"on {self.first} node{'s' if self.first > 1 else ''}"
        return f"on {self.first} to {self.last} nodes"


@dataclass(frozen=True, slots=True)
class Speeds:
    """All speeds of a job on one kind of nodes by rising node count, and where nothing fits."""

    known: tuple[Speed, ...]
    unfit: tuple[Unfit, ...] = ()


def planned_speed(found: "Estimate", plan: TrainingPlan) -> int:
    """Return an estimated speed as it is planned: less the margin, in whole tokens per second, rounded down."""
    speed, low = found.tokens_per_second or 0.0, found.tokens_per_second_low or 0.0
    left = Fraction(low) if plan.speed_margin is None else Fraction(speed) * (1 - Fraction(plan.speed_margin))
    return max(1, floor(left))


def margin_words(plan: TrainingPlan) -> str:
    """Say what is taken off estimated speeds."""
    if plan.speed_margin is None:
        return "less what leads to the low end of their 80 % interval (speed_margin)"
    return f"less {float(100 * plan.speed_margin):g} % (speed_margin)"


def node_counts(most: int) -> list[int]:
    """Return the node counts that compete up to a job's maximum."""
    every = list(range(1, min(most, EVERY_NODE_COUNT_TO) + 1))
    first = EVERY_NODE_COUNT_TO + COUNT_STEP
    return every + list(range(first, min(most, MOST_NODES) + 1, COUNT_STEP))


def speeds_of(job: Job, shape: ModelShape, plan: TrainingPlan, name: str) -> Speeds:
    """Return the speeds of a job on a rented machine or an owned cluster, by its name."""
    measured = {entry.nodes: _measured(entry) for entry in job.measured if entry.machine == name}
    within = {nodes: speed for nodes, speed in measured.items() if nodes <= job.max_nodes}
    if job.only_measured:
        return Speeds(tuple(within[nodes] for nodes in sorted(within)))
    found = estimates_of(job, shape, plan, name)
    for estimate in found:
        if estimate.tokens_per_second is not None and estimate.nodes not in within:
            within[estimate.nodes] = _estimated(estimate, plan)
    unfit = _unfit([each for each in found if each.tokens_per_second is None and each.nodes not in measured])
    return Speeds(tuple(within[nodes] for nodes in sorted(within)), unfit)


def estimates_of(job: Job, shape: ModelShape, plan: TrainingPlan, name: str) -> "Sequence[Estimate]":
    """Estimate a job on every node count that competes: of a cluster, at most as many as it has."""
    from advisor.estimate.work import work_of

    hardware, size = hardware_named(name, plan)
    most = job.max_nodes if size is None else min(job.max_nodes, size)
    return _best_layouts(work_of(job, shape), hardware, tuple(node_counts(most)), site_of(plan))


def hardware_named(name: str, plan: TrainingPlan) -> "tuple[Hardware, int | None]":
    """Return the nodes of a cluster with how many there are, or of a rented machine with None."""
    from advisor.estimate.hardware import hardware_of_cluster, hardware_of_machine

    owned = next((cluster for cluster in plan.clusters if cluster.name == name), None)
    return (hardware_of_cluster(owned), owned.nodes) if owned else (hardware_of_machine(name, plan), None)


@lru_cache(maxsize=1024)
def _best_layouts(
    work: "Work", hardware: "Hardware", counts: tuple[int, ...], site: "SiteCalibration | None"
) -> "tuple[Estimate, ...]":
    from advisor.estimate.search import best_layouts

    return tuple(best_layouts(work, hardware, counts, site=site))


def site_of(plan: TrainingPlan) -> "SiteCalibration | None":
    """Return the factors of the site's own runs that the plan gives."""
    from advisor.estimate.site_factors import SiteCalibration, SiteFactor

    if not isinstance(plan.calibration, list) or not plan.calibration:
        return None
    rows = (
        SiteFactor(
            quantity=row.quantity,
            gpu=row.gpu,
            stack=row.stack,
            runs=row.runs,
            factor=float(row.factor),
            low=float(row.low),
            high=float(row.high),
        )
        for row in plan.calibration
    )
    return SiteCalibration(tuple(rows), "plan document")


def _measured(entry: Measured) -> Speed:
    return Speed(
        nodes=entry.nodes,
        tokens_per_second=floor(entry.tokens_per_second),
        basis="measured",
        source=entry.source or f"plan document, measured on {entry.machine}",
    )


def _estimated(found: "Estimate", plan: TrainingPlan) -> Speed:
    speed, low, share = found.tokens_per_second or 0.0, found.tokens_per_second_low or 0.0, found.mfu or 0.0
    margin = 100 * (1 - low / speed) if plan.speed_margin is None else float(100 * plan.speed_margin)
    runs = found.site_runs
    at_site = f", scaled by {runs} {'run' if runs == 1 else 'runs'} of the site" if runs else ""
    bound = ": the low end of the 80 % interval" if plan.speed_margin is None else ""
    less = f", less {margin:.3g} % (speed_margin{bound})" if margin else ""
    return Speed(
        nodes=found.nodes,
        tokens_per_second=planned_speed(found, plan),
        basis="estimated",
        source=f"estimate of {speed:,.0f} tokens/s at {100 * share:.0f} % MFU{at_site}{less}",
        layout=found.layout,
        is_tight=found.verdict == "tight",
        low=_whole(found.tokens_per_second_low),
        high=_whole(found.tokens_per_second_high),
    )


def _whole(tokens_per_second: float | None) -> int | None:
    return None if tokens_per_second is None else max(1, floor(tokens_per_second))


def _unfit(refused: "Sequence[Estimate]") -> tuple[Unfit, ...]:
    """Join neighbouring node counts without a layout that fits; the reason is that of the fewest nodes."""
    spans: list[Unfit] = []
    for each in refused:
        if spans and spans[-1].last == each.nodes - 1:
            spans[-1] = Unfit(spans[-1].first, each.nodes, spans[-1].reason)
        else:
            spans.append(Unfit(each.nodes, each.nodes, each.reason or "no layout fits"))
    return tuple(spans)
