"""Statistics of a price over time, worked out by hand, and how the terminal draws them."""

from datetime import timedelta

import pytest
from price_builders import NOW, days_ago, row, spot

from advisor.cli.price_tables import bars, print_history
from pricing.history import in_window, statistics, trend_a_day


def of_spot(*rows, caps=()):
    """Return the statistics of the one spot pool over the last ten days."""
    table = statistics(rows, begin=days_ago(10), until=NOW, caps=caps)
    (line,) = table[table["market"] == "spot"].to_dict("records")
    return line


def test_movement_of_a_price_by_hand():
    """$10 for 5 days, $30 for 2, $20 for 3: mean 17, deviation sqrt(61), largest moves +20 and -10."""
    line = of_spot(spot(10, days=12), spot(30, days=5), spot(20, days=3))

    assert (line["mean"], line["largest_rise"], line["largest_drop"]) == (17_000_000, 20_000_000, 10_000_000)
    assert line["volatility"] == pytest.approx(61**0.5 / 17, abs=1e-6)
    # 12 / 10^3 x (10 x 5 x -2.5 + 30 x 2 x 1 + 20 x 3 x 3.5) USD a day
    assert line["trend_a_day"] == 1_740_000


def test_a_price_that_stands_still_has_no_movement():
    """Every figure of movement is 0; of a window of no length there is no trend."""
    line = of_spot(spot(10, days=12))

    assert [line[n] for n in ("largest_rise", "largest_drop", "trend_a_day", "volatility")] == [0, 0, 0, 0]
    assert trend_a_day([(NOW, 5)], NOW) is None


def test_share_of_time_at_the_on_demand_price():
    """Spot at $30 is at its cap while on-demand is $30 or less; time before on-demand was known does not count."""
    spot_rows = (spot(30, days=12), spot(20, days=2))

    assert of_spot(*spot_rows)["share_at_on_demand"] is None
    assert of_spot(*spot_rows, row(30, days=20))["share_at_on_demand"] == 0.8
    assert of_spot(*spot_rows, caps=[row(30, days=20), row(40, days=6)])["share_at_on_demand"] == 0.4
    assert of_spot(*spot_rows, caps=[row(30, days=4)])["share_at_on_demand"] == 0.5
    assert of_spot(*spot_rows, caps=[row(30, days=20, machine="p4d.24xlarge")])["share_at_on_demand"] is None


def test_bars_show_the_course_of_a_price():
    """A point where no price was known, the lowest bar at the least, the highest at the most."""
    begin = NOW - timedelta(days=9)
    drawn = bars(in_window([spot(10, days=6), spot(30, days=3)], begin), begin, NOW)

    assert drawn == "·" * 12 + "▁" * 12 + "█" * 12


def test_the_terminal_draws_what_moved(capsys, monkeypatch):
    """A price that moved is drawn within 80 columns, with its share of time at the cap; one that stood still is not."""
    monkeypatch.setenv("COLUMNS", "80")
    still = spot(12.5, days=45, zone="use1-az4")
    print_history([spot(10, days=45), spot(30, days=20), still], days_ago(40), NOW, caps=[row(30, days=60)])
    lines = capsys.readouterr().out.splitlines()

    (drawn,) = (line for line in lines if "▁█" in line)
    assert drawn.split() == ["use1-az2", "spot", "▁" * 18 + "█" * 18, "50%"]
    assert max(map(len, lines)) <= 80
