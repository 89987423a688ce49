"""Solves a problem: refuses what this version does not do, reduces, searches, and checks every answer."""

from collections.abc import Callable

from solver.problem import Problem
from solver.solution import (
    ONE_CENT_UUSD,
    Infeasible,
    Progress,
    Reason,
    Refused,
    Solved,
    StoppedBy,
    Undecided,
)
from solver.verify import exact_cost, violations

HOUR = 3600


class CheckFailed(Exception):
    """The engine's answer breaks a rule: a fault of this software, never shown as a plan."""


def solve(
    problem: Problem,
    *,
    time_limit_s: float = 60.0,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Solved | Infeasible | Undecided:
    """Find the cheapest schedule with a lower bound, within about `time_limit_s` seconds.

    Raises:
        Refused: the problem uses commits, moves, interruption limits or minimum bills longer than the end grid.
    """
    reasons = refusals(problem)
    if reasons:
        raise Refused(reasons)
    from solver.engine.reduce import reduce
    from solver.engine.search import search

    reduced = reduce(problem)
    if reduced.impossible:
        return Infeasible(conflict=reduced.impossible)
    found = search(reduced.problem, problem, time_limit_s, seed, progress)
    stopped: StoppedBy = "wall_time" if found.out_of_time else "work_limit"
    if found.segments is None:
        return Infeasible(conflict=()) if found.is_impossible else Undecided(stopped_by=stopped)
    cost, bound = exact_cost(problem, found.segments, {}), found.bound_n3600
    broken = violations(problem, found.segments, {})
    if broken or bound > cost:
        raise CheckFailed(f"{problem.name}: bound {bound}, cost {cost}, {broken}")
    cost_uusd, bound_uusd = rounded(cost), max(0, bound // HOUR)
    proved = cost - bound < ONE_CENT_UUSD * HOUR
    return Solved(
        status="optimal" if proved else "feasible",
        segments=found.segments,
        cost_n3600=cost,
        cost_uusd=cost_uusd,
        bound_uusd=min(bound_uusd, cost_uusd),
        stopped_by="proof" if proved and not found.out_of_time else stopped,
    )


def rounded(cost_n3600: int) -> int:
    """Round 1/3600 micro-USD half-even to whole micro-USD."""
    whole, rest = divmod(cost_n3600, HOUR)
    return whole + (rest * 2 > HOUR or (rest * 2 == HOUR and whole % 2))


def refusals(problem: Problem) -> list[Reason]:
    """Name what this version does not do, by path; what has no effect is not refused."""
    found = []
    for i, pool in enumerate(problem.pools):
        if pool.commit is not None:
            found.append(Reason(f"pools[{i}].commit", "commits are not solved in this version; leave the pool out"))
        if pool.min_bill_s > problem.end_grid_s:
            says = "a minimum bill longer than end_grid_s is not solved in this version"
            found.append(Reason(f"pools[{i}].min_bill_s", says))
    for i, job in enumerate(problem.jobs):
        if any(job.move_cost.values()):
            found.append(Reason(f"jobs[{i}].move_cost", "moves are not solved in this version; set them to 0"))
        if job.max_interrupts_ppm is not None:
            says = "interruption limits are not solved in this version; leave the field out"
            found.append(Reason(f"jobs[{i}].max_interrupts_ppm", says))
    return found
