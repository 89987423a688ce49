"""The price at which a plan leaves a machine's market, or comes to it, solved again on both sides of it."""

import time
from dataclasses import dataclass, replace
from fractions import Fraction

from advisor.configurations import allows
from advisor.places import Place
from advisor.planning import Question, ask
from advisor.recommend import Costed, costed
from advisor.recommendation import Segment
from pricing.money import half_even
from solver import Solved

# Factors of today's price between which a break-even is sought, and how finely.
LEAST_FACTOR, MOST_FACTOR = Fraction(1, 16), Fraction(16)
FINENESS = Fraction(1, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The plan at one price of the machine's market: price of its cheapest place, node-hours there, the whole plan."""

    factor: Fraction
    micro_usd_per_hour: int
    node_hours: Fraction
    plan: Costed


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Today's plan, and the last price at which use stays as it is with the first at which it does not.

    `inside` and `outside` are None where use does not change between a sixteenth and sixteen times today's price.
    """

    today: Side
    inside: Side | None
    outside: Side | None


def break_even(question: Question, machine: str, market: str, deadline: float) -> BreakEven | None:
    """Find where the use of a machine's market changes; None where it has no price or no plan.

    In use today: prices rise until it is used less. Not in use: prices fall until it is used. Use changes but once
    in one direction: the cheapest plan's node-hours there never rise with the price.
    """
    today = _side(question, machine, market, Fraction(1), deadline)
    if today is None:
        return None
    rising = today.node_hours > 0
    edge = MOST_FACTOR if rising else LEAST_FACTOR
    inside, outside = today, _side(question, machine, market, edge, deadline)
    if outside is None or outside.node_hours == today.node_hours:
        return BreakEven(today=today, inside=None, outside=None)
    while abs(outside.factor - inside.factor) > FINENESS * inside.factor and time.monotonic() < deadline:
        middle = _side(question, machine, market, (inside.factor + outside.factor) / 2, deadline)
        if middle is None:
            break
        if middle.node_hours == today.node_hours:
            inside = middle
        else:
            outside = middle
    return BreakEven(today=today, inside=inside, outside=outside)


def _is_meant(place: Place, machine: str, market: str) -> bool:
    return place.machine == machine and place.market == market


def _at(place: Place, factor: Fraction) -> Place:
    (price,) = place.prices
    return replace(
        place,
        prices=(replace(price, micro_usd_per_hour=max(1, half_even(price.micro_usd_per_hour * factor))),),
    )


def _side(question: Question, machine: str, market: str, factor: Fraction, deadline: float) -> Side | None:
    offers = [_at(place, factor) if _is_meant(place, machine, market) else place for place in question.offers]
    meant = [
        place.micro_usd_per_hour
        for place in offers
        if _is_meant(place, machine, market) and any(allows(job, question.plan, place) for job in question.plan.jobs)
    ]
    left = deadline - time.monotonic()
    if not meant or left <= 0:
        return None
    answer = ask(replace(question, offers=offers), min(left, 15.0))
    if not isinstance(answer.outcome, Solved):
        return None
    plan = costed(answer.outcome, answer.formulation.ledger)
    used = [s for s in plan.segments if s.machine == machine and s.market == market]
    return Side(
        factor=factor,
        micro_usd_per_hour=min(meant),
        node_hours=sum((_node_hours(segment) for segment in used), Fraction(0)),
        plan=plan,
    )


def _node_hours(segment: Segment) -> Fraction:
    return Fraction(int((segment.end - segment.start).total_seconds()), 3600) * segment.nodes
