"""Solves a problem: reduces, searches, and checks every answer."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from solver.certificate import lower_bound
from solver.problem import Problem
from solver.solution import (
    ONE_CENT_UUSD,
    Infeasible,
    Progress,
    Solved,
    StoppedBy,
    Undecided,
)
from solver.verify import exact_cost, rounded, violations

if TYPE_CHECKING:
    from solver.engine.search import Outcome

HOUR = 3600


class CheckFailed(Exception):
    """The engine's answer breaks a rule: a fault of this software, never shown as a plan."""


def solve(
    problem: Problem,
    *,
    time_limit_s: float = 60.0,
    wall_limit_s: float | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Solved | Infeasible | Undecided:
    """Find the cheapest schedule with a lower bound, within about `time_limit_s` seconds.

    The work granted follows from `time_limit_s` alone, so that the answer is the same on any machine; a smaller
    `wall_limit_s` only cuts it off, and the answer then says so.
    """
    began = time.monotonic()
    from solver.engine.clock import Clock
    from solver.engine.purchases import purchases
    from solver.engine.reduce import reduce
    from solver.engine.search import search

    reduced = reduce(problem)
    if reduced.impossible:
        return Infeasible(conflict=reduced.impossible)
    found = search(reduced.problem, problem, Clock(time_limit_s, began, wall_limit_s), seed, progress)
    stopped: StoppedBy = "wall_time" if found.out_of_time else "work_limit"
    if found.segments is None:
        return Infeasible(conflict=()) if found.is_impossible else Undecided(stopped_by=stopped)
    commits = purchases(problem, found.segments)
    cost, bound = exact_cost(problem, found.segments, commits), found.bound_n3600
    broken = violations(problem, found.segments, commits)
    if broken or bound > cost:
        raise CheckFailed(f"{problem.name}: bound {bound}, cost {cost}, {broken}")
    cost_uusd, bound_uusd = rounded(cost), max(0, bound // HOUR)
    certified = _certified(problem, found)
    proved = cost - bound < ONE_CENT_UUSD * HOUR
    return Solved(
        status="optimal" if proved else "feasible",
        segments=found.segments,
        commits=commits,
        certificate=found.certificate,
        certified_uusd=certified,
        cost_n3600=cost,
        cost_uusd=cost_uusd,
        bound_uusd=min(bound_uusd, cost_uusd),
        stopped_by="proof" if proved and not found.out_of_time else stopped,
    )


def _certified(problem: Problem, found: "Outcome") -> int | None:
    """Evaluate the certificate again on the stated problem, in integers."""
    if found.certificate is None:
        return None
    proves = lower_bound(problem, found.certificate)
    if proves < found.certified_n3600:
        raise CheckFailed(f"{problem.name}: the certificate proves {proves}, not {found.certified_n3600}")
    return max(0, proves // HOUR)
