"""Open plans solved again: at the week's begin, at the same moment with new prices, and at the report's moment.

The change since the week before is exact by construction: now - before = (repriced - before) + (now - repriced), the
first part from prices alone, the second from time alone (work that is done, and less time until the deadlines).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from advisor.errors import DocumentInvalid
from advisor.offers import offers_in_book
from advisor.outputs.phrases import age, counted, percent, runs_on, usd, usd_difference
from advisor.plan.load import LoadedPlan, plan_of
from advisor.planning import ask
from advisor.recommend import Costed, costed
from advisor.recommendation import Money, Recommendation, Segment
from advisor.service import PlanRequest, question_of, unpriced
from advisor.settings import Settings
from advisor.unfit import jobs_that_fit_nowhere
from advisor.weekly.document import OpenPlan, Outcome, Solve
from advisor.weekly.months import month_costs
from advisor.weekly.remainder import done_tokens, remainder
from advisor.weekly.week import Week
from pricing.money import micro_usd_text
from pricing.offer import Offer
from solver import Infeasible, Solved

MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A solve with what it rests on."""

    solve: Solve
    result: Costed | None
    offers: Sequence[Offer]
    start: datetime


def replanned(
    answer: Recommendation, plan: Mapping[str, Any], week: Week, as_of: datetime, chosen: Settings, time_limit_s: float
) -> OpenPlan:
    """Solve a stored plan's remainder three times, each within a third of the time."""
    then, today = remainder(plan, answer, week.begin), remainder(plan, answer, as_of)
    limit = time_limit_s / 3
    before = _attempt(then, week.begin, week.begin, chosen, limit)
    repriced = _attempt(then, week.begin, as_of, chosen, limit)
    now = repriced if today == then else _attempt(today, as_of, as_of, chosen, limit)
    totals = [attempt.solve.total for attempt in (before, repriced, now)]
    return OpenPlan(
        id=answer.id,
        plan=answer.plan.name,
        created_at=answer.created_at,
        finish=last_moment(answer),
        recommended=answer.total,
        done_tokens=done_tokens(answer, now.start),
        before=before.solve,
        repriced=repriced.solve,
        now=now.solve,
        change=_difference(totals[0], totals[2]),
        by_prices=_difference(totals[0], totals[1]),
        by_time=_difference(totals[1], totals[2]),
        why=_why(before, repriced, now),
        rests_on=_rests_on(now),
        months=[] if now.result is None else month_costs(now.result.lines, now.result.segments, now.start),
    )


def last_moment(answer: Recommendation) -> datetime:
    """Return when a plan ends: its last deadline, or the last finish, or its horizon where there is no plan."""
    moments = [job.deadline or job.finish for job in answer.jobs]
    return max(moments, default=answer.horizon)


def _attempt(
    document: dict[str, Any] | None, moment: datetime, prices_as_of: datetime, chosen: Settings, limit: float
) -> _Attempt:
    def failed(status: Outcome, reason: str, start: datetime = moment, total: Money | None = None) -> _Attempt:
        solve = Solve(start=start, prices_as_of=prices_as_of, status=status, total=total, gap=None, reason=reason)
        return _Attempt(solve, None, (), start)

    if document is None:
        return failed("done", "all of it was to be done by then", total=Money.of_cents(0))
    try:
        loaded = plan_of(document, name="plan", as_of=moment, folder=None)
    except DocumentInvalid as invalid:
        return failed("not_solved", "; ".join(str(fault) for fault in invalid.faults[:MOST_REASONS]))
    let_in = chosen.reference_prices == "on"
    offers = offers_in_book(loaded.plan, prices_as_of, chosen.database_url, reference_prices=let_in)
    request = PlanRequest(
        loaded=loaded, offers=offers, as_of=prices_as_of, max_age=timedelta(hours=chosen.price_max_age_hours)
    )
    missing = unpriced(request)
    if jobs_that_fit_nowhere(loaded.plan, loaded.shapes):
        return failed("infeasible", "some job fits nowhere; `advisor explain` says why", loaded.grid.start)
    if missing is not None:
        jobs = ", ".join(missing.jobs)
        return failed(
            "prices_missing", f"the price book has no usable price for {jobs} at that time", loaded.grid.start
        )
    return _solved(request, loaded, prices_as_of, limit)


def _solved(request: PlanRequest, loaded: LoadedPlan, prices_as_of: datetime, limit: float) -> _Attempt:
    question, _ = question_of(request)
    answer = ask(question, limit)
    outcome, start = answer.outcome, loaded.grid.start
    if isinstance(outcome, Solved):
        result = costed(outcome, answer.formulation.ledger)
        total = Money.of_cents(result.total_cents)
        solve = Solve(start=start, prices_as_of=prices_as_of, status=outcome.status, total=total, gap=result.gap)
        return _Attempt(solve, result, request.offers, start)
    infeasible = isinstance(outcome, Infeasible)
    reason = "its deadlines, limits and budgets cannot all hold from there" if infeasible else "not decided in the time"
    status: Outcome = "infeasible" if infeasible else "undecided"
    solve = Solve(start=start, prices_as_of=prices_as_of, status=status, total=None, gap=None, reason=reason)
    return _Attempt(solve, None, request.offers, start)


def _difference(first: Money | None, second: Money | None) -> Money | None:
    if first is None or second is None:
        return None
    return Money.of_cents(int((Decimal(second.amount) - Decimal(first.amount)) * 100))


def _why(before: _Attempt, repriced: _Attempt, now: _Attempt) -> str:
    """Say in a sentence or two what moved the cost."""
    by_prices = _difference(before.solve.total, repriced.solve.total)
    by_time = _difference(repriced.solve.total, now.solve.total)
    if by_prices is None or by_time is None:
        unknown = next(each.solve for each in (before, repriced, now) if each.solve.total is None)
        return f"No comparison: {unknown.reason}."
    parts = [f"Prices: {usd_difference(Decimal(by_prices.amount))}{_price_reasons(before, repriced)}."]
    if now is repriced:
        parts.append("Time: the same, the plan has not begun.")
    else:
        parts.append(f"Time: {usd_difference(Decimal(by_time.amount))}, for work that was to be done by now.")
    return " ".join(parts)


def _rests_on(now: _Attempt) -> str:
    """Say how old the prices are that the present cost rests on, and how many of them came with the software."""
    places, as_of = _mix(now), now.solve.prices_as_of
    used = [offer for offer in now.offers if _sold_at(offer) in places]
    if not used:
        return "It rests on no price of a market." if now.result else ""
    bundled = sum(offer.bundled for offer in used)
    oldest = age(max(offer.age(as_of) for offer in used))
    said = f"It rests on {counted(len(used), 'price')}, the oldest {oldest} old"
    return f"{said}; {bundled} of them bundled reference prices." if bundled else f"{said}."


def _price_reasons(before: _Attempt, repriced: _Attempt) -> str:
    """Name the places that were or are used and whose price moved, and a change of the mix."""
    old, new = _prices(before.offers), _prices(repriced.offers)
    used = {_place(s): s for attempt in (before, repriced) for s in _segments(attempt)}
    moved = [
        f"{runs_on(segment)} {usd(micro_usd_text(old[place]))} to {usd(micro_usd_text(new[place]))} "
        f"({'+' if new[place] > old[place] else '-'}{percent(Decimal(abs(new[place] - old[place])) / old[place])})"
        for place, segment in used.items()
        if place in old and place in new and old[place] != new[place]
    ]
    if len(moved) > MOST_REASONS:
        moved = [*moved[:MOST_REASONS], f"{len(moved) - MOST_REASONS} more"]
    left, taken = (_mix(each) for each in (before, repriced))
    mix = [f"now without {runs_on(used[p])}" for p in sorted(left - taken)[:1]]
    mix += [f"now with {runs_on(used[p])}" for p in sorted(taken - left)[:1]]
    return f" ({'; '.join([*moved, *mix])})" if moved or mix else ""


def _segments(attempt: _Attempt) -> Sequence[Segment]:
    return () if attempt.result is None else attempt.result.segments


def _mix(attempt: _Attempt) -> set[tuple[str, ...]]:
    return {_place(segment) for segment in _segments(attempt)}


def _place(segment: Segment) -> tuple[str, ...]:
    parts = (segment.provider, segment.region, segment.zone, segment.machine or segment.cluster, segment.market)
    return tuple(part or "" for part in parts)


def _prices(offers: Sequence[Offer]) -> dict[tuple[str, ...], int]:
    return {_sold_at(o): o.micro_usd_per_hour for o in offers if o.term is None and o.currency == "USD"}


def _sold_at(offer: Offer) -> tuple[str, ...]:
    return offer.provider, offer.region, offer.zone or "", offer.machine, str(offer.market)
