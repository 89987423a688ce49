"""How the answer holds if the world is less kind: estimated speeds lower, spot dearer.

Each case is answered twice: as planned (the same nodes, every job held until its work is done, costed exactly), and
planned again. A plan is good if both say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor

from advisor.formulate import Ledger
from advisor.places import Place
from advisor.planning import Question, SideQuestions
from advisor.recommend import Costed, costed
from advisor.recommendation import AsPlanned, Money, Replanned, Sensitivity
from pricing.money import cents, half_even
from solver import Infeasible, Solved
from solver import Segment as SolverSegment

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
    """Hold every job on its last nodes until its work is done, successors as much later; cost the difference exactly.

    Whether those nodes are still free then is not asked: what is added is what they would cost.
    """
    late = _delays(case, outcome.segments, ledger)
    added = 0
    for segment in outcome.segments:
        longer = late.extra.get(segment.job, 0) if segment is _last(segment.job, outcome.segments) else 0
        added += _line_cents(segment, ledger, longer, case.spot_dearer) - _line_cents(segment, ledger)
    missed = []
    for job in ledger.plan.jobs:
        if job.deadline is None:
            continue
        finish = ledger.grid.moment(_last(job.name, outcome.segments).end_s + late.total[job.name])
        if finish > job.deadline:
            missed.append((job.deadline, job.name, (finish - job.deadline).total_seconds() / HOUR))
    first = min(missed, default=None)
    return AsPlanned(
        added=Money.of_cents(added),
        first_deadline_missed=None if first is None else first[1],
        late_hours=None if first is None else round(first[2], 4),
    )


def _line_cents(segment: SolverSegment, ledger: Ledger, longer_s: int = 0, dearer: Decimal = Decimal(0)) -> int:
    """Add the lines of a segment as the recommendation writes them: each part rounded to cents."""
    place = ledger.places[segment.pool]
    hours = segment.nodes * Fraction(segment.end_s - segment.start_s + longer_s, HOUR)
    factor = 1 + Fraction(dearer) if place.is_spot else Fraction(1)
    return sum(cents(hours * half_even(price.micro_usd_per_hour * factor)) for price in place.prices)


@dataclass(frozen=True, slots=True)
class _Delays:
    """Seconds by job: held longer itself, and later in all."""

    extra: Mapping[str, int]
    total: Mapping[str, int]


def _delays(case: Case, segments: Sequence[SolverSegment], ledger: Ledger) -> _Delays:
    step = ledger.grid.end_minutes * 60
    extra: dict[str, int] = {}
    total: dict[str, int] = {}
    waiting = list(ledger.plan.jobs)
    while waiting:
        job = next(j for j in waiting if all(name in total for name in j.after))
        waiting.remove(job)
        mine = [segment for segment in segments if segment.job == job.name]
        left = job.tokens
        rate = 0
        for segment in sorted(mine, key=lambda s: s.start_s):
            choice = ledger.configurations[segment.job, segment.pool, segment.nodes]
            rate = choice.tokens_per_second
            if choice.speed_basis == "estimated":
                rate = max(1, floor(rate * (1 - Fraction(case.slower))))
            left -= rate * max(0, segment.end_s - segment.start_s - choice.start_seconds)
        more = -(-left // rate) if left > 0 else 0
        extra[job.name] = -(-more // step) * step
        start = min(segment.start_s for segment in mine)
        behind = [_last(name, segments).end_s + total[name] - start for name in job.after]
        total[job.name] = max(0, *behind, 0) + extra[job.name]
    return _Delays({name: seconds for name, seconds in extra.items() if seconds}, total)


def _last(job: str, segments: Sequence[SolverSegment]) -> SolverSegment:
    return max((segment for segment in segments if segment.job == job), key=lambda segment: segment.end_s)
