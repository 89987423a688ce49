"""Translates a plan into the solver's integers, and keeps the ledger of what each number stood for.

The only place where meaning becomes integers: seconds from the plan's start, micro-USD, tokens, nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from advisor.configurations import Choices, Configuration, configurations_of
from advisor.dominance import limit_matches, undominated
from advisor.places import Exclusion, Grid, Place
from advisor.plan.schema import BudgetCap, Job, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.progress import NOTHING_RUNS, Running, going_on
from advisor.site_costs import SiteCharge, moving_charges, site_charges
from advisor.spot_net import HOUR, Net, spot_nets
from pricing.money import micro_usd
from solver import After, Budget, Commit, Option, Pool, Problem, Quota
from solver import Job as SolverJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the integers of a problem stood for; `reach` counts the configurations that each job could choose from."""

    plan: TrainingPlan
    grid: Grid
    places: Mapping[str, Place]
    configurations: Mapping[tuple[str, str, int], Configuration]
    staging: Mapping[tuple[str, str], Sequence[SiteCharge]]
    moving: Mapping[tuple[str, str], SiteCharge]
    nets: Mapping[str, Net]
    quota_paths: Sequence[str]
    budget_paths: Sequence[str]
    upfront_micro_usd: int
    exclusions: Sequence[Exclusion]
    shapes: Mapping[str, ModelShape]
    reach: Mapping[str, int]

    @property
    def jobs_without_options(self) -> list[str]:
        """Name the jobs that have no configuration at all."""
        having = {job for job, _, _ in self.configurations}
        return [job.name for job in self.plan.jobs if job.name not in having]


@dataclass(frozen=True, slots=True)
class Formulation:
    """A problem for the solver with the ledger to read its answer by."""

    problem: Problem
    ledger: Ledger


def formulate(
    plan: TrainingPlan,
    places: Sequence[Place],
    grid: Grid,
    shapes: Mapping[str, ModelShape],
    running: Mapping[str, Running] = NOTHING_RUNS,
    *,
    stay: bool = False,
    slower: Decimal = Decimal(0),
) -> Formulation:
    """Build the problem of a plan over the places that may be used; `shapes` are those of the jobs' models.

    `running` says where jobs run as the plan begins: going on there takes no start-up; with `stay` they do only that.
    `slower` is a share that estimated speeds lose beyond the margin.
    """
    exclusions: list[Exclusion] = []
    choices: dict[str, list[Configuration]] = {}
    staging: dict[tuple[str, str], Sequence[SiteCharge]] = {}
    reach: dict[str, int] = {}
    for job in plan.jobs:
        found, left_out = configurations_of(job, plan, places, shapes[job.name], slower)
        exclusions += left_out
        open_to, unreachable = _staged(job, found, plan, shapes[job.name], staging)
        exclusions += unreachable
        ways = {site: _dataset_micro_usd(mine) for (name, site), mine in staging.items() if name == job.name}
        reach[job.name] = sum(map(len, open_to.values()))
        kept = undominated(open_to, plan, ways, only_to_free_sites=job.only_measured)
        choices[job.name] = [c for chosen in kept.values() for c in chosen]
        if job.name in running:
            here = going_on(job.name, running[job.name], open_to)
            choices[job.name] = here if stay else [*choices[job.name], *here]
    nets, spot_exclusions = _nets(plan, choices, grid)
    exclusions += spot_exclusions
    moving = {
        (job.name, site): charge
        for job in plan.jobs
        for site, charge in moving_charges(job, shapes[job.name], (c.place.site for c in choices[job.name])).items()
    }
    used = {choice.place.key for chosen in choices.values() for choice in chosen}
    twins = {c.place.key: c.place for chosen in choices.values() for c in chosen if c.place.going_on is not None}
    used |= {twin.pool_key for twin in twins.values()}
    places = [*(place for place in places if place.key in used), *twins.values()]
    ceiling = sum(max((c.nodes for c in chosen), default=0) for chosen in choices.values())
    quotas, quota_paths = _quotas(plan, places)
    quotas += _shared(places)
    budgets, budget_paths, upfront = _budgets(plan, grid)
    problem = Problem(
        name=plan.name,
        grid_s=HOUR,
        end_grid_s=grid.end_minutes * 60,
        horizon_s=grid.hours * HOUR,
        pools=tuple(_pool(place, ceiling) for place in places),
        quotas=tuple(quotas),
        jobs=tuple(_job(job, choices[job.name], staging, moving, nets[job.name], grid) for job in plan.jobs),
        budgets=tuple(budgets),
    )
    ledger = Ledger(
        plan=plan,
        grid=grid,
        places={place.key: place for place in places},
        configurations={(c.job, c.place.key, c.nodes): c for chosen in choices.values() for c in chosen},
        staging=staging,
        moving=moving,
        nets=nets,
        quota_paths=quota_paths,
        budget_paths=budget_paths,
        upfront_micro_usd=upfront,
        exclusions=tuple(exclusions),
        shapes=shapes,
        reach=reach,
    )
    return Formulation(problem, ledger)


def _staged(
    job: Job,
    found: Choices,
    plan: TrainingPlan,
    shape: ModelShape,
    staging: dict[tuple[str, str], Sequence[SiteCharge]],
) -> tuple[Choices, list[Exclusion]]:
    """Price what a job pays at every site in reach; a site whose dataset has no way there is left out, never free."""
    charges = site_charges(job, shape, plan, [chosen[0].place for chosen in found.values()])
    open_to: Choices = {}
    for key, chosen in found.items():
        site = chosen[0].place.site
        mine = charges[site]
        if not isinstance(mine, str):
            staging[job.name, site] = mine
            open_to[key] = chosen
    closed = [Exclusion(f"{job.name} at {site}", why) for site, why in charges.items() if isinstance(why, str)]
    return open_to, closed


def _dataset_micro_usd(charges: Sequence[SiteCharge]) -> int:
    return sum(charge.micro_usd for charge in charges if charge.category == "egress")


def _nets(
    plan: TrainingPlan, choices: dict[str, list[Configuration]], grid: Grid
) -> tuple[dict[str, Net], list[Exclusion]]:
    """Work out the spot nets, and take spot from the jobs that have none."""
    if plan.max_miss_probability == 1:
        return {job.name: Net("free") for job in plan.jobs}, []
    limits = {
        choice.place.key: tightest
        for chosen in choices.values()
        for choice in chosen
        if (tightest := tightest_limit(plan, choice.place)) is not None
    }
    nets = spot_nets(plan.jobs, choices, grid, limits)
    exclusions = []
    for job in plan.jobs:
        chosen = choices[job.name]
        if nets[job.name].kind == "none" and any(choice.place.is_spot for choice in chosen):
            choices[job.name] = [choice for choice in chosen if not choice.place.is_spot]
            reason = (
                "no option off spot could still finish in time if spot were lost (max_miss_probability: 1 lifts this)"
            )
            exclusions.append(Exclusion(f"spot for {job.name}", reason))
    return nets, exclusions


def tightest_limit(plan: TrainingPlan, place: Place) -> int | None:
    """Return the smallest limit on a place's nodes, or None."""
    return min((limit.max_nodes for limit in plan.limits if limit_matches(limit, place)), default=None)


def _pool(place: Place, ceiling: int) -> Pool:
    capacity = place.capacity if place.capacity is not None else ((0, ceiling),)
    bought = place.purchase
    most = min(ceiling, max((nodes for _, nodes in capacity), default=0))
    return Pool(
        id=place.key,
        region=place.site,
        price=((0, place.micro_usd_per_hour),),
        capacity=tuple((hour * HOUR, nodes) for hour, nodes in capacity),
        commit=None if bought is None else Commit(unit_cost=bought.micro_usd_per_node, max_units=most),
    )


def _quotas(plan: TrainingPlan, places: Sequence[Place]) -> tuple[list[Quota], list[str]]:
    quotas, paths = [], []
    for index, limit in enumerate(plan.limits):
        pools = tuple(place.key for place in places if limit_matches(limit, place))
        if pools:
            quotas.append(Quota(id=f"limits[{index}]", pools=pools, limit=((0, limit.max_nodes),)))
            paths.append(f"limits[{index}]")
    return quotas, paths


def _shared(places: Sequence[Place]) -> list[Quota]:
    """Nodes of a place and of the jobs that go on there are the same nodes."""
    found = []
    for place in places:
        pools = [other.key for other in places if other.pool_key == place.key]
        if len(pools) > 1 and place.capacity is not None:
            limit = tuple((hour * HOUR, nodes) for hour, nodes in place.capacity)
            found.append(Quota(id=f"pool {place.key}", pools=tuple(pools), limit=limit))
    return found


def _budgets(plan: TrainingPlan, grid: Grid) -> tuple[list[Budget], list[str], int]:
    upfront = sum(micro_usd(c.upfront_usd) for c in plan.commitments if not c.sunk)
    budgets, paths = [], []
    if plan.budget_usd is not None:
        budgets.append(Budget(id="budget_usd", pools=None, jobs=None, limit=micro_usd(plan.budget_usd) - upfront))
        paths.append("budget_usd")
    for index, job in enumerate(plan.jobs):
        if job.budget_usd is not None:
            path = f"jobs[{index}].budget_usd"
            budgets.append(Budget(id=path, pools=None, jobs=(job.name,), limit=micro_usd(job.budget_usd)))
            paths.append(path)
    for index, cap in enumerate(plan.budgets):
        path, window = f"budgets[{index}].usd", _month_window(cap, grid)
        if window is None:
            continue
        jobs = None if cap.cost_center is None else tuple(j.name for j in plan.jobs if j.cost_center == cap.cost_center)
        limit = micro_usd(cap.usd) - (upfront if jobs is None and cap.month is None else 0)
        begin, end = window
        budgets.append(Budget(id=path, pools=None, jobs=jobs, limit=limit, from_s=begin, to_s=end))
        paths.append(path)
    return budgets, paths, upfront


def _month_window(cap: BudgetCap, grid: Grid) -> tuple[int | None, int | None] | None:
    """Return a cap's month in seconds of the plan, open ends where it has none; None where they do not meet."""
    if cap.month is None:
        return None, None
    year, month = map(int, cap.month.split("-"))
    begin = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    first, last = max(0, grid.ceiling(begin)), min(grid.hours, grid.ceiling(end))
    return (first * HOUR, last * HOUR) if first < last else None


def _job(
    job: Job,
    choices: Sequence[Configuration],
    staging: Mapping[tuple[str, str], Sequence[SiteCharge]],
    moving: Mapping[tuple[str, str], SiteCharge],
    net: Net,
    grid: Grid,
) -> SolverJob:
    horizon = grid.hours * HOUR
    release = 0 if job.earliest_start is None else max(0, grid.ceiling(job.earliest_start)) * HOUR
    deadline = horizon if job.deadline is None else min(horizon, grid.floor(job.deadline) * HOUR)
    options = tuple(
        Option(
            pool=choice.place.key,
            nodes=choice.nodes,
            rate=choice.tokens_per_second,
            start_s=choice.start_seconds,
            deadline_s=net.seconds if choice.place.is_spot and net.kind == "until" else None,
        )
        for choice in choices
    )
    return SolverJob(
        id=job.name,
        work=job.tokens,
        release_s=min(release, horizon),
        deadline_s=deadline,
        after=tuple(After(job=name, lag_s=0) for name in job.after),
        options=options,
        max_segments=job.max_segments,
        stage_cost={
            site: cost
            for site in dict.fromkeys(choice.place.site for choice in choices)
            if (cost := sum(charge.micro_usd for charge in staging[job.name, site]))
        },
        move_cost={site: charge.micro_usd for (name, site), charge in moving.items() if name == job.name},
    )
