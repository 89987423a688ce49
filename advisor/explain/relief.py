"""What each requirement of a plan costs: the plan solved again without it, and with one unit less of it."""

from dataclasses import dataclass

from advisor.explain.asking import SECONDS_PER_PRICE, Search
from advisor.explain.conflict import HORIZON
from advisor.explain.requirements import Requirement, requirements_of
from advisor.plan.schema import TrainingPlan
from advisor.recommend import costed
from advisor.recommendation import Money, Relaxed, Relief
from solver import Solved

# Beside one unit: a day of a deadline.
MORE_UNITS = {"hour": (24,)}


@dataclass(frozen=True, slots=True)
class _Price:
    cents: int
    is_optimal: bool


def reliefs_of(search: Search, plan_cents: int) -> list[Relief]:
    """Price every requirement of a plan that costs `plan_cents`, the dearest first; what time leaves out is missing.

    A saving is that of a plan that was found, so it can be had; where its own gap is open it may be larger.
    """
    plan = search.question.plan
    found = []
    for requirement in reversed(requirements_of(plan)):
        if search.time_is_up:
            break
        free = _price(search, requirement.without(plan), open_end=requirement.path == HORIZON or _is_last(requirement))
        if free is not None:
            saves = plan_cents - free.cents
            steps = _steps(search, requirement, plan_cents) if saves > 0 else []
            found.append(
                Relief(
                    path=requirement.path,
                    says=requirement.says,
                    without=_relaxed("without it", free, plan_cents),
                    steps=steps,
                )
            )
    return sorted(found, key=lambda relief: (-float(relief.without.saves.amount), relief.path))


def _is_last(requirement: Requirement) -> bool:
    return requirement.path.endswith(".deadline")


def _steps(search: Search, requirement: Requirement, plan_cents: int) -> list[Relaxed]:
    """Solve with one unit of relief, and with each choice."""
    plan, tried = search.question.plan, []
    if requirement.ladder is not None and requirement.ladder.most >= 1:
        ladder = requirement.ladder
        units = [u for u in (1, *MORE_UNITS.get(ladder.unit, ())) if u <= ladder.most]
        tried = [(ladder.says(units_), ladder.at(plan, units_)) for units_ in units]
    tried += [(choice.says, choice.change(plan)) for choice in requirement.choices]
    return [
        _relaxed(says, price, plan_cents)
        for says, changed in tried
        if not search.time_is_up and (price := _price(search, changed, open_end=False)) is not None
    ]


def _price(search: Search, plan: TrainingPlan, *, open_end: bool) -> _Price | None:
    answer = search.ask(plan, open_end=open_end, seconds=SECONDS_PER_PRICE)
    if not isinstance(answer.outcome, Solved):
        return None
    result = costed(answer.outcome, answer.formulation.ledger)
    return _Price(result.total_cents, answer.outcome.status == "optimal")


def _relaxed(change: str, price: _Price, plan_cents: int) -> Relaxed:
    return Relaxed(
        change=change,
        total=Money.of_cents(price.cents),
        saves=Money.of_cents(max(0, plan_cents - price.cents)),
        status="optimal" if price.is_optimal else "feasible",
    )
