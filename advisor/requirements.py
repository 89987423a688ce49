"""What a plan asks for and its user could relax, each with the plan as it would be without it."""

from collections.abc import Callable
from dataclasses import dataclass

from advisor.plan.schema import Job, Placement, TrainingPlan
from pricing.moments import moment_text
from pricing.offer import Market

Change = Callable[[TrainingPlan], TrainingPlan]
# More nodes than any plan uses, and as many segments as the solver proves infeasibility for.
UNBOUND = 10_000
MANY_SEGMENTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that can be relaxed: where it stands, what it says, and the plan without it."""

    path: str
    says: str
    without: Change


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


def _of_job(index: int, field: str, says: str, **changes: object) -> Requirement:
    return Requirement(path=f"jobs[{index}].{field}", says=says, without=lambda plan: with_job(plan, index, **changes))


def _choices(index: int, job: Job) -> list[Requirement]:
    found = []
    if job.max_segments < MANY_SEGMENTS:
        says = f"{job.name}: at most {job.max_segments} segments"
        found.append(_of_job(index, "max_segments", says, max_segments=MANY_SEGMENTS))
    found += [
        _of_job(index, "max_nodes", f"{job.name}: at most {job.max_nodes} nodes", max_nodes=UNBOUND),
    ]
    if set(job.markets) < {Market.ON_DEMAND, Market.SPOT}:
        markets = ", ".join(job.markets) or "none"
        both = [*job.markets, *(m for m in (Market.ON_DEMAND, Market.SPOT) if m not in job.markets)]
        found.append(_of_job(index, "markets", f"{job.name}: markets {markets} only", markets=both))
    if job.placement != Placement():
        found.append(_of_job(index, "placement", f"{job.name}: only where placement allows", placement=Placement()))
    return found


def _order(index: int, plan: TrainingPlan) -> list[Requirement]:
    job, found = plan.jobs[index], []
    if job.earliest_start is not None:
        says = f"{job.name}: not before {moment_text(job.earliest_start)}"
        found.append(_of_job(index, "earliest_start", says, earliest_start=None))
    if job.after:
        found.append(_of_job(index, "after", f"{job.name}: after {', '.join(job.after)}", after=[]))
    return found


def _deadline(index: int, plan: TrainingPlan) -> Requirement:
    job = plan.jobs[index]
    assert job.deadline is not None  # noqa: S101  the caller lists jobs with a deadline
    return _of_job(index, "deadline", f"{job.name}: done by {moment_text(job.deadline)}", deadline=None)


def _spot(plan: TrainingPlan) -> list[Requirement]:
    if plan.max_miss_probability == 1:
        return []
    says = (
        "no spot" if plan.max_miss_probability == 0 else "spot only while a non-spot option could still finish in time"
    )
    return [
        Requirement(
            path="max_miss_probability",
            says=f"{plan.max_miss_probability}: {says}",
            without=lambda plan: plan.model_copy(update={"max_miss_probability": type(plan.max_miss_probability)(1)}),
        )
    ]


def _horizon(plan: TrainingPlan) -> list[Requirement]:
    if plan.horizon_days is None and all(job.deadline is not None for job in plan.jobs):
        return []
    days = "90 days (default)" if plan.horizon_days is None else f"{plan.horizon_days:f} days"
    return [
        Requirement(
            path="horizon_days",
            says=f"everything is done within {days} of the start",
            without=lambda plan: plan.model_copy(update={"horizon_days": None}),
        )
    ]


def _cluster(index: int, plan: TrainingPlan) -> list[Requirement]:
    cluster = plan.clusters[index]

    def changed(**changes: object) -> Change:
        def change(plan: TrainingPlan) -> TrainingPlan:
            clusters = list(plan.clusters)
            clusters[index] = clusters[index].model_copy(update=changes)
            return plan.model_copy(update={"clusters": clusters})

        return change

    nodes = Requirement(
        path=f"clusters[{index}].nodes",
        says=f"{cluster.name} has {cluster.nodes} nodes",
        without=changed(nodes=UNBOUND),
    )
    if cluster.available is None:
        return [nodes]
    windows = Requirement(
        path=f"clusters[{index}].available",
        says=f"{cluster.name} has its nodes only in the stated windows",
        without=changed(available=None),
    )
    # A window states its own nodes, so the windows are dropped first.
    return [windows, nodes]


def _limit(index: int, plan: TrainingPlan) -> Requirement:
    limit = plan.limits[index]
    scope = " ".join(filter(None, [limit.provider, limit.region, limit.machine, limit.market])) or "everything rented"

    def change(plan: TrainingPlan) -> TrainingPlan:
        limits = list(plan.limits)
        limits[index] = limits[index].model_copy(update={"max_nodes": UNBOUND})
        return plan.model_copy(update={"limits": limits})

    return Requirement(
        path=f"limits[{index}].max_nodes", says=f"at most {limit.max_nodes} nodes of {scope}", without=change
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
            found.append(_of_job(i, "budget_usd", says, budget_usd=None))
    return found
