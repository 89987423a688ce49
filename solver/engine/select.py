"""The cheapest combination of known plans, one a job, in CP-SAT, within every limit that jobs share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from solver.engine.purchases import Committed
from solver.problem import Problem, Steps, pays_at
from solver.solution import Segment
from solver.verify import HOUR, Schedule, risk_n3600, spent_n3600, value_at

Plan = tuple[Segment, ...]
# Costs are counted in tenths of a cent, rounded up, so that a choice never claims too little.
TENTH = 3_600_000


@dataclass(frozen=True, slots=True)
class Selected:
    """The best combination found (None without one) and the deterministic seconds it took."""

    plans: dict[str, Plan] | None
    work: float


def select(
    problem: Problem,
    known: Mapping[str, Mapping[Plan, int]],
    start: Mapping[str, Plan],
    *,
    work: float,
    seconds: float,
    seed: int,
) -> Selected:
    """Choose one plan of every job at the least total cost; `known` has plans with their costs in 1/3600 micro-USD."""
    model = cp_model.CpModel()
    columns = [(job, plan, model.new_bool_var("")) for job, plans in known.items() for plan in plans]
    of: dict[str, list[tuple[Plan, Any]]] = {job: [] for job in known}
    for job, plan, chosen in columns:
        of[job].append((plan, chosen))
        model.add_hint(chosen, start.get(job) == plan)
    for entries in of.values():
        model.add_exactly_one(chosen for _, chosen in entries)
    committed = Committed(model, problem)
    _limits(model, problem, columns, committed)
    _waits(model, problem, of)
    _money(model, problem, columns, committed)
    cost = sum(-(-known[job][plan] // TENTH) * chosen for job, plan, chosen in columns)
    for pool in problem.pools:
        if pool.commit is not None:
            cost += -(-pool.commit.unit_cost * HOUR // TENTH) * committed.nodes(pool.id)
    model.minimize(cost)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = work
    solver.parameters.max_time_in_seconds = seconds
    status: Any = solver.solve(model)
    used = float(solver.response_proto.deterministic_time)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return Selected(None, used)
    return Selected({job: plan for job, plan, chosen in columns if solver.boolean_value(chosen)}, used)


def _limits(model: cp_model.CpModel, problem: Problem, columns: Sequence[Any], committed: Committed) -> None:
    """(C7), (C8): what runs at every start of a segment and every fall of a limit."""
    segments = [(s, chosen) for _, plan, chosen in columns for s in plan]
    by_pool: dict[str, list[tuple[Segment, Any]]] = {}
    for s, chosen in segments:
        by_pool.setdefault(s.pool, []).append((s, chosen))
    for pool in problem.pools:
        mine = by_pool.get(pool.id, [])
        _limit(model, mine, pool.capacity)
        if pool.commit is not None and mine:
            for moment in {s.start_s for s, _ in mine}:
                used = sum(s.nodes * chosen for s, chosen in mine if s.start_s <= moment < s.end_s)
                model.add(used <= committed.nodes(pool.id))
    for quota in problem.quotas:
        _limit(model, [entry for name in quota.pools for entry in by_pool.get(name, [])], quota.limit)


def _limit(model: cp_model.CpModel, segments: Sequence[tuple[Segment, Any]], limit: Steps) -> None:
    most: dict[str, int] = {}
    for s, _ in segments:
        most[s.job] = max(most.get(s.job, 0), s.nodes)
    if sum(most.values()) <= min(value for _, value in limit):
        return
    rows: dict[frozenset[int], int] = {}
    for moment in sorted({s.start_s for s, _ in segments} | {at for at, _ in limit}):
        running = frozenset(i for i, (s, _) in enumerate(segments) if s.start_s <= moment < s.end_s)
        allowed = value_at(limit, moment)
        if running and sum({segments[i][0].job: segments[i][0].nodes for i in running}.values()) > 0:
            rows[running] = min(rows.get(running, allowed), allowed)
    for running, allowed in rows.items():
        model.add(sum(segments[i][0].nodes * segments[i][1] for i in sorted(running)) <= allowed)


def _waits(model: cp_model.CpModel, problem: Problem, of: Mapping[str, Sequence[tuple[Plan, Any]]]) -> None:
    """(C6) on the end and the start of the chosen plans."""
    for job in problem.jobs:
        for link in job.after:
            ends = sum(plan[-1].end_s // problem.end_grid_s * chosen for plan, chosen in of[link.job])
            starts = sum(plan[0].start_s // problem.end_grid_s * chosen for plan, chosen in of[job.id])
            model.add(ends + link.lag_s // problem.end_grid_s <= starts)


def _money(model: cp_model.CpModel, problem: Problem, columns: Sequence[Any], committed: Committed) -> None:
    """(C9) of all jobs and (C10), rounded up."""
    if problem.max_interrupts_ppm is not None:
        risks = sum(-(-risk_n3600(problem, plan) // HOUR) * chosen for _, plan, chosen in columns)
        model.add(risks <= problem.max_interrupts_ppm)
    for entry in problem.budgets:
        spent = sum(
            -(-spent_n3600(problem, Schedule(plan, {}), entry) // HOUR) * chosen
            for job, plan, chosen in columns
            if entry.jobs is None or job in entry.jobs
        )
        for pool in problem.pools if entry.jobs is None else ():
            counts_here = entry.pools is None or pool.id in entry.pools
            if pool.commit is not None and counts_here and entry.covers(pays_at(pool), pays_at(pool) + 1):
                spent += pool.commit.unit_cost * committed.nodes(pool.id)
        model.add(spent <= entry.limit)
