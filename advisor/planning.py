"""One question to the solver: a plan, its grid and the offers in reach, answered with the ledger to read it by."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from advisor.formulate import Formulation, formulate
from advisor.places import Grid, Place, cluster_place, commitment_place, has_both_bases
from advisor.plan.schema import Cluster, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.progress import NOTHING_RUNS, Running
from pricing.offer import Market
from solver import Infeasible, Option, Problem, Progress, Solved, Undecided, solve

Scope = Literal["all", "clouds", "owned", "on_demand"]
ProgressListener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to plan with: `scope` leaves kinds of places out, `other_basis` turns the clusters' cost basis around.

    `running` are jobs that run as the plan begins; with `stay` they go on there and nowhere else.
    `slower` is taken off every estimated speed beyond the plan's margin.
    """

    plan: TrainingPlan
    grid: Grid
    offers: Sequence[Place]
    shapes: Mapping[str, ModelShape]
    seed: int = 0
    scope: Scope = "all"
    other_basis: bool = False
    objective: Literal["cost", "finish"] = "cost"
    running: Mapping[str, Running] = field(default_factory=lambda: NOTHING_RUNS)
    stay: bool = False
    slower: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Answer:
    """The solver's outcome, checked by its checker, and the formulation that it answers."""

    outcome: Solved | Infeasible | Undecided
    formulation: Formulation


def places_in(question: Question) -> list[Place]:
    """Return the places that the question may use: owned first, then commitments, then offers."""
    plan, grid = question.plan, question.grid
    places: list[Place] = []
    if question.scope in {"all", "owned"}:
        places += [cluster_place(c, grid, _basis(c, question.other_basis)) for c in plan.clusters]
    if question.scope in {"all", "clouds"}:
        places += [commitment_place(c, plan, grid) for c in plan.commitments]
        places += question.offers
    if question.scope == "on_demand":
        places += [offer for offer in question.offers if offer.market is Market.ON_DEMAND]
    return places


def _basis(cluster: Cluster, other: bool) -> Literal["full", "marginal"]:
    basis = cluster.cost.basis
    if other and has_both_bases(cluster):
        return "marginal" if basis == "full" else "full"
    return basis


def ask(
    question: Question,
    time_limit_s: float,
    progress: ProgressListener | None = None,
    *,
    wall_limit_s: float | None = None,
) -> Answer:
    """Formulate and solve; work follows from `time_limit_s`, `wall_limit_s` only cuts it off."""
    places, running = places_in(question), question.running
    formulation = formulate(
        question.plan, places, question.grid, question.shapes, running, stay=question.stay, slower=question.slower
    )
    problem = replace(formulation.problem, objective=question.objective)
    wall = None if wall_limit_s is None else max(0.1, wall_limit_s)
    limit = max(0.1, time_limit_s)
    outcome = solve(problem, time_limit_s=limit, wall_limit_s=wall, seed=question.seed, progress=progress)
    # Going on without a start-up is for what runs on from the first second; whoever pauses starts up again.
    while isinstance(outcome, Solved) and (late := _resumed(outcome, formulation)):
        problem = _closed(problem, late)
        outcome = solve(problem, time_limit_s=limit, wall_limit_s=wall, seed=question.seed, progress=progress)
    return Answer(outcome, formulation)


def _resumed(outcome: Solved, formulation: Formulation) -> dict[str, int]:
    """Return the places of jobs that go on in which a segment starts later, with the end of the first one there."""
    places = formulation.ledger.places
    late: dict[str, int] = {}
    for segment in outcome.segments:
        if places[segment.pool].going_on is not None and segment.start_s > 0:
            ends = [s.end_s for s in outcome.segments if s.pool == segment.pool and s.start_s == 0]
            late[segment.pool] = max(ends, default=0)
    return late


def _closed(problem: Problem, late: Mapping[str, int]) -> Problem:
    """Take these places away from the moment on at which the job leaves them; where it never runs there, at all."""

    def kept(option: Option) -> Option | None:
        if option.pool not in late:
            return option
        end = late[option.pool]
        return replace(option, deadline_s=min(end, option.deadline_s or end)) if end else None

    jobs = tuple(replace(job, options=tuple(filter(None, map(kept, job.options)))) for job in problem.jobs)
    return replace(problem, jobs=jobs)


@dataclass(slots=True)
class SideQuestions:
    """Time for the questions beside the main one: the same work for each, fair shares of the wall time left.

    `deadline` is in monotonic seconds, `pending` how many are still to be asked. `was_cut` says that wall time ended
    one of them, so that another run may answer it better.
    """

    work_s: float
    deadline: float
    pending: int
    was_cut: bool = False

    def ask(self, question: Question) -> Answer:
        """Answer one of them."""
        left = max(0.1, self.deadline - time.monotonic())
        answer = ask(question, self.work_s, wall_limit_s=left / max(1, self.pending))
        self.pending -= 1
        self.was_cut = self.was_cut or answer.outcome.stopped_by == "wall_time"
        return answer
