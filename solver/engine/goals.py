"""What is minimised, one after the other, and how each goal is written in either model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solver.engine.model import IntervalModel
from solver.engine.periods import PeriodModel
from solver.engine.purchases import purchases
from solver.engine.rows import Terms
from solver.solution import Segment
from solver.verify import exact_cost, risk_n3600

# A cost in floating point gives way by 0.1 cent, in 1/3600 micro-USD; a count of segments or units by a hundredth.
GIVE = 1000 * 3600
COUNT_GIVE = 0.01


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, its share of the time and the name under which progress is reported."""

    name: str
    share: float
    phase: str

    def slack(self, value: int) -> int:
        """Return by how much a value may exceed its floating bound and yet be called least: twice what that gave."""
        return 2 * GIVE + value // 50_000_000 if self.name == "cost" else 0

    @property
    def give(self) -> float:
        """What a bound in floating point gives way by."""
        return GIVE if self.name == "cost" else COUNT_GIVE

    def whole(self, bound: float, model: IntervalModel) -> int:
        """Round a bound up to the next value that the goal can take."""
        if self.name != "cost":
            return math.ceil(bound)
        return -(-(math.floor(bound) - model.constant) // model.scale) * model.scale + model.constant


LAST = Goal("last", 0.3, "earliest finish")
RISK = Goal("risk", 0.3, "least risk")
COST = Goal("cost", 0.5, "lowest cost")
SEGMENTS = Goal("segments", 0.12, "ties")
FINISHES = Goal("finishes", 0.12, "ties")


def period_terms(periods: PeriodModel, goal: Goal) -> tuple[Terms, int]:
    """Return a goal in the relaxation: terms and a constant."""
    if goal is COST:
        return periods.cost, periods.constant
    written = {"last": periods.last, "risk": periods.risk, "segments": periods.count, "finishes": periods.finishes}
    return written[goal.name], 0


def interval_value(model: IntervalModel, goal: Goal, segments: Sequence[Segment]) -> int:
    """Return a schedule's value: 1/3600 micro-USD, ppm x nodes x units, segments, or units of end_grid_s."""
    if goal is COST:
        return exact_cost(model.stated, segments, purchases(model.stated, segments))
    if goal is RISK:
        return risk_n3600(model.stated, segments) // model.unit
    if goal is SEGMENTS:
        return len(segments)
    ends = {name: max(s.end_s for s in segments if s.job == name) // model.unit for name in model.rows}
    return max(ends.values()) if goal is LAST else sum(ends.values())


def limit_interval(model: IntervalModel, goal: Goal, value: int) -> None:
    """Allow no schedule with a higher value."""
    if goal is COST:
        value = (value - model.constant) // model.scale
    model.model.add(interval_objective(model, goal) <= value)


def interval_objective(model: IntervalModel, goal: Goal) -> Any:
    """Return the expression that a goal minimises."""
    written = {"cost": model.cost, "risk": model.risk, "last": model.last}
    return {**written, "segments": model.count, "finishes": model.finishes}[goal.name]
