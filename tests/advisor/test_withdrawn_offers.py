"""Offers that a complete collection no longer found are excluded, with the moment."""

from dataclasses import replace
from datetime import timedelta

from advisor_builders import AS_OF, HEADER, document, job, price, speed

from advisor.offer_places import offer_places
from advisor.plan.load import plan_of
from pricing.book import SpotRule, offers_as_of
from pricing.sheet import read_prices


def test_a_withdrawn_offer_is_excluded_at_once() -> None:
    """However fresh its price, what is no longer sold is not planned with; the reason says since when."""
    loaded = plan_of(document(job("a", 10, speed("p5.48xlarge", 1, 1000))), name="plan", as_of=AS_OF, folder=None)
    rows = read_prices(f"{HEADER}\n{price(10)}\n{price(11, region='us-east-2')}\n", now=AS_OF).rows
    here, there = offers_as_of(rows, as_of=AS_OF, spot=SpotRule())
    gone = replace(here, confirmed_at=AS_OF, withdrawn_at=AS_OF - timedelta(hours=1))
    ages = {0: timedelta(hours=720), 1: timedelta(hours=720)}

    places, excluded = offer_places([gone, there], loaded.plan, as_of=AS_OF, max_age=ages, grid=loaded.grid)

    assert [place.region for place in places] == ["us-east-2"]
    assert excluded[0].reason.startswith("withdrawn: since 2026-11-")
