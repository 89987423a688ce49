"""What a plan asks for and its user could relax: each with the plan without it, and with a little less of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from advisor.plan.load import LONGEST_HORIZON_DAYS, OPEN_HORIZON_DAYS
from advisor.plan.schema import Job, Placement, TrainingPlan
from pricing.moments import moment_text
from pricing.offer import Market

Change = Callable[[TrainingPlan], TrainingPlan]
# More nodes than any plan uses, and as many segments as the solver proves infeasibility for.
UNBOUND = 10_000
MANY_SEGMENTS = 8
MOST_DOLLARS = 10**9
HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A requirement relaxed by a whole amount from 1 to `most`; more is never harder. `unit` is what one step is."""

    most: int
    unit: str
    at: Callable[[TrainingPlan, int], TrainingPlan]
    says: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Choice:
    """Another way to relax a requirement, in words."""

    says: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that can be relaxed: where it stands, what it says, the plan without it and with less of it."""

    path: str
    says: str
    without: Change
    ladder: Ladder | None = None
    choices: tuple[Choice, ...] = ()


def requirements_of(plan: TrainingPlan) -> list[Requirement]:
    """List what can be relaxed, from what a user gives up first to what matters most.

    Deadlines come last, those of jobs of low priority before those of high priority: what stands last is the last to
    be dropped from a conflict, so a conflict names deadlines and budgets rather than placement.
    """
    by_priority = sorted(range(len(plan.jobs)), key=lambda i: (-plan.jobs[i].priority, i))
    return [
        *(r for i in by_priority for r in _choices(i, plan.jobs[i])),
        *_spot(plan),
        *(r for i in range(len(plan.clusters)) for r in _cluster(i, plan)),
        *(_limit(i, plan) for i in range(len(plan.limits))),
        *(r for i in by_priority for r in _order(i, plan)),
        *_budgets(plan, by_priority),
        *_horizon(plan),
        *(_deadline(i, plan) for i in by_priority if plan.jobs[i].deadline is not None),
    ]


def with_job(plan: TrainingPlan, index: int, **changes: object) -> TrainingPlan:
    """Return the plan with fields of one job changed."""
    jobs = list(plan.jobs)
    jobs[index] = jobs[index].model_copy(update=changes)
    return plan.model_copy(update={"jobs": jobs})


def _job_change(index: int, **changes: object) -> Change:
    return lambda plan: with_job(plan, index, **changes)


def _of_job(
    index: int, field: str, says: str, *, ladder: Ladder | None = None, choices: Sequence[Choice] = (), **drop: object
) -> Requirement:
    path = f"jobs[{index}].{field}"
    return Requirement(path=path, says=says, without=_job_change(index, **drop), ladder=ladder, choices=tuple(choices))


def _count_ladder(index: int, field: str, stated: int, most: int, unit: str) -> Ladder:
    return Ladder(
        most=most,
        unit=unit,
        at=lambda plan, more: with_job(plan, index, **{field: stated + more}),
        says=lambda more: f"{field} + {more}, to {stated + more}",
    )


def _choices(index: int, job: Job) -> list[Requirement]:
    found = []
    if job.max_segments < MANY_SEGMENTS:
        says = f"{job.name}: at most {job.max_segments} segments"
        ladder = _count_ladder(index, "max_segments", job.max_segments, MANY_SEGMENTS - job.max_segments, "segment")
        found.append(_of_job(index, "max_segments", says, ladder=ladder, max_segments=MANY_SEGMENTS))
    ladder = _count_ladder(index, "max_nodes", job.max_nodes, UNBOUND - job.max_nodes, "node")
    says = f"{job.name}: at most {job.max_nodes} nodes"
    found.append(_of_job(index, "max_nodes", says, ladder=ladder, max_nodes=UNBOUND))
    if set(job.markets) < {Market.ON_DEMAND, Market.SPOT}:
        found.append(_markets(index, job))
    if job.placement != Placement():
        says = f"{job.name}: only where placement allows"
        found.append(_of_job(index, "placement", says, choices=_placements(index, job), placement=Placement()))
    return found


def _markets(index: int, job: Job) -> Requirement:
    missing = [market for market in (Market.ON_DEMAND, Market.SPOT) if market not in job.markets]
    choices = [Choice(f"markets + {market}", _job_change(index, markets=[*job.markets, market])) for market in missing]
    says = f"{job.name}: markets {', '.join(job.markets) or 'none'} only"
    return _of_job(index, "markets", says, choices=choices, markets=[*job.markets, *missing])


def _placements(index: int, job: Job) -> list[Choice]:
    """One part of the placement dropped, then all of it."""
    found, empty = [], Placement()
    for field in Placement.model_fields:
        if getattr(job.placement, field) != getattr(empty, field):
            less = job.placement.model_copy(update={field: getattr(empty, field)})
            found.append(Choice(f"without placement.{field}", _job_change(index, placement=less)))
    if len(found) > 1:
        found.append(Choice("without placement", _job_change(index, placement=empty)))
    return found


def _order(index: int, plan: TrainingPlan) -> list[Requirement]:
    job, found = plan.jobs[index], []
    start = plan.start
    if job.earliest_start is not None and start is not None and job.earliest_start > start:
        stated = job.earliest_start
        says = f"{job.name}: not before {moment_text(stated)}"
        ladder = Ladder(
            most=-((start - stated) // timedelta(hours=1)),
            unit="hour",
            at=lambda plan, hours: with_job(plan, index, earliest_start=stated - timedelta(hours=hours)),
            says=lambda hours: f"earliest_start - {hours} h, to {moment_text(stated - timedelta(hours=hours))}",
        )
        found.append(_of_job(index, "earliest_start", says, ladder=ladder, earliest_start=None))
    if job.after:
        says = f"{job.name}: after {', '.join(job.after)}"
        choices = [Choice(f"not after {', '.join(job.after)}", _job_change(index, after=[]))]
        found.append(_of_job(index, "after", says, choices=choices, after=[]))
    return found


def _deadline(index: int, plan: TrainingPlan) -> Requirement:
    job = plan.jobs[index]
    stated, start = job.deadline, plan.start
    assert stated is not None  # noqa: S101  the caller lists jobs with a deadline
    assert start is not None  # noqa: S101  loading settles it
    days = LONGEST_HORIZON_DAYS if plan.horizon_days is None else plan.horizon_days
    room = start + timedelta(days=float(days)) - stated
    ladder = Ladder(
        most=max(0, room // timedelta(hours=1)),
        unit="hour",
        at=lambda plan, hours: with_job(plan, index, deadline=stated + timedelta(hours=hours)),
        says=lambda hours: f"deadline + {hours} h, to {moment_text(stated + timedelta(hours=hours))}",
    )
    return _of_job(index, "deadline", f"{job.name}: done by {moment_text(stated)}", ladder=ladder, deadline=None)


def _spot(plan: TrainingPlan) -> list[Requirement]:
    if plan.max_miss_probability == 1:
        return []
    says = (
        "no spot" if plan.max_miss_probability == 0 else "spot only while a non-spot option could still finish in time"
    )

    def lifted(plan: TrainingPlan) -> TrainingPlan:
        return plan.model_copy(update={"max_miss_probability": Decimal(1)})

    return [
        Requirement(
            path="max_miss_probability",
            says=f"{plan.max_miss_probability}: {says}",
            without=lifted,
            choices=(Choice("max_miss_probability 1: spot without a net", lifted),),
        )
    ]


def _horizon(plan: TrainingPlan) -> list[Requirement]:
    if plan.horizon_days is None and all(job.deadline is not None for job in plan.jobs):
        return []
    stated = Decimal(OPEN_HORIZON_DAYS) if plan.horizon_days is None else plan.horizon_days
    days = f"{OPEN_HORIZON_DAYS} days (default)" if plan.horizon_days is None else f"{stated:f} days"
    ladder = Ladder(
        most=max(0, LONGEST_HORIZON_DAYS - int(stated)),
        unit="day",
        at=lambda plan, more: plan.model_copy(update={"horizon_days": stated + more}),
        says=lambda more: f"horizon_days + {more}, to {stated + more:f}",
    )
    return [
        Requirement(
            path="horizon_days",
            says=f"everything is done within {days} of the start",
            without=lambda plan: plan.model_copy(update={"horizon_days": None}),
            ladder=ladder,
        )
    ]


def _with_cluster(index: int, **changes: object) -> Change:
    def change(plan: TrainingPlan) -> TrainingPlan:
        clusters = list(plan.clusters)
        clusters[index] = clusters[index].model_copy(update=changes)
        return plan.model_copy(update={"clusters": clusters})

    return change


def with_more_nodes(index: int, more: int) -> Change:
    """So many more nodes, in every stated window with nodes too: they would follow the same calendar."""

    def change(plan: TrainingPlan) -> TrainingPlan:
        cluster = plan.clusters[index]
        windows = cluster.available
        if windows is not None:
            windows = [w.model_copy(update={"nodes": w.nodes + more}) if w.nodes else w for w in windows]
        return _with_cluster(index, nodes=cluster.nodes + more, available=windows)(plan)

    return change


def _cluster(index: int, plan: TrainingPlan) -> list[Requirement]:
    cluster = plan.clusters[index]
    nodes = Requirement(
        path=f"clusters[{index}].nodes",
        says=f"{cluster.name} has {cluster.nodes} nodes",
        without=with_more_nodes(index, UNBOUND),
        ladder=Ladder(
            most=UNBOUND,
            unit="node",
            at=lambda plan, more: with_more_nodes(index, more)(plan),
            says=lambda more: f"nodes + {more}, to {cluster.nodes + more}",
        ),
    )
    if cluster.available is None:
        return [nodes]
    always = _with_cluster(index, available=None)
    windows = Requirement(
        path=f"clusters[{index}].available",
        says=f"{cluster.name} has its nodes only in the stated windows",
        without=always,
        choices=(Choice(f"{cluster.name} always available, all {cluster.nodes} nodes", always),),
    )
    # A window states its own nodes, so the windows are dropped first.
    return [windows, nodes]


def _limit(index: int, plan: TrainingPlan) -> Requirement:
    limit = plan.limits[index]
    scope = " ".join(filter(None, [limit.provider, limit.region, limit.machine, limit.market])) or "everything rented"

    def at(plan: TrainingPlan, more: int) -> TrainingPlan:
        limits = list(plan.limits)
        limits[index] = limits[index].model_copy(update={"max_nodes": limit.max_nodes + more})
        return plan.model_copy(update={"limits": limits})

    return Requirement(
        path=f"limits[{index}].max_nodes",
        says=f"at most {limit.max_nodes} nodes of {scope}",
        without=lambda plan: at(plan, UNBOUND),
        ladder=Ladder(
            most=UNBOUND,
            unit="node",
            at=at,
            says=lambda more: f"max_nodes + {more}, to {limit.max_nodes + more} ({scope})",
        ),
    )


def _budgets(plan: TrainingPlan, by_priority: list[int]) -> list[Requirement]:
    found = []
    if plan.budget_usd is not None:
        found.append(
            Requirement(
                path="budget_usd",
                says=f"the whole plan costs at most ${plan.budget_usd:,.2f}",
                without=lambda plan: plan.model_copy(update={"budget_usd": None}),
            )
        )
    for i in by_priority:
        budget = plan.jobs[i].budget_usd
        if budget is not None:
            says = f"{plan.jobs[i].name}: costs at most ${budget:,.2f}"
            found.append(_of_job(i, "budget_usd", says, ladder=_budget_ladder(i, budget), budget_usd=None))
    return found + [_cap(i, plan) for i in range(len(plan.budgets))]


def _cap(index: int, plan: TrainingPlan) -> Requirement:
    cap = plan.budgets[index]
    whom = "all jobs" if cap.cost_center is None else f"cost centre {cap.cost_center}"
    when = "" if cap.month is None else f" in {cap.month}"

    def at(plan: TrainingPlan, more: int) -> TrainingPlan:
        caps = list(plan.budgets)
        caps[index] = caps[index].model_copy(update={"usd": cap.usd + more})
        return plan.model_copy(update={"budgets": caps})

    return Requirement(
        path=f"budgets[{index}].usd",
        says=f"{whom} cost at most ${cap.usd:,.2f}{when}",
        without=lambda plan: at(plan, MOST_DOLLARS),
        ladder=Ladder(
            most=MOST_DOLLARS,
            unit="USD",
            at=at,
            says=lambda more: f"usd + ${more:,}, to ${cap.usd + more:,.2f} ({whom}{when})",
        ),
    )


def _budget_ladder(index: int, stated: Decimal) -> Ladder:
    return Ladder(
        most=MOST_DOLLARS,
        unit="USD",
        at=lambda plan, more: with_job(plan, index, budget_usd=stated + more),
        says=lambda more: f"budget_usd + ${more:,}, to ${stated + more:,.2f}",
    )
