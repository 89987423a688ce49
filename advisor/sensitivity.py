"""How the answer holds if the world is less kind: estimated speeds lower, spot dearer.

Each case is answered twice: as planned (the same nodes, every job held until its work is done, costed exactly), and
planned again. A plan is good if both say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor

from advisor.configurations import Configuration
from advisor.formulate import Ledger
from advisor.held import held, line_cents
from advisor.places import Place
from advisor.planning import Question, SideQuestions
from advisor.recommend import Costed, costed
from advisor.recommendation import AsPlanned, Money, Replanned, Sensitivity
from pricing.money import half_even
from solver import Infeasible, Solved

HOUR = 3600
SLOWER = (Decimal("0.10"), Decimal("0.20"))
SPOT_DEARER = Decimal("0.30")


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its words, the question as it then stands, and how much slower estimated speeds are."""

    says: str
    question: Question
    slower: Decimal = Decimal(0)
    spot_dearer: Decimal = Decimal(0)


def cases(base: Question, ledger: Ledger) -> list[Case]:
    """List the cases that can change this answer: no estimated speed or no spot in reach, no case."""
    found = []
    choices = ledger.configurations.values()
    if any(choice.speed_basis == "estimated" for choice in choices):
        for share in SLOWER:
            found.append(Case(f"every estimated speed {share:.0%} lower", replace(base, slower=share), slower=share))
    if any(choice.place.is_spot for choice in choices):
        offers = [_dearer(place) if place.is_spot else place for place in base.offers]
        found.append(Case(f"spot {SPOT_DEARER:.0%} dearer", replace(base, offers=offers), spot_dearer=SPOT_DEARER))
    return found


def _dearer(place: Place) -> Place:
    factor = 1 + Fraction(SPOT_DEARER)
    prices = tuple(replace(p, micro_usd_per_hour=half_even(p.micro_usd_per_hour * factor)) for p in place.prices)
    return replace(place, prices=prices)


def sensitivity(
    asked: Sequence[Case], outcome: Solved, ledger: Ledger, plan: Costed, side: SideQuestions
) -> list[Sensitivity]:
    """Answer every case against the plan that was chosen."""
    found = []
    for case in asked:
        answer = side.ask(case.question)
        again: Replanned
        if isinstance(answer.outcome, Solved):
            other = costed(answer.outcome, answer.formulation.ledger)
            again = Replanned(
                status=answer.outcome.status,
                total=Money.of_cents(other.total_cents),
                added=Money.of_cents(other.total_cents - plan.total_cents),
                gap=other.gap,
            )
        else:
            infeasible = isinstance(answer.outcome, Infeasible)
            again = Replanned(status="infeasible" if infeasible else "undecided", total=None, added=None, gap=None)
        found.append(Sensitivity(case=case.says, as_planned=_as_planned(case, outcome, ledger), replanned=again))
    return found


def _as_planned(case: Case, outcome: Solved, ledger: Ledger) -> AsPlanned:
    """Hold every job on its last nodes until its work is done, successors as much later; cost it exactly."""
    late = held(outcome.segments, ledger, lambda choice: _slower(choice, case))
    longer = {segment: max(0, seconds) for job in late.values() for segment, seconds in job.added_seconds.items()}
    added = 0
    for segment in outcome.segments:
        added += line_cents(segment, ledger, longer[segment], case.spot_dearer) - line_cents(segment, ledger)
    missed = []
    for job in ledger.plan.jobs:
        if job.deadline is None:
            continue
        finish = late[job.name].finish
        if finish > job.deadline:
            missed.append((job.deadline, job.name, (finish - job.deadline).total_seconds() / HOUR))
    first = min(missed, default=None)
    return AsPlanned(
        added=Money.of_cents(added),
        first_deadline_missed=None if first is None else first[1],
        late_hours=None if first is None else round(first[2], 4),
    )


def _slower(choice: Configuration, case: Case) -> int:
    if choice.speed_basis != "estimated":
        return choice.tokens_per_second
    return max(1, floor(choice.tokens_per_second * (1 - Fraction(case.slower))))
