"""A relaxation that knows no segments: how long each option runs in each period, whatever the order.

Periods lie between the changes of prices, capacities, quotas and windows. Starts, segments, gangs in time and
precedence inside a window are left out, so its least cost is a lower bound and its infeasibility a proof, for jobs with
more segments than the interval model holds.
"""

from itertools import pairwise
from math import gcd
from typing import Any

from ortools.sat.python import cp_model

from solver.engine.model import whole_bound
from solver.engine.reduce import shortest_s, spans
from solver.problem import Job, Problem, Steps
from solver.verify import value_at

HOUR = 3600
Time = dict[tuple[str, str, int, int], Any]


def bound_without_segments(problem: Problem, stated: Problem, work_limit: float, seed: int) -> int | None:
    """Return a lower bound in 1/3600 micro-USD, or None where not even the relaxation has a solution."""
    model = cp_model.CpModel()
    edges = _edges(problem)
    time = _times(model, problem, edges)
    for job in problem.jobs:
        rates = {(o.pool, o.nodes): o.rate for o in job.options}
        mine = [(variable, rates[name[1], name[2]]) for name, variable in time.items() if name[0] == job.id]
        model.add(sum(variable * rate * problem.end_grid_s for variable, rate in mine) >= job.work)
    _limits(model, problem, time, edges)
    costs = _costs(problem, time, edges)
    for budget in problem.budgets:
        counted = [
            (variable, weight)
            for (job, pool, _, _), variable, weight in costs
            if (budget.jobs is None or job in budget.jobs) and (budget.pools is None or pool in budget.pools)
        ]
        model.add(sum(variable * weight for variable, weight in counted) <= budget.limit * HOUR)
    scale = max(1, gcd(*(weight for _, _, weight in costs)))
    model.minimize(sum(variable * (weight // scale) for _, variable, weight in costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = work_limit
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    return whole_bound(solver.best_objective_bound) * scale + _held(problem, stated)


def _edges(problem: Problem) -> list[int]:
    """Return the seconds at which anything changes, from 0 to the horizon."""
    steps: list[Steps] = [pool.price for pool in problem.pools] + [pool.capacity for pool in problem.pools]
    steps += [quota.limit for quota in problem.quotas]
    edges = {at for step in steps for at, _ in step} | {0, problem.horizon_s}
    for job in problem.jobs:
        edges |= {job.release_s, job.deadline_s} | {o.deadline_s for o in job.options if o.deadline_s is not None}
    return sorted(edge for edge in edges if 0 <= edge <= problem.horizon_s)


def _times(model: cp_model.CpModel, problem: Problem, edges: list[int]) -> Time:
    """Make one variable per job, option and period in which the option may run; a job runs one option at a time."""
    time: Time = {}
    for job in problem.jobs:
        for k, (begin, end) in enumerate(pairwise(edges)):
            here = [o for o in job.options if _may_run(job, o, problem, begin, end)]
            length = -(-(end - begin) // problem.end_grid_s)
            for option in here:
                time[job.id, option.pool, option.nodes, k] = model.new_int_var(0, length, "")
            model.add(sum(time[job.id, o.pool, o.nodes, k] for o in here) <= length)
    return time


def _may_run(job: Job, option: Any, problem: Problem, begin: int, end: int) -> bool:
    return any(span.start_s < end and begin < span.end_s for span in spans(job, option, problem))


def _limits(model: cp_model.CpModel, problem: Problem, time: Time, edges: list[int]) -> None:
    """Node-time of every pool and quota in every period."""
    limits: list[tuple[tuple[str, ...], Steps]] = [((pool.id,), pool.capacity) for pool in problem.pools]
    limits += [(quota.pools, quota.limit) for quota in problem.quotas]
    for names, steps in limits:
        for k, (begin, end) in enumerate(pairwise(edges)):
            used = [variable * name[2] for name, variable in time.items() if name[1] in names and name[3] == k]
            room = value_at(steps, begin) * -(-(end - begin) // problem.end_grid_s)
            model.add(sum(used) <= room)


def _costs(problem: Problem, time: Time, edges: list[int]) -> list[tuple[tuple[str, str, int, int], Any, int]]:
    prices = {pool.id: pool.price for pool in problem.pools}
    return [
        (name, variable, name[2] * value_at(prices[name[1]], edges[name[3]]) * problem.end_grid_s)
        for name, variable in time.items()
    ]


def _held(problem: Problem, stated: Problem) -> int:
    """Holding until the earliest possible end of each job."""
    releases = {job.id: job.release_s for job in stated.jobs}
    return sum(
        job.hold_cost_h * max(0, job.release_s + shortest_s(job, problem.end_grid_s) - releases[job.id])
        for job in problem.jobs
    )
