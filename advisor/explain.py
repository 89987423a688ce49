"""Why no plan is possible: requirements that cannot hold together, each proved by solving without the others.

A deletion filter: starting from everything that can be relaxed, one requirement after the other is dropped where
the rest is still infeasible. What remains is infeasible by proof; where time runs out the set is larger than need be,
never wrong.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.formulate import formulate
from advisor.places import Grid
from advisor.plan.load import LONGEST_HORIZON_DAYS
from advisor.plan.schema import TrainingPlan
from advisor.planning import Answer, Question, ask, places_in
from advisor.recommend import costed
from advisor.recommendation import Conflict, Infeasibility, Money, Repair
from advisor.requirements import Requirement, requirements_of, with_job
from advisor.spot_net import whole_job_seconds
from pricing.moments import moment_text
from pricing.money import micro_usd, micro_usd_text
from solver import Infeasible, Solved

HOUR = 3600
# One small solve; an undecided one keeps its requirement in the set.
SECONDS_PER_QUESTION = 8.0


@dataclass(frozen=True, slots=True)
class Search:
    """The infeasible question, and the moment (monotonic seconds) by which its explanation must stand."""

    question: Question
    deadline: float

    def ask(self, plan: TrainingPlan, longer: bool = False) -> Answer:
        """Solve a changed plan; `longer` gives the horizon room for every job one after the other."""
        left = min(SECONDS_PER_QUESTION, self.deadline - time.monotonic())
        grid = longer_grid(self.question) if longer else self.question.grid
        return ask(replace(self.question, plan=plan, grid=grid), left)

    @property
    def time_is_up(self) -> bool:
        """Whether the explanation must stop here."""
        return time.monotonic() >= self.deadline


def explain(question: Question, deadline: float) -> Infeasibility:
    """Name requirements that cannot hold together, and what relaxing a deadline or a budget would take."""
    search = Search(question, deadline)
    homeless = _jobs_without_speed(question)
    if homeless:
        return Infeasibility(conflict=homeless, repairs=[])
    conflict = _conflict(search, requirements_of(question.plan))
    repairs = [repair for requirement in conflict if (repair := _repair(search, requirement)) is not None]
    amounts = {repair.path: repair for repair in repairs}
    return Infeasibility(
        conflict=[
            Conflict(
                path=r.path,
                says=r.says + (f"; it takes {amounts[r.path].change}" if r.path in amounts else ""),
            )
            for r in conflict
        ],
        repairs=repairs,
    )


def _jobs_without_speed(question: Question) -> list[Conflict]:
    """Jobs that no relaxation helps, since nothing says how fast they run."""
    machines = sorted({offer.machine for offer in question.offers} | {c.name for c in question.plan.clusters})
    some = ", ".join(machines[:6]) + (" …" if len(machines) > 6 else "")
    conflicts = []
    for index, job in enumerate(question.plan.jobs):
        if not job.measured:
            says = (
                f"{job.name} has no measured speed, and this version plans on measured speeds only; measure tokens per "
                f"second on one of {some or 'its machines'} and state it here as {{machine, nodes, tokens_per_second}}"
            )
            conflicts.append(Conflict(path=f"jobs[{index}].measured", says=says))
    return conflicts


def longer_grid(question: Question) -> Grid:
    """Extend the horizon so that every job fits after all others on its slowest configuration."""
    ledger = formulate(question.plan, places_in(question), question.grid).ledger
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


def _conflict(search: Search, requirements: Sequence[Requirement]) -> list[Requirement]:
    """Drop requirement after requirement while the rest stays infeasible."""
    kept = list(requirements)
    for requirement in requirements:
        if search.time_is_up:
            break
        rest = [other for other in kept if other is not requirement]
        if isinstance(_with_only(search, requirements, rest).outcome, Infeasible):
            kept = rest
    return kept


def _with_only(search: Search, everything: Sequence[Requirement], kept: Sequence[Requirement]) -> Answer:
    """Solve the plan with these requirements alone."""
    plan = search.question.plan
    for requirement in everything:
        if requirement not in kept:
            plan = requirement.without(plan)
    bounded = any(requirement.path == "horizon_days" for requirement in kept)
    return search.ask(plan, longer=not bounded)


def _repair(search: Search, requirement: Requirement) -> Repair | None:
    """Price the smallest change of a deadline or of the plan's budget that makes the plan possible, if time allows."""
    if requirement.path == "budget_usd":
        return _budget_repair(search, requirement)
    if requirement.path.endswith(".deadline"):
        return _deadline_repair(search, requirement)
    return None


def _budget_repair(search: Search, requirement: Requirement) -> Repair | None:
    """Solve without the plan's budget: the cheapest plan says how much more it takes."""
    answer = search.ask(requirement.without(search.question.plan))
    stated = search.question.plan.budget_usd
    if not isinstance(answer.outcome, Solved) or stated is None:
        return None
    ledger = answer.formulation.ledger
    more = answer.outcome.cost_uusd + ledger.upfront_micro_usd - micro_usd(stated)
    result = costed(answer.outcome, ledger)
    least = "the least" if answer.outcome.status == "optimal" else "enough, perhaps less would do"
    change = f"budget_usd + ${micro_usd_text(more)} ({least})"
    return Repair(path=requirement.path, change=change, total=Money.of_cents(result.total_cents))


def _deadline_repair(search: Search, requirement: Requirement) -> Repair | None:
    """Find the least later deadline, in whole hours, by bisection: later is never harder."""
    question = search.question
    index = int(requirement.path.removeprefix("jobs[").partition("]")[0])
    answer = search.ask(requirement.without(question.plan), longer=True)
    if not isinstance(answer.outcome, Solved):
        return None
    stated = question.plan.jobs[index].deadline
    assert stated is not None  # noqa: S101  a deadline requirement is of a job that has one
    name = question.plan.jobs[index].name
    impossible = question.grid.floor(stated)
    possible = -(-max(s.end_s for s in answer.outcome.segments if s.job == name) // HOUR)
    proved = True
    while possible - impossible > 1 and not search.time_is_up:
        middle = (possible + impossible) // 2
        at = question.grid.moment(middle * HOUR)
        tried = search.ask(with_job(question.plan, index, deadline=at), longer=True)
        if isinstance(tried.outcome, Solved):
            possible, answer = middle, tried
        else:
            proved = proved and isinstance(tried.outcome, Infeasible)
            impossible = middle
    assert isinstance(answer.outcome, Solved)  # noqa: S101  only solved answers are kept above
    result = costed(answer.outcome, answer.formulation.ledger)
    hours = possible - question.grid.floor(stated)
    least = "the least" if proved and possible - impossible == 1 else "enough, perhaps less would do"
    change = f"deadline + {hours} h, to {moment_text(question.grid.moment(possible * HOUR))} ({least})"
    return Repair(path=requirement.path, change=change, total=Money.of_cents(result.total_cents))
