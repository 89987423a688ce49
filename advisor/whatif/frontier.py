"""The Pareto frontier of cost against finish: the cheapest plan for each last finish (epsilon-constraint).

Between the last finish of the fastest plan and that of the cheapest, the horizon is cut at evenly spaced hours and the
cost minimised (Haimes, Lasdon and Wismer 1971). Every point is a plan that the checker passed, with its own gap.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime

from advisor.planning import Answer, Question, ask
from advisor.recommend import Costed, costed
from solver import Solved

HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One plan of the frontier: its last finish, total in cents, gap, and where each job runs."""

    finish: datetime
    total_cents: int
    gap: float
    status: str
    plan: Costed


def frontier(question: Question, points: int, deadline: float) -> list[Point]:
    """Return the points from the fastest to the cheapest; none dominates another.

    `deadline` is in monotonic seconds; what it leaves out is missing between the ends.
    """
    share = (deadline - time.monotonic()) / max(2, points)
    ends = [ask(replace(question, objective="finish"), share), ask(question, share)]
    found = [point for answer in ends if (point := _point(answer)) is not None]
    if len(found) == len(ends) and points > len(ends):
        first, last = (_hours(question, point) for point in found)
        for index in range(1, points - 1):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            hours = first + (last - first) * index // (points - 1)
            grid = replace(question.grid, hours=hours)
            if first < hours < last and (point := _point(ask(replace(question, grid=grid), min(share, left)))):
                found.append(point)
    return _undominated(found)


def _point(answer: Answer) -> Point | None:
    if not isinstance(answer.outcome, Solved):
        return None
    ledger = answer.formulation.ledger
    result = costed(answer.outcome, ledger)
    return Point(
        finish=ledger.grid.moment(result.finish_seconds),
        total_cents=result.total_cents,
        gap=result.gap,
        status=answer.outcome.status,
        plan=result,
    )


def _hours(question: Question, point: Point) -> int:
    return -((question.grid.start - point.finish) // (question.grid.moment(HOUR) - question.grid.start))


def _undominated(found: list[Point]) -> list[Point]:
    """Keep what nothing else beats in both, the fastest first."""
    kept: list[Point] = []
    for point in sorted(found, key=lambda point: (point.finish, point.total_cents)):
        if not kept or point.total_cents < kept[-1].total_cents:
            kept.append(point)
    return kept
