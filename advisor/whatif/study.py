"""One what-if study: today's answer beside each change asked for, as one plain document."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from advisor.compare import difference
from advisor.errors import UsageInvalid
from advisor.plan.load import LoadedPlan
from advisor.planning import Answer, Question, ask
from advisor.recommend import Costed, costed
from advisor.recommendation import Money
from advisor.service import PlanRequest, PricesMissing, question_of, unpriced
from advisor.whatif.breakeven import BreakEven, Side, break_even
from advisor.whatif.changes import changed_document, scaled
from advisor.whatif.frontier import Point, frontier
from advisor.whatif.ownership import Bought, Ownership, bought, ownership
from pricing.moments import moment_text
from pricing.money import micro_usd_text
from solver import Infeasible, Solved

# Of the time, what today's plan and each change may take; frontiers and searches share the rest.
BASE_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Named changes: assignments PATH=VALUE and a change of spot prices in percent."""

    name: str
    assignments: tuple[str, ...] = ()
    spot_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a study is to answer; `load` validates a changed document as the plan itself was."""

    request: PlanRequest
    document: Mapping[str, Any]
    load: Callable[[dict[str, Any]], LoadedPlan]
    scenarios: Sequence[Scenario] = ()
    frontier_points: int | None = None
    break_even: tuple[str, str] | None = None
    buy: tuple[str, int] | None = None
    node_price_usd: Decimal | None = None


def study(asked: Asked) -> dict[str, Any] | PricesMissing:
    """Answer everything that was asked, within the request's time limit.

    Raises:
        UsageInvalid, DocumentInvalid: a change that makes no valid plan.
    """
    request = asked.request
    deadline = time.monotonic() + request.time_limit_s
    missing = unpriced(request)
    if missing is not None:
        return missing
    changed = [(scenario, _changed(asked, scenario)) for scenario in asked.scenarios]
    question, _ = question_of(request)
    base = _costed(ask(question, request.time_limit_s * BASE_SHARE))
    document: dict[str, Any] = {"version": 1, "plan": request.loaded.plan.name, "base": _summary(base)}
    document["changes"] = [
        _change(scenario, other, base.plan, deadline, len(changed) - index)
        for index, (scenario, other) in enumerate(changed)
    ]
    if asked.frontier_points is not None:
        points = frontier(question, asked.frontier_points, deadline)
        document["frontier"] = [_point(point, base.plan) for point in points]
    if asked.break_even is not None:
        found = break_even(question, *asked.break_even, deadline)
        document["break_even"] = _break_even(asked.break_even, found, base.plan)
    if asked.buy is not None:
        document["buy"] = _buy(asked, question, base.plan, deadline)
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    status: str
    plan: Costed | None
    finish: str | None
    gap: float | None


def _costed(answer: Answer) -> _Result:
    outcome = answer.outcome
    if not isinstance(outcome, Solved):
        status = "infeasible" if isinstance(outcome, Infeasible) else "undecided"
        return _Result(status=status, plan=None, finish=None, gap=None)
    ledger = answer.formulation.ledger
    plan = costed(outcome, ledger)
    finish = moment_text(ledger.grid.moment(plan.finish_seconds))
    return _Result(status=outcome.status, plan=plan, finish=finish, gap=plan.gap)


def _usd(cents: int) -> dict[str, str]:
    return Money.of_cents(cents).model_dump()


def _summary(result: _Result) -> dict[str, Any]:
    total = None if result.plan is None else _usd(result.plan.total_cents)
    return {"status": result.status, "total": total, "gap": result.gap, "finish": result.finish}


def _against(plan: Costed | None, base: Costed | None) -> dict[str, Any]:
    """Return what a plan costs more than today's, and where; None where one of them is missing."""
    if plan is None or base is None or len(plan.jobs) != len(base.jobs):
        return {"difference": None, "because": None}
    return {"difference": _usd(plan.total_cents - base.total_cents), "because": difference(base, plan)}


def _changed(asked: Asked, scenario: Scenario) -> PlanRequest:
    loaded = asked.request.loaded
    if scenario.assignments:
        loaded = asked.load(changed_document(dict(asked.document), scenario.assignments))
    offers = asked.request.offers
    if scenario.spot_percent is not None:
        offers = scaled(offers, scenario.spot_percent)
    return replace(asked.request, loaded=loaded, offers=offers)


def _change(
    scenario: Scenario, request: PlanRequest, base: Costed | None, deadline: float, remaining: int
) -> dict[str, Any]:
    spot = [] if scenario.spot_percent is None else [f"spot {scenario.spot_percent:+f} %"]
    head = {"name": scenario.name, "set": [*scenario.assignments, *spot]}
    missing = unpriced(request)
    if missing is not None:
        return {**head, "status": "no_prices", "total": None, "gap": None, "finish": None, "reason": missing.text()}
    question, _ = question_of(request)
    left = max(1.0, (deadline - time.monotonic()) / remaining)
    result = _costed(ask(question, left))
    return {**head, **_summary(result), **_against(result.plan, base)}


def _point(point: Point, base: Costed | None) -> dict[str, Any]:
    return {
        "finish": moment_text(point.finish),
        "total": _usd(point.total_cents),
        "status": point.status,
        "gap": point.gap,
        **_against(point.plan, base),
    }


def _break_even(asked: tuple[str, str], found: BreakEven | None, base: Costed | None) -> dict[str, Any]:
    machine, market = asked
    head = {"machine": machine, "market": market}
    if found is None:
        return {**head, "today": None, "reason": f"no price of {machine} on {market} may be used, or there is no plan"}

    def side(one: Side | None) -> dict[str, Any] | None:
        if one is None:
            return None
        return {
            "usd_per_hour": micro_usd_text(one.micro_usd_per_hour),
            "node_hours": f"{float(one.node_hours):g}",
            "total": _usd(one.plan.total_cents),
            "because": None if base is None else difference(base, one.plan),
        }

    reason = None if found.outside else "its use is the same from a sixteenth to sixteen times today's price"
    sides = {"today": side(found.today), "stays_at": side(found.inside), "changes_at": side(found.outside)}
    return {**head, **sides, "reason": reason}


def _buy(asked: Asked, question: Question, base: Costed | None, deadline: float) -> dict[str, Any]:
    assert asked.buy is not None  # noqa: S101  the caller asks only with a purchase
    name, nodes = asked.buy
    clusters = question.plan.clusters
    index = next((i for i, cluster in enumerate(clusters) if cluster.name == name), None)
    if index is None:
        known = ", ".join(cluster.name for cluster in clusters) or "none"
        raise UsageInvalid(f"--buy {name}: the plan has no such cluster; it has {known}")
    stated = clusters[index].cost.capex_usd_per_node
    price = asked.node_price_usd if asked.node_price_usd is not None else stated
    if price is None or clusters[index].cost.amortization_years is None:
        raise UsageInvalid(f"--buy {name}: state amortization_years in the plan, and the price with --node-price")
    yearly = ownership(question, clusters[index], price)
    found = bought(question, index, price, [nodes], deadline)
    return {
        "cluster": name,
        "nodes": nodes,
        "usd_per_node": f"{price:f}",
        "year": None if yearly is None else _year(yearly, Fraction(price)),
        "plans": [plan for one in found for plan in _bought(one, base)],
    }


def _year(one: Ownership, capex: Fraction) -> dict[str, Any]:
    full_use = one.payback_years(capex, Fraction(8760))
    return {
        "rented": one.rented,
        "rent_usd_per_hour": f"{float(one.rent_usd_per_hour):.6f}",
        "fixed_usd_per_year": f"{float(one.fixed_usd_per_year):.2f}",
        "usd_per_hour_of_use": f"{float(one.usd_per_hour_of_use):.6f}",
        "owning_beats_renting_from_hours_a_year": None
        if one.hours_a_year is None
        else round(float(one.hours_a_year), 1),
        "payback_years_at_full_use": None if full_use is None else round(float(full_use), 2),
    }


def _bought(one: Bought, base: Costed | None) -> list[dict[str, Any]]:
    found = []
    for basis, plan in (("full", one.full), ("marginal", one.marginal)):
        total = None if plan is None else _usd(plan.total_cents)
        reason = None if plan is not None else "no plan was found in the time given (--time-limit)"
        found.append({"nodes": one.nodes, "basis": basis, "total": total, **_against(plan, base), "reason": reason})
    return found
