"""Which job can run where, on how many nodes, at what speed: the choices that compete in the plan.

In this version the speeds are the measured ones of the plan document. A configuration is kept in whole tokens per
second and whole seconds, rounded against the plan (speeds down, times up).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from advisor.places import Exclusion, Place
from advisor.plan.schema import Job, Measured, TrainingPlan
from advisor.recommendation import Layout
from pricing.offer import Market

# Without estimates of our own, flat figures that the assumptions state. Start: provisioning, image, communication
# check, loading a checkpoint. Lost share: kept 0.93 of paid time is what 1- to 4-node gangs reach with up-spells of
# 8 to 10 h, checkpoints each half hour and 10 min to restart (exponential Young model, spot traces of 2022/23).
START_MINUTES_PRIOR = 15
SPOT_LOST_SHARE_PRIOR = Fraction(7, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A job on so many nodes of a place: whole-job speed and the time without progress at each segment's head."""

    job: str
    place: Place
    nodes: int
    tokens_per_second: int
    start_seconds: int
    speed_basis: str
    speed_source: str
    layout: Layout | None = None


def start_seconds(job: Job) -> int:
    """Return the paid time without progress at the head of every segment."""
    if job.startup_minutes is not None:
        return ceil(job.startup_minutes * 60)
    return 0 if job.only_measured else START_MINUTES_PRIOR * 60


def spot_kept_share(job: Job) -> Fraction:
    """Return the share of paid spot time that makes progress; nothing slows a job that is `only_measured`."""
    return Fraction(1) if job.only_measured else 1 - SPOT_LOST_SHARE_PRIOR


def configurations_of(
    job: Job, plan: TrainingPlan, places: Sequence[Place]
) -> tuple[list[Configuration], list[Exclusion]]:
    """Return every configuration of a job that its placement, markets, nodes and speeds allow, in the places' order."""
    found: list[Configuration] = []
    exclusions = _too_many_nodes(job, plan)
    for place in places:
        if not allows(job, plan, place):
            continue
        for entry in job.measured:
            if entry.machine == place.machine and entry.nodes <= job.max_nodes and entry.nodes <= most_nodes(place):
                found.append(_measured(job, place, entry))
    return found, exclusions


def most_nodes(place: Place) -> float:
    """Return the nodes of a place at its fullest; infinite where unlimited."""
    return float("inf") if place.capacity is None else max((nodes for _, nodes in place.capacity), default=0)


def allows(job: Job, plan: TrainingPlan, place: Place) -> bool:
    """Whether the job's placement and markets, and the plan's taste for spot, allow a place."""
    wanted = job.placement
    if place.kind == "cluster":
        return wanted.clusters is None or place.machine in wanted.clusters
    if place.is_spot and plan.max_miss_probability == 0:
        return False
    return (
        (wanted.providers is None or place.provider in wanted.providers)
        and (wanted.regions is None or place.region in wanted.regions)
        and (wanted.machines is None or place.machine in wanted.machines)
        and place.region not in wanted.exclude.regions
        and place.machine not in wanted.exclude.machines
        and (place.market is None or place.market in job.markets)
    )


def _measured(job: Job, place: Place, entry: Measured) -> Configuration:
    share = spot_kept_share(job) if place.market is Market.SPOT else Fraction(1)
    return Configuration(
        job=job.name,
        place=place,
        nodes=entry.nodes,
        tokens_per_second=max(1, floor(Fraction(floor(entry.tokens_per_second)) * share)),
        start_seconds=start_seconds(job),
        speed_basis="measured",
        speed_source=entry.source or f"plan document, measured on {entry.machine}",
    )


def _too_many_nodes(job: Job, plan: TrainingPlan) -> list[Exclusion]:
    size = {cluster.name: cluster.nodes for cluster in plan.clusters}
    exclusions = []
    for entry in job.measured:
        what = f"{job.name} on {entry.nodes} nodes of {entry.machine}"
        if entry.nodes > job.max_nodes:
            exclusions.append(Exclusion(what, f"more than the job's max_nodes of {job.max_nodes}"))
        elif entry.nodes > size.get(entry.machine, entry.nodes):
            exclusions.append(Exclusion(what, f"the cluster has {size[entry.machine]} nodes"))
    return exclusions


def unmeasured_machines(places: Sequence[Place], jobs: Sequence[Job]) -> list[Exclusion]:
    """List the machines that have a price and no measured speed of any job."""
    measured = {entry.machine for job in jobs for entry in job.measured}
    missing = Counter(place.machine for place in places if place.machine not in measured)
    return [
        Exclusion(f"{machine} ({count} {'place' if count == 1 else 'places'})", "no job has a measured speed on it")
        for machine, count in sorted(missing.items())
    ]
