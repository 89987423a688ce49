"""Builders of plans and price sheets that tests share: small, in plain words, every number in sight."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from advisor.offer_places import offer_places
from advisor.plan.load import plan_of
from advisor.planning import Question
from advisor.recommendation import Recommendation
from advisor.service import PlanRequest, PricesMissing, recommend_plan
from pricing.book import SpotRule, offers_as_of
from pricing.sheet import read_prices

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
START = "2026-12-01T00:00:00Z"
HEADER = "provider,region,zone,machine,market,usd_per_hour,observed_at,source,available_nodes,currency"


def hour(number: int) -> str:
    """Return the moment so many hours after the plan's start."""
    return (datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def price(
    usd: float | str,
    *,
    provider: str = "aws",
    region: str = "us-east-1",
    zone: str = "",
    machine: str = "p5.48xlarge",
    market: str = "on_demand",
    nodes: str | int = "",
    observed_at: str = "2026-11-20T00:00:00Z",
    currency: str = "USD",
) -> str:
    """Write one row of a price sheet."""
    return f"{provider},{region},{zone},{machine},{market},{usd},{observed_at},a test,{nodes},{currency}"


def speed(machine: str, nodes: int, tokens_per_second: float) -> dict[str, Any]:
    """Write one measured speed."""
    return {"machine": machine, "nodes": nodes, "tokens_per_second": tokens_per_second}


def job(name: str, hours_of_work: float, *speeds: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Write a job with so many hours of work at 1,000 tokens a second."""
    return {
        "name": name,
        "model": "deepseek-llm-7b",
        "method": "pretrain",
        "tokens": int(hours_of_work * 3_600_000),
        "only_measured": True,
        "measured": list(speeds),
        **fields,
    }


def cluster(
    nodes: int, *, name: str = "onprem", available: list[dict[str, Any]] | None = None, **cost: Any
) -> dict[str, Any]:
    """Write an owned cluster; on its marginal basis a node-hour costs (10.2 - 3.5) kW x 1.3 x $0.12 = $1.0452."""
    fields: dict[str, Any] = {
        "name": name,
        "gpu": "H100-SXM-80GB",
        "gpus_per_node": 8,
        "nodes": nodes,
        "network_gbit_per_second": 3200,
        "cost": {
            "node_power_kw": 10.2,
            "idle_power_kw": 3.5,
            "pue": 1.3,
            "usd_per_kwh": 0.12,
            "basis": "marginal",
            **cost,
        },
    }
    if available is not None:
        fields["available"] = available
    return fields


def document(*jobs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Write a plan document that starts on 1 December 2026."""
    return {"version": 1, "name": "paper", "start": START, "jobs": list(jobs), **fields}


def advise(
    plan: dict[str, Any],
    *prices: str,
    time_limit_s: float = 30.0,
    as_of: datetime = AS_OF,
    objective: Literal["cost", "time"] = "cost",
    header: str = HEADER,
) -> Recommendation | PricesMissing:
    """Plan a document on a price sheet, as `advisor plan --prices` does."""
    loaded = plan_of(plan, name="plan", as_of=as_of, folder=None)
    sheet = read_prices("\n".join([header, *prices]) + "\n", now=as_of)
    assert not sheet.rejected
    spot = loaded.plan.prices.spot
    rule = SpotRule(basis=spot.basis, days=float(spot.days), quantile=float(spot.quantile))
    request = PlanRequest(
        loaded=loaded,
        offers=offers_as_of(sheet.rows, as_of=as_of, spot=rule),
        as_of=as_of,
        max_age=timedelta(hours=72),
        exempt_from_age=True,
        time_limit_s=time_limit_s,
        objective=objective,
    )
    return recommend_plan(request)


def planned(plan: dict[str, Any], *prices: str, time_limit_s: float = 30.0) -> Recommendation:
    """Plan and expect a recommendation."""
    answer = advise(plan, *prices, time_limit_s=time_limit_s)
    assert isinstance(answer, Recommendation), answer.text()
    return answer


def total(answer: Recommendation) -> str | None:
    """Return the total as text."""
    return answer.total.amount if answer.total else None


def question_of(plan: dict, prices: list[str]) -> Question:
    """Put a plan and its prices as the service does."""
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    sheet = read_prices("\n".join([HEADER, *prices]) + "\n", now=AS_OF)
    offers = offers_as_of(sheet.rows, as_of=AS_OF, spot=SpotRule())
    ages: dict[int, timedelta | None] = dict.fromkeys(range(len(offers)))
    places, _ = offer_places(offers, loaded.plan, as_of=AS_OF, max_age=ages, grid=loaded.grid)
    return Question(plan=loaded.plan, grid=loaded.grid, offers=places, shapes=loaded.shapes)
