"""The bundled reference prices: what the table holds, and how they stand back behind what was collected."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from price_builders import NOW, row, spot
from reference_builders import FACTS, changes_of, is_sold, reference_rows

from pricing import reference
from pricing.book import SpotRule, offers_as_of
from pricing.hardware import machines
from pricing.offer import Market
from pricing.sheet import read_prices, write_prices
from pricing.store import Filter

TABLE = Path(__file__).parents[2] / "pricing" / "data" / "reference_prices.csv"
RULE = SpotRule()


@pytest.mark.skipif(not FACTS.exists(), reason="the shared price facts are not beside this checkout")
def test_the_table_is_what_the_facts_give():
    """Made anew from the shared facts, the table is the same byte for byte; ADVISOR_UPDATE_GOLDEN=1 writes it."""
    made = write_prices(reference_rows())
    if os.environ.get("ADVISOR_UPDATE_GOLDEN"):
        TABLE.write_text(made, encoding="utf-8", newline="")

    assert made == TABLE.read_text(encoding="utf-8")


def test_every_row_is_a_plain_price_of_a_machine_that_is_sold_so():
    """No row is rejected or surprises, all are USD on Linux with source and date, on a market that the machine has."""
    sheet = read_prices(TABLE, now=NOW)

    assert sheet.rejected == sheet.warnings == ()
    assert all(each.currency == "USD" and each.os == "linux" and is_sold(each) for each in sheet.rows)
    assert TABLE.stat().st_size < 600_000


def test_every_rented_machine_has_a_price():
    """Each machine of the table can be planned with before anybody collects: on demand or on spot, in some region."""
    priced = Counter(each.machine for each in reference.reference_rows() if each.market in {"on_demand", "spot"})

    assert set(priced) == set(machines())


@pytest.mark.parametrize(
    "machine", ["a3-highgpu-1g", "a3-highgpu-4g", "a3-ultragpu-8g", "a4-highgpu-8g", "p5e.48xlarge"]
)
def test_a_price_that_nobody_can_buy_at_is_no_offer(machine: str):
    """Google lists on-demand prices of machines that it does not sell so, AWS sells p5e without a list price."""
    markets = {each.market for each in reference.reference_rows() if each.machine == machine}

    assert markets & {Market.ON_DEMAND, Market.RESERVED_1Y, Market.RESERVED_3Y} == set()


@pytest.mark.parametrize(
    ("machine", "region", "usd"),
    [
        ("p5.48xlarge", "us-east-1", 55.04),
        ("p4d.24xlarge", "us-east-1", 21.957642),
        ("p5en.48xlarge", "us-east-1", 63.296),
        ("p6-b200.48xlarge", "us-east-1", 113.9328),
        ("a3-highgpu-8g", "us-central1", 88.49),
        ("a2-highgpu-8g", "us-central1", 29.38708),
    ],
)
def test_known_list_prices(machine: str, region: str, usd: float):
    """Prices that everyone can look up, as of the last sight of them."""
    offers = offers_as_of(reference.reference_rows(), as_of=NOW, spot=RULE)
    found = [o for o in offers if (o.machine, o.region, o.market) == (machine, region, Market.ON_DEMAND)]

    assert [offer.micro_usd_per_hour for offer in found] == [pytest.approx(usd * 1e6)]
    assert found[0].bundled
    assert found[0].age(NOW).days < 200


def test_a_machine_without_all_its_parts_has_no_price():
    """A region in which Google lists an a3-megagpu-8g's processors but not its GPUs would give it for a tenth."""
    assert all(each.micro_usd_per_hour > 60e6 for each in _on_demand("a3-megagpu-8g"))


def _on_demand(machine: str):
    return [each for each in reference.reference_rows() if (each.machine, each.market) == (machine, Market.ON_DEMAND)]


def test_nothing_of_the_future_counts():
    """As of a moment before the table was made, later rows are unknown: the price before the cut of June 2025 holds."""
    before_the_cut = datetime(2025, 6, 1, tzinfo=UTC)
    found = reference.with_reference([], before_the_cut, RULE, Filter(machine="p5.48xlarge", market="on_demand"))

    assert [(o.region, o.micro_usd_per_hour) for o in found] == [("us-east-1", 98_320_000)]


def test_a_collected_price_silences_the_bundled_ones_of_its_region():
    """One collected zone is enough: the bundled zones of that machine, market and region go, others stay."""
    wanted = Filter(provider="aws", machine="p5.48xlarge", market="spot")
    collected = offers_as_of([spot(31.0, days=200, zone="use1-az2")], as_of=NOW, spot=RULE)
    found = reference.with_reference(collected, NOW, RULE, wanted)

    assert [(o.zone, o.bundled) for o in found if o.region == "us-east-1"] == [("use1-az2", False)]
    assert {o.region for o in found if o.bundled} >= {"us-east-2", "us-west-2"}
    assert any(o.market is Market.ON_DEMAND and o.bundled for o in reference.with_reference(collected, NOW, RULE))


def test_bundled_history_ends_where_the_collected_one_begins():
    """A bundled row after the first collected one of its price does not count; what came before stays, marked."""
    wanted = Filter(machine="p5.48xlarge", region="us-east-1", market="on_demand")
    mine = row(90.0, observed_at=datetime(2025, 1, 1, tzinfo=UTC))
    found = reference.history_with_reference([mine], wanted)

    assert [(each.micro_usd_per_hour, each.bundled) for each in found] == [(98_320_000, True), (90_000_000, False)]


def test_a_value_seen_again_is_confirmed_and_a_moved_one_is_a_new_row():
    """Facts become changes: the second sight confirms, a new value follows, and of two at one moment the last counts."""
    facts = [row(10.0, days=9), row(10.00005, days=5), row(12.0, days=2), row(13.0, days=2)]

    assert [(f.micro_usd_per_hour, f.confirmed_at) for f in changes_of(facts)] == [
        (10_000_000, facts[1].observed_at),
        (13_000_000, None),
    ]
