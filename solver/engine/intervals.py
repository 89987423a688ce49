"""One search of the interval model, in CP-SAT, for one goal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from solver.engine.clock import Clock
from solver.engine.exact import whole_bound
from solver.engine.goals import COST, Goal, interval_objective
from solver.engine.model import IntervalModel
from solver.solution import Progress, Segment

Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best schedule found, its value and a lower bound of the model searched, in the goal's unit."""

    segments: tuple[Segment, ...] | None
    value: int
    bound: int
    is_infeasible: bool
    out_of_time: bool


def minimise(
    model: IntervalModel,
    goal: Goal,
    clock: Clock,
    *,
    share: float,
    lower: int | None,
    seed: int,
    start: Sequence[Segment] | None,
    listen: Listener | None,
) -> Found:
    """Search from `start`, stop at the proof, at the known lower bound, or when the share of the work is used."""
    scale, constant = (model.scale, model.constant) if goal is COST else (1, 0)
    model.model.minimize(interval_objective(model, goal))
    if start is not None:
        model.hint(start)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.linearization_level = 2
    solver.parameters.max_deterministic_time = clock.work * share
    solver.parameters.max_time_in_seconds = clock.left_s
    watch = _Watch(goal, scale, constant, lower, listen)
    status: Any = solver.solve(model.model, watch)
    if status == cp_model.MODEL_INVALID:
        raise RuntimeError(f"the engine refuses its model: {model.model.validate()}")
    solved = status in {cp_model.OPTIMAL, cp_model.FEASIBLE}
    return Found(
        segments=model.segments(solver) if solved else None,
        value=round(solver.objective_value) * scale + constant if solved else 0,
        bound=whole_bound(solver.best_objective_bound) * scale + constant if solved else 0,
        is_infeasible=status == cp_model.INFEASIBLE,
        out_of_time=status in {cp_model.FEASIBLE, cp_model.UNKNOWN} and clock.is_over,
    )


class _Watch(cp_model.CpSolverSolutionCallback):
    """Reports every better plan of the cost goal and stops at the known lower bound."""

    def __init__(self, goal: Goal, scale: int, constant: int, lower: int | None, listen: Listener | None) -> None:
        super().__init__()
        self.goal = goal
        self.scale = scale
        self.constant = constant
        self.lower = lower
        self.listen = listen

    def on_solution_callback(self) -> None:
        """Tell the listener cost and bound in micro-USD; stop where nothing is left to gain."""
        value = round(self.objective_value) * self.scale + self.constant
        if self.listen is not None and self.goal is COST:
            known = whole_bound(self.best_objective_bound) * self.scale + self.constant
            bound = max(0, known, self.lower or 0)
            self.listen(Progress(phase=self.goal.phase, best_uusd=value // 3600, bound_uusd=bound // 3600))
        if self.lower is not None and value <= self.lower + self.goal.slack(value):
            self.stop_search()
