"""A what-if question about a stored recommendation: its own plan, moment and prices, whatever was collected since."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from advisor.archive import Snapshot
from advisor.plan.load import LoadedPlan, plan_of
from advisor.service import PlanRequest
from advisor.whatif.study import Asked, Scenario


def stored_question(kept: Snapshot, asked: Mapping[str, Any], max_age_hours: float) -> Asked:
    """Ask of a stored recommendation what `set`, `spot_price`, `frontier`, `points` and `break_even` say."""
    answer, document = kept.answer, json.loads(kept.plan)
    document = {name: value for name, value in document.items() if value is not None}

    def load(changed: dict[str, Any]) -> LoadedPlan:
        return plan_of(changed, name="plan", as_of=answer.as_of, folder=None)

    max_age = timedelta(hours=max_age_hours)
    old = [line for line in answer.lines if line.known_at is not None and not line.bundled]
    request = PlanRequest(
        loaded=load(document),
        offers=kept.offers,
        as_of=answer.as_of,
        max_age=max_age,
        # Prices that the answer rests on although they were old came from a file of its own, which is exempt.
        exempt_from_age=any(answer.as_of - line.known_at > max_age for line in old if line.known_at is not None),
        time_limit_s=asked["time_limit_s"],
        seed=answer.seed,
    )
    assignments = tuple(f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in asked["set"].items())
    spot = None if asked["spot_price"] is None else Decimal(str(asked["spot_price"]))
    words = [*assignments, *([] if spot is None else [f"spot {spot:+f} %"])]
    scenarios = [Scenario(name=", ".join(words), assignments=assignments, spot_percent=spot)] if words else []
    whole = Asked(request=request, document=document, load=load, scenarios=scenarios)
    if asked["frontier"]:
        whole = replace(whole, frontier_points=asked["points"])
    if asked["break_even"]:
        machine, _, market = asked["break_even"].rpartition(":")
        whole = replace(whole, break_even=(machine, market))
    return whole
