"""Past prices kept with a recommendation: those of the pools in use, by its moment, and never changed later."""

from datetime import UTC, datetime, timedelta

from answer_builders import rich_answer
from price_builders import row, spot

from advisor.price_history import MOST_POINTS, with_rows_history
from pricing.offer import Market

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def histories(*rows):
    """Return the histories of the rich answer: spot in use1-az4 and on demand in us-east-1."""
    return {history.market: history for history in with_rows_history(rich_answer(), rows).price_history}


def test_only_moves_of_pools_in_use_by_the_moment():
    """Unmoved sights, other zones, other systems and later rows are left out."""
    rows = [
        spot(20.0, days=40, zone="use1-az4"),
        spot(20.0, days=30, zone="use1-az4"),
        spot(22.0, days=20, zone="use1-az4"),
        spot(9.0, days=10, zone="use1-az2"),
        spot(9.0, days=10, zone="use1-az4", os="windows"),
        spot(9.0, days=-1, zone="use1-az4"),
    ]
    found = histories(*rows)

    assert list(found) == ["spot"]
    assert [point.usd_per_hour.amount for point in found["spot"].points] == ["20.00", "22.00"]


def test_the_price_in_force_two_years_ago_is_carried_in():
    """A list price of years ago begins the window; nothing before it is shown."""
    found = histories(row(98.32, days=1200), row(55.04, days=800), row(50.0, days=100))

    assert [(p.at, p.usd_per_hour.amount) for p in found["on_demand"].points] == [
        (AS_OF - timedelta(days=730), "55.04"),
        (AS_OF - timedelta(days=100), "50.00"),
    ]


def test_a_restless_price_keeps_its_newest_moves():
    """However often spot moved, the document stays small."""
    rows = [spot(20.0 + hour % 2, days=hour / 24, zone="use1-az4") for hour in range(1, 1000)]
    points = histories(*rows)["spot"].points

    assert len(points) == MOST_POINTS
    assert points[-1].at == AS_OF - timedelta(hours=1)


def test_owned_and_held_nodes_have_no_price_history():
    """Without a row of its pool a segment has no history, and a commitment has no price at all."""
    assert histories() == {}
    assert set(histories(row(1.0, market=Market.RESERVED_1Y))) == set()
