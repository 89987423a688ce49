"""Jobs that run nowhere: why, and the nearest thing that would help, from the estimates alone.

No requirement of time or money is to blame here, so nothing is solved: a job has no speed on any node that it may use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.plan.references import machine_names
from advisor.plan.schema import Job, Placement, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.recommendation import Conflict
from advisor.speeds import estimates_of, speeds_of
from pricing.hardware import machines
from pricing.offer import Market

if TYPE_CHECKING:
    from advisor.estimate.estimate import Estimate

# How far more nodes are tried, as a multiple of what the job may use.
MOST_TIMES = 8


@dataclass(frozen=True, slots=True)
class Miss:
    """A kind of nodes on which nothing fits, at its closest."""

    name: str
    estimate: "Estimate"

    @property
    def excess(self) -> float:
        """What it needs over what it has; where no layout is legal, more than anything."""
        found = self.estimate
        return float("inf") if found.memory_gib is None else found.memory_gib.total / found.capacity_gib


def may_rent(job: Job, plan: TrainingPlan, name: str) -> bool:
    """Whether placement, markets and the plan's taste for spot leave a job a rented machine, whatever its price."""
    wanted = job.placement
    own = next((machine.provider for machine in plan.machines if machine.name == name), None)
    provider = own or machines()[name].provider
    sold = None if own else set(machines()[name].markets)
    markets = [market for market in job.markets if market is not Market.SPOT or plan.max_miss_probability != 0]
    return (
        any(sold is None or market in sold for market in markets)
        and (wanted.machines is None or name in wanted.machines)
        and name not in wanted.exclude.machines
        and (wanted.providers is None or provider in wanted.providers)
        and wanted.regions != []
    )


def open_names(job: Job, plan: TrainingPlan) -> list[str]:
    """Name the clusters and rented machines that a job may use."""
    wanted = job.placement.clusters
    owned = [cluster.name for cluster in plan.clusters if wanted is None or cluster.name in wanted]
    return owned + sorted(name for name in machine_names(plan) if may_rent(job, plan, name))


def jobs_that_fit_nowhere(plan: TrainingPlan, shapes: Mapping[str, ModelShape]) -> list[Conflict]:
    """Say of every job without any speed on what it may use why, and what would help."""
    conflicts = []
    for index, job in enumerate(plan.jobs):
        names = open_names(job, plan)
        if job.only_measured:
            if not job.measured:
                says = f"{job.name} is only_measured and has no measured speed; state one, or drop only_measured"
                conflicts.append(Conflict(path=f"jobs[{index}].measured", says=says))
        elif names and not any(speeds_of(job, shapes[job.name], plan, name).known for name in names):
            conflicts.append(_conflict(index, job, plan, shapes[job.name], names))
    return conflicts


def _conflict(index: int, job: Job, plan: TrainingPlan, shape: ModelShape, names: Sequence[str]) -> Conflict:
    nearest = min((_nearest(job, plan, shape, name) for name in names), key=lambda miss: miss.excess)
    nodes = nearest.estimate.nodes
    says = f"{job.name} fits on nothing it may use; nearest, on {nodes} {nearest.name}: {nearest.estimate.reason}"
    field, cure = _remedy(job, plan, shape, names)
    return Conflict(path=f"jobs[{index}].{field}", says=f"{says}. {cure}")


def _nearest(job: Job, plan: TrainingPlan, shape: ModelShape, name: str) -> Miss:
    return min((Miss(name, each) for each in estimates_of(job, shape, plan, name)), key=lambda miss: miss.excess)


def _remedy(job: Job, plan: TrainingPlan, shape: ModelShape, names: Sequence[str]) -> tuple[str, str]:
    """Return the field to change and how: more nodes, other places, then a method that trains less."""
    larger = plan.model_copy(
        update={"clusters": [c.model_copy(update={"nodes": MOST_TIMES * c.nodes}) for c in plan.clusters]}
    )
    more = job.model_copy(update={"max_nodes": MOST_TIMES * job.max_nodes})
    found = _fewest(more, larger, shape, names)
    if found:
        name, nodes = found
        return "max_nodes", f"It would fit on {nodes} nodes of {name}"
    free = job.model_copy(update={"placement": Placement()})
    found = _fewest(free, plan, shape, open_names(free, plan))
    if found:
        name, nodes = found
        return "placement", f"It would fit on {nodes} node{'s' if nodes > 1 else ''} of {name}, which placement forbids"
    for method in ("lora", "qlora"):
        lighter = job.model_copy(update={"method": method})
        found = None if job.method in {method, "qlora", "pretrain"} else _fewest(lighter, plan, shape, names)
        if found:
            name, nodes = found
            return "method", f"With method {method} it would fit on {nodes} node{'s' if nodes > 1 else ''} of {name}"
    return "model", "Neither more nodes, other machines nor a method that trains less helps"


def _fewest(job: Job, plan: TrainingPlan, shape: ModelShape, names: Sequence[str]) -> tuple[str, int] | None:
    """Return where a job fits on the fewest nodes."""
    fits = [(speeds.known[0].nodes, name) for name in names if (speeds := speeds_of(job, shape, plan, name)).known]
    return min(fits)[::-1] if fits else None
