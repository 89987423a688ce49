"""Searches the interval model: cost first, then fewer segments, then earlier finishes, within a work limit.

Work is counted by the engine's deterministic time, so that the same limits give the same answer on any machine; wall
time is only the last guard.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ortools.sat.python import cp_model

from solver.engine.model import IntervalModel, whole_bound
from solver.problem import Problem
from solver.solution import Progress, Segment

# Deterministic seconds granted per second of the time limit. One deterministic second took 1.5 to 2.5 wall seconds
# on two machines; with 0.3 the work limit ends the search first unless a machine is much slower.
WORK_PER_SECOND = 0.3
TIE_SHARE = 0.15
# A job with no stated maximum, or a larger one, is modelled with this many segments; the bound then comes from the
# relaxation, which knows no segments.
MOST_SEGMENTS = 8

Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search brought: segments (None without a solution) and a bound in 1/3600 micro-USD."""

    status: Literal["optimal", "feasible", "infeasible", "undecided"]
    segments: tuple[Segment, ...] | None
    bound_n3600: int
    out_of_time: bool


class Clock:
    """Wall time and work still to be had."""

    def __init__(self, limit_s: float) -> None:
        self.ends = time.monotonic() + limit_s
        self.work = limit_s * WORK_PER_SECOND

    @property
    def left_s(self) -> float:
        """Seconds of wall time left, at least a little, so that a solver can say that it had no time."""
        return max(0.05, self.ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether wall time has run out."""
        return time.monotonic() >= self.ends


def segments_allowed(problem: Problem) -> dict[str, int]:
    """Return how many segments each job is modelled with: as stated, at most one per grid slot of its window."""
    slots = {job.id: max(1, -(-(job.deadline_s - job.release_s) // problem.grid_s)) for job in problem.jobs}
    stated = {job.id: job.max_segments or MOST_SEGMENTS for job in problem.jobs}
    return {name: min(stated[name], slots[name], MOST_SEGMENTS) for name in slots}


def is_capped(problem: Problem) -> bool:
    """Whether some job may have more segments than it is modelled with."""
    slots = {job.id: max(1, -(-(job.deadline_s - job.release_s) // problem.grid_s)) for job in problem.jobs}
    return any(min(job.max_segments or slots[job.id], slots[job.id]) > MOST_SEGMENTS for job in problem.jobs)


def search(reduced: Problem, stated: Problem, limit_s: float, seed: int, listen: Listener | None) -> Found:
    """Minimise cost (or the last finish, then cost), then break ties."""
    clock = Clock(limit_s)
    built = IntervalModel(reduced, segments_allowed(reduced), stated)
    run = _Run(built, clock, seed, listen)
    if reduced.objective == "finish":
        early = run.minimise(built.last, 0.4, "earliest finish")
        if early.segments is None:
            return early
        built.model.add(built.last <= max(s.end_s for s in early.segments) // built.unit)
        run.hint()
    found = run.minimise(built.cost, 1 - 2 * TIE_SHARE, "lowest cost")
    if found.segments is None:
        return found
    return run.break_ties(found)


class _Run:
    """One model, minimised several times over, each time from the last solution."""

    def __init__(self, built: IntervalModel, clock: Clock, seed: int, listen: Listener | None) -> None:
        self.built = built
        self.clock = clock
        self.seed = seed
        self.listen = listen
        self.solver = cp_model.CpSolver()

    def minimise(self, objective: Any, share: float, phase: str) -> Found:
        """Run one objective with its share of the work; costs are reported while it runs."""
        self.built.model.minimize(objective)
        solver = self.solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.seed
        solver.parameters.linearization_level = 2
        solver.parameters.max_deterministic_time = self.clock.work * share
        solver.parameters.max_time_in_seconds = self.clock.left_s
        is_cost = phase == "lowest cost"
        status = solver.solve(self.built.model, _Watch(self, phase) if self.listen and is_cost else None)
        return self._found(solver, status, is_cost=is_cost)

    def _found(self, solver: cp_model.CpSolver, status: Any, *, is_cost: bool) -> Found:
        names: dict[Any, Literal["optimal", "feasible", "infeasible", "undecided"]] = {
            cp_model.INFEASIBLE: "infeasible",
            cp_model.OPTIMAL: "optimal",
            cp_model.FEASIBLE: "feasible",
            cp_model.UNKNOWN: "undecided",
        }
        if status not in names:
            refused = f"{solver.status_name(status)}, {self.built.model.validate()}"
            raise RuntimeError(f"the engine refuses its model: {refused}")
        name = names[status]
        solved = name in {"optimal", "feasible"}
        return Found(
            status=name,
            segments=self.built.segments(solver) if solved else None,
            bound_n3600=self.bound_n3600(solver.best_objective_bound) if solved and is_cost else 0,
            out_of_time=self.clock.is_over,
        )

    def bound_n3600(self, bound: float) -> int:
        """Return the engine's bound in 1/3600 micro-USD."""
        return whole_bound(bound) * self.built.scale + self.built.constant

    def hint(self) -> None:
        """Start the next search from the last solution."""
        model, solver = self.built.model, self.solver
        model.clear_hints()  # type: ignore[no-untyped-call]
        for rows in self.built.rows.values():
            for slot in rows.slots:
                model.add_hint(slot.taken, solver.value(slot.taken))
                model.add_hint(slot.start, solver.value(slot.start))
                model.add_hint(slot.end, solver.value(slot.end))
                for use in slot.uses:
                    model.add_hint(use.taken, solver.value(use.taken))
                    model.add_hint(use.length, solver.value(use.length))

    def break_ties(self, found: Found) -> Found:
        """Among plans of this cost prefer fewer segments, then the smaller sum of finish times."""
        model, built = self.built.model, self.built
        slots = [slot.taken for rows in built.rows.values() for slot in rows.slots]
        finishes = [rows.finish for rows in built.rows.values()]
        model.add(built.cost <= self.solver.value(built.cost))
        best = found
        for objective in (sum(slots), sum(finishes)):
            if self.clock.is_over:
                break
            self.hint()
            better = self.minimise(objective, TIE_SHARE, "ties")
            if better.segments is None:
                break
            model.add(objective <= self.solver.value(objective))
            best = better
        return Found(
            status=found.status,
            segments=best.segments,
            bound_n3600=found.bound_n3600,
            out_of_time=self.clock.is_over,
        )


class _Watch(cp_model.CpSolverSolutionCallback):
    """Reports every better plan."""

    def __init__(self, run: _Run, phase: str) -> None:
        super().__init__()
        self.run = run
        self.phase = phase

    def on_solution_callback(self) -> None:
        """Tell the listener cost and bound in micro-USD."""
        built, listen = self.run.built, self.run.listen
        if listen is not None:
            best = round(self.objective_value) * built.scale + built.constant
            bound = self.run.bound_n3600(self.best_objective_bound)
            listen(Progress(phase=self.phase, best_uusd=best // 3600, bound_uusd=max(0, bound // 3600)))
