"""Which job can run where, on how many nodes, at what speed: the choices that compete in the plan.

Speeds are measured ones of the plan document, or estimates of every node count (`advisor.speeds`). A configuration is
kept in whole tokens per second and whole seconds, rounded against the plan (speeds down, times up).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from advisor.places import Exclusion, Place
from advisor.plan.schema import Job, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.recommendation import Layout
from advisor.restarts import spot_loss, start_seconds
from advisor.speeds import Speed, Speeds, speeds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A job on so many nodes of a place: whole-job speed and the time without progress at each segment's head.

    On spot the speed is lessened by what interruptions lose, `kept_share`; so are `low` and `high`, the bounds of the
    80 % interval around an estimate (None where the speed is measured).
    """

    job: str
    place: Place
    nodes: int
    tokens_per_second: int
    start_seconds: int
    speed_basis: str
    speed_source: str
    layout: Layout | None = None
    is_tight: bool = False
    kept_share: Fraction = Fraction(1)
    low: int | None = None
    high: int | None = None

    @property
    def micro_usd_per_hour(self) -> int:
        """Price of all nodes for an hour."""
        return self.nodes * self.place.micro_usd_per_hour


Choices = dict[str, list[Configuration]]


def configurations_of(
    job: Job, plan: TrainingPlan, places: Sequence[Place], shape: ModelShape, slower: Decimal = Decimal(0)
) -> tuple[Choices, list[Exclusion]]:
    """Return a job's configurations by the key of their place, and why others are none.

    Placement, markets, nodes and speeds decide; places without a configuration are left out. Estimated speeds lose the
    share `slower` beyond the plan's margin.
    """
    exclusions = _too_many_nodes(job, plan)
    found: Choices = {}
    twins: dict[tuple[object, ...], list[Configuration]] = {}
    known: dict[str, Speeds] = {}
    for place in places:
        if not allows(job, plan, place):
            continue
        if place.machine not in known:
            known[place.machine] = speeds_of(job, shape, plan, place.machine)
            exclusions += _unfit(job, place, known[place.machine])
        # Places of one machine and market differ in price only: their speeds are worked out once.
        kind = (place.machine, place.kind, place.market, place.interruption_rate_per_hour)
        if kind not in twins:
            twins[kind] = [_configuration(job, shape, place, speed, slower) for speed in known[place.machine].known]
        most = most_nodes(place)
        mine = [_moved(each, place) for each in twins[kind] if each.nodes <= most]
        if mine:
            found[place.key] = mine
    return found, exclusions


def _configuration(job: Job, shape: ModelShape, place: Place, speed: Speed, slower: Decimal) -> Configuration:
    rate, source, kept = speed.tokens_per_second, speed.source, Fraction(1)
    if slower and speed.basis == "estimated":
        rate = max(1, floor(rate * (1 - Fraction(slower))))
    if place.is_spot and not job.only_measured:
        kept = spot_loss(job, shape, place, speed.nodes).kept
        rate = max(1, floor(rate * kept))
        source += f"; {float(1 - kept):.1%} of paid spot time lost to interruptions"
    return Configuration(
        job=job.name,
        place=place,
        nodes=speed.nodes,
        tokens_per_second=rate,
        start_seconds=start_seconds(job, shape, speed.nodes, owned=place.kind == "cluster"),
        speed_basis=speed.basis,
        speed_source=source,
        layout=speed.layout,
        is_tight=speed.is_tight,
        kept_share=kept,
        low=None if speed.low is None else max(1, floor(speed.low * kept)),
        high=None if speed.high is None else max(1, floor(speed.high * kept)),
    )


def _moved(choice: Configuration, place: Place) -> Configuration:
    if choice.place is place:
        return choice
    return Configuration(
        job=choice.job,
        place=place,
        nodes=choice.nodes,
        tokens_per_second=choice.tokens_per_second,
        start_seconds=choice.start_seconds,
        speed_basis=choice.speed_basis,
        speed_source=choice.speed_source,
        layout=choice.layout,
        is_tight=choice.is_tight,
        kept_share=choice.kept_share,
        low=choice.low,
        high=choice.high,
    )


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


def _unfit(job: Job, place: Place, speeds: Speeds) -> list[Exclusion]:
    """Say on how many nodes of a machine or cluster nothing fits, and why: first that of the fewest nodes."""
    owned = "cluster " if place.kind == "cluster" else ""
    most = 2
    said = [
        Exclusion(f"{job.name} {span.described()} of {owned}{place.machine}", span.reason)
        for span in speeds.unfit[:most]
    ]
    if len(speeds.unfit) > most:
        others = ", ".join(str(s.first) if s.first == s.last else f"{s.first} to {s.last}" for s in speeds.unfit[most:])
        said.append(Exclusion(f"{job.name} on {others} nodes of {owned}{place.machine}", "no legal layout fits"))
    return said


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
    """List the machines that have a price and no measured speed of any job, where no speed may be estimated."""
    if not all(job.only_measured for job in jobs):
        return []
    measured = {entry.machine for job in jobs for entry in job.measured}
    missing = Counter(place.machine for place in places if place.machine not in measured)
    return [
        Exclusion(f"{machine} ({count} {'place' if count == 1 else 'places'})", "no job has a measured speed on it")
        for machine, count in sorted(missing.items())
    ]


def counted(choices: Mapping[str, Sequence[Configuration]]) -> int:
    """Count configurations over all places."""
    return sum(len(each) for each in choices.values())
