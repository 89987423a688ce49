"""Solving changed plans while an explanation is sought, within its time."""

import time
from dataclasses import dataclass, replace

from advisor.formulate import formulate
from advisor.places import Grid
from advisor.plan.load import LONGEST_HORIZON_DAYS, horizon_hours
from advisor.plan.schema import TrainingPlan
from advisor.planning import Answer, Question, ask, places_in
from advisor.spot_net import whole_job_seconds
from solver import Infeasible, Solved

HOUR = 3600
# Whether a changed plan is possible: small solves; an undecided one counts as neither.
SECONDS_PER_QUESTION = 8.0
# What a repaired plan costs.
SECONDS_PER_PRICE = 12.0


@dataclass(slots=True)
class Search:
    """The question that is explained, and the moment (monotonic seconds) by which its explanation must stand.

    `was_cut` says that wall time ended a question or left one out, so that another run may say more.
    """

    question: Question
    deadline: float
    was_cut: bool = False

    @property
    def time_is_up(self) -> bool:
        """Whether the explanation must stop here."""
        is_up = time.monotonic() >= self.deadline
        self.was_cut = self.was_cut or is_up
        return is_up

    def ask(self, plan: TrainingPlan, *, open_end: bool, seconds: float = SECONDS_PER_QUESTION) -> Answer:
        """Solve a changed plan; `open_end` gives the horizon room for every job one after the other."""
        start = self.question.grid.start
        grid = replace(self.question.grid, hours=horizon_hours(plan, start))
        question = replace(self.question, plan=plan, grid=grid)
        if open_end:
            question = replace(question, grid=longer_grid(question))
        answer = ask(question, seconds, wall_limit_s=self.deadline - time.monotonic())
        self.was_cut = self.was_cut or answer.outcome.stopped_by == "wall_time"
        return answer

    def possible(self, plan: TrainingPlan, *, open_end: bool) -> bool | None:
        """Whether a changed plan is possible; None where the time did not decide it."""
        outcome = self.ask(plan, open_end=open_end).outcome
        if isinstance(outcome, Solved):
            return True
        return False if isinstance(outcome, Infeasible) else None


def longer_grid(question: Question) -> Grid:
    """Extend the horizon so that every job fits after all others on its slowest configuration."""
    ledger = formulate(question.plan, places_in(question), question.grid, question.shapes).ledger
    seconds = 0
    for job in question.plan.jobs:
        lengths = [
            whole_job_seconds(job, choice, question.grid)
            for (name, _, _), choice in ledger.configurations.items()
            if name == job.name
        ]
        seconds += max(lengths, default=0)
    hours = min(question.grid.hours + -(-seconds // HOUR) + 24, LONGEST_HORIZON_DAYS * 24)
    return replace(question.grid, hours=max(question.grid.hours, hours))
