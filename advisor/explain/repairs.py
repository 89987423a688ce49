"""The least change of each kind that makes an infeasible plan possible, priced by solving again.

A requirement of a conflict may not be enough where several conflicts stand beside each other: then one requirement
of each further conflict is relaxed with it, and the repair names all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from advisor.explain.asking import SECONDS_PER_PRICE, Search
from advisor.explain.conflict import HORIZON, conflict_of
from advisor.explain.requirements import Requirement
from advisor.plan.schema import TrainingPlan
from advisor.planning import Answer
from advisor.recommend import costed
from advisor.recommendation import Money, Repair
from pricing.money import MICRO_USD_PER_CENT, micro_usd
from solver import Solved

# Conflicts beside each other that one repair settles.
MOST_CONFLICTS = 4
# A repair of a job's budget is sought to this share of itself, since each trial is a solve.
BUDGET_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Step:
    """One requirement relaxed: the plan so far, in words, and whether less is proved not to do."""

    path: str
    says: str
    plan: TrainingPlan
    is_least: bool


def repairs_of(
    search: Search, plan: TrainingPlan, requirements: Sequence[Requirement], conflict: Sequence[Requirement]
) -> list[Repair]:
    """Return the repairs of a conflict, the cheapest plan first; each one has been solved."""
    found: list[Repair] = []
    for requirement in reversed(conflict):
        if search.time_is_up:
            break
        chosen = _enough(search, plan, requirements, requirement)
        if chosen is not None:
            found += _repairs(search, plan, requirements, chosen)
    return sorted(found, key=lambda repair: (_usd(repair), repair.path, repair.change))


def _usd(repair: Repair) -> float:
    return float(repair.total.amount)


def _open_end(requirements: Sequence[Requirement], dropped: Sequence[Requirement]) -> bool:
    """Whether the horizon gives way: it is dropped, or a dropped deadline was all that bounded it."""
    stated = any(requirement.path == HORIZON for requirement in requirements)
    return any(requirement.path == HORIZON for requirement in dropped) if stated else bool(dropped)


def _dropped(plan: TrainingPlan, dropped: Sequence[Requirement]) -> TrainingPlan:
    for requirement in dropped:
        plan = requirement.without(plan)
    return plan


def _enough(
    search: Search, plan: TrainingPlan, requirements: Sequence[Requirement], first: Requirement
) -> list[Requirement] | None:
    """Add one requirement of each further conflict until dropping them makes the plan possible; None if undecided."""
    chosen = [first]
    while len(chosen) <= MOST_CONFLICTS:
        possible = search.possible(_dropped(plan, chosen), open_end=_open_end(requirements, chosen))
        if possible:
            return chosen
        if possible is None or search.time_is_up:
            return None
        rest = [requirement for requirement in requirements if requirement not in chosen]
        further = conflict_of(search, _dropped(plan, chosen), rest)
        if not further or search.time_is_up:
            return None
        chosen.append(further[-1])
    return None


def _repairs(
    search: Search, plan: TrainingPlan, requirements: Sequence[Requirement], chosen: Sequence[Requirement]
) -> list[Repair]:
    """Relax the chosen requirements one after the other, each as little as the rest needs; choices are all tried."""
    first, rest = chosen[0], chosen[1:]
    found = []
    for step in _steps(search, plan, requirements, first, rest):
        steps = [step]
        for index, requirement in enumerate(rest):
            later = _steps(search, steps[-1].plan, requirements, requirement, rest[index + 1 :])
            if not later:
                break
            steps.append(later[0])
        else:
            repair = _priced(search, steps)
            if repair is not None:
                found.append(repair)
    return found


def _steps(
    search: Search,
    plan: TrainingPlan,
    requirements: Sequence[Requirement],
    requirement: Requirement,
    others: Sequence[Requirement],
) -> list[Step]:
    """Return the ways to relax one requirement so that the plan without the others becomes possible."""
    open_end = _open_end(requirements, [*others, requirement]) and bool(others)

    def possible(changed: TrainingPlan) -> bool | None:
        return search.possible(_dropped(changed, others), open_end=open_end)

    if requirement.path == "budget_usd":
        return _budget_step(search, plan, requirement, others, open_end=open_end)
    if requirement.ladder is not None:
        return _climbed(search, plan, requirement, possible)
    return [
        Step(requirement.path, choice.says, choice.change(plan), is_least=True)
        for choice in requirement.choices
        if possible(choice.change(plan))
    ]


def _climbed(
    search: Search, plan: TrainingPlan, requirement: Requirement, possible: Callable[[TrainingPlan], bool | None]
) -> list[Step]:
    """Gallop up the ladder until the plan is possible, then bisect: more is never harder."""
    ladder = requirement.ladder
    assert ladder is not None  # noqa: S101  the caller asks for requirements with a ladder
    below, amount, proved = 0, 1, True
    while (answer := possible(ladder.at(plan, min(amount, ladder.most)))) is not True:
        proved = proved and answer is False
        below = min(amount, ladder.most)
        if below == ladder.most or search.time_is_up:
            return []
        amount *= 2
    amount = min(amount, ladder.most)
    slack = amount * BUDGET_SHARE if ladder.unit == "USD" else 1
    while amount - below > max(1, slack) and not search.time_is_up:
        middle = (amount + below) // 2
        answer = possible(ladder.at(plan, middle))
        if answer:
            amount = middle
        else:
            proved, below = proved and answer is False, middle
    is_least = proved and amount - below <= 1
    return [Step(requirement.path, ladder.says(amount), ladder.at(plan, amount), is_least=is_least)]


def _budget_step(
    search: Search, plan: TrainingPlan, requirement: Requirement, others: Sequence[Requirement], *, open_end: bool
) -> list[Step]:
    """Solve without the plan's budget: the cheapest plan says how much more it takes."""
    free = _dropped(requirement.without(plan), others)
    answer = search.ask(free, open_end=open_end, seconds=SECONDS_PER_PRICE)
    stated = plan.budget_usd
    if not isinstance(answer.outcome, Solved) or stated is None:
        return []
    more = _exact_micro_usd(answer) - micro_usd(stated)
    if more <= 0:
        return []
    # In whole cents, rounded up: a cent less would not do.
    dollars = Decimal(-(-more // MICRO_USD_PER_CENT)) / 100
    says = f"budget_usd + ${dollars:,.2f}, to ${stated + dollars:,.2f}"
    change = plan.model_copy(update={"budget_usd": stated + dollars})
    return [Step(requirement.path, says, change, is_least=answer.outcome.status == "optimal")]


def _exact_micro_usd(answer: Answer) -> int:
    """Cost that a budget is compared with, rounded up to a micro-USD."""
    assert isinstance(answer.outcome, Solved)  # noqa: S101  the caller has matched the outcome
    return -(-answer.outcome.cost_n3600 // 3600) + answer.formulation.ledger.upfront_micro_usd


def _priced(search: Search, steps: Sequence[Step]) -> Repair | None:
    """Solve the mended plan for its cost."""
    answer = search.ask(steps[-1].plan, open_end=False, seconds=SECONDS_PER_PRICE)
    if not isinstance(answer.outcome, Solved):
        return None
    result = costed(answer.outcome, answer.formulation.ledger)
    least = "the least" if all(step.is_least for step in steps) else "enough, perhaps less would do"
    change = " and ".join(
        step.says if len(steps) == 1 else f"{step.path.rpartition('.')[0]} {step.says}".strip() for step in steps
    )
    return Repair(
        path=", ".join(step.path for step in steps),
        change=f"{change} ({least})",
        total=Money.of_cents(result.total_cents),
    )
