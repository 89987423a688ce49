"""Statistics of a price over time: the value in force at each moment counts for as long as it held.

Means and quantiles are exact (whole numbers and fractions), so that the same rows give the same figure anywhere; the
tables made of them are pandas frames, imported where they are made.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from pricing.money import half_even
from pricing.observation import PriceRow
from pricing.offer import Market

if TYPE_CHECKING:
    import pandas as pd

Points = Sequence[tuple[datetime, int]]
POOL = ["provider", "region", "zone", "machine", "market", "os", "term", "start", "end"]
MOVEMENT = ("largest_rise", "largest_drop", "trend_a_day", "volatility", "share_at_on_demand")
QUANTILES = {"p10": Fraction(1, 10), "p50": Fraction(1, 2), "p90": Fraction(9, 10)}


def spells(points: Points, until: datetime) -> list[tuple[int, timedelta]]:
    """Return each value with the time it held: to the next point, the last to `until`."""
    ends = [*points, (until, 0)]
    return [(value, later - at) for (at, value), (later, _) in pairwise(ends)]


def time_weighted_mean(points: Points, until: datetime) -> Fraction:
    """Return the exact mean of a step function; the last value where no time passes at all."""
    held = [(value, length // timedelta(microseconds=1)) for value, length in spells(points, until)]
    total = sum(length for _, length in held)
    if total == 0:
        return Fraction(points[-1][1])
    return Fraction(sum(value * length for value, length in held), total)


def quantile_over_time(points: Points, until: datetime, share: Fraction) -> int:
    """Return the least value at or below which the price stood for at least this share of the time.

    Where no time passes at all it is the last value.
    """
    held = sorted((value, length // timedelta(microseconds=1)) for value, length in spells(points, until))
    total = sum(length for _, length in held)
    if total == 0:
        return points[-1][1]
    passed = 0
    for value, length in held:
        passed += length
        if length and passed >= share * total:
            return value
    return held[-1][0]


def volatility(points: Points, until: datetime) -> float:
    """Return the standard deviation over time as a share of the time-weighted mean; 0 where no time passes."""
    held = [(value, length // timedelta(microseconds=1)) for value, length in spells(points, until)]
    total = sum(length for _, length in held)
    if total == 0:
        return 0.0
    mean = time_weighted_mean(points, until)
    variance = sum((value - mean) ** 2 * length for value, length in held) / total
    return round(math.sqrt(variance) / float(mean), 6)


def trend_a_day(points: Points, until: datetime) -> int | None:
    """Return the slope of the straight line that fits the price over time best, a day; None where no time passes.

    Least squares over all of the time: slope = 12 / T^3 x the sum of price x length x (middle of the spell - T / 2).
    """
    tick = timedelta(microseconds=1)
    total = (until - points[0][0]) // tick
    if total == 0:
        return None
    at, tilt = 0, Fraction(0)
    for value, length in spells(points, until):
        ticks = length // tick
        tilt += value * ticks * (Fraction(2 * at + ticks, 2) - Fraction(total, 2))
        at += ticks
    return half_even(12 * tilt / total**3 * (timedelta(days=1) // tick))


def share_at_cap(points: Points, caps: Points, until: datetime) -> float | None:
    """Return the share of the time in which a price stood at its cap or above, of the time whose cap is known."""
    begin, since = points[0][0], [at for at, _ in caps]
    moments = sorted({at for at, _ in (*points, *caps) if begin <= at < until} | {until})
    starts = [at for at, _ in points]
    known = at_cap = timedelta(0)
    for at, later in pairwise(moments):
        cap = bisect_right(since, at)
        if cap:
            known += later - at
            if points[bisect_right(starts, at) - 1][1] >= caps[cap - 1][1]:
                at_cap += later - at
    return round(at_cap / known, 6) if known else None


def statistics(
    rows: Iterable[PriceRow], *, begin: datetime, until: datetime, caps: Iterable[PriceRow] = ()
) -> "pd.DataFrame":
    """Tabulate every price between two moments, in micro-USD per hour, one line per pool.

    `rows` is how often it was seen inside, `changes` how often it moved; the value in force at `begin` is carried in.
    `largest_rise` and `largest_drop` are single moves, 0 without one; `trend_a_day` the slope of the line that fits
    best; `volatility` the deviation as a share of the mean; `share_at_on_demand` how much of the time a spot price
    stood at or above its region's on-demand price, which is looked for in `rows` and in `caps`.
    """
    import pandas as pd

    rows = sorted(rows, key=lambda row: row.observed_at)
    histories: dict[tuple[object, ...], list[PriceRow]] = {}
    for row in rows:
        if row.observed_at <= until:
            histories.setdefault((*row.key, row.currency), []).append(row)
    on_demand: dict[tuple[str, ...], list[tuple[datetime, int]]] = {}
    for row in sorted({*rows, *caps}, key=lambda row: row.observed_at):
        if row.market == Market.ON_DEMAND and row.zone is None:
            on_demand.setdefault(_sold_at(row), []).append((row.observed_at, row.micro_usd_per_hour))
    lines = [
        {
            **dict(zip([*POOL, "currency"], key, strict=True)),
            **_line(history, begin, until, on_demand.get(_sold_at(history[0]), ())),
        }
        for key, history in histories.items()
    ]
    names = [*POOL, "currency", "rows", "changes", "least", "mean", *QUANTILES, "most", "last", *MOVEMENT]
    names += ["last_seen", "bundled"]
    table = pd.DataFrame(lines, columns=names)
    return table.sort_values(POOL[:5], key=lambda column: column.fillna("").astype(str), ignore_index=True)


def _sold_at(row: PriceRow) -> tuple[str, ...]:
    return row.provider, row.region, row.machine, row.os, row.currency


def in_window(history: Sequence[PriceRow], begin: datetime) -> list[tuple[datetime, int]]:
    """Return the points of a price from `begin` on, in time's order; the value in force then is carried in."""
    inside = [row for row in history if row.observed_at >= begin]
    carried = [row for row in history if row.observed_at < begin][-1:]
    return [(max(row.observed_at, begin), row.micro_usd_per_hour) for row in [*carried, *inside]]


def _line(history: Sequence[PriceRow], begin: datetime, until: datetime, caps: Points) -> dict[str, object]:
    points = in_window(history, begin)
    values = [value for _, value in points]
    moves = [later - before for before, later in pairwise(values)]
    return {
        "rows": sum(row.observed_at >= begin for row in history),
        "changes": sum(before != after for before, after in pairwise(values)),
        "least": min(values),
        "mean": half_even(time_weighted_mean(points, until)),
        **{name: quantile_over_time(points, until, share) for name, share in QUANTILES.items()},
        "most": max(values),
        "last": values[-1],
        "largest_rise": max(0, *moves, 0),
        "largest_drop": max(0, *(-move for move in moves), 0),
        "trend_a_day": trend_a_day(points, until),
        "volatility": volatility(points, until),
        "share_at_on_demand": share_at_cap(points, caps, until) if history[0].market == Market.SPOT else None,
        "last_seen": history[-1].observed_at,
        "bundled": history[-1].bundled,
    }


def changes(rows: Iterable[PriceRow]) -> "pd.DataFrame":
    """List the moments at which a price took another value, with the value before it (none at the first)."""
    import pandas as pd

    seen = [
        (
            *(getattr(row, name) for name in POOL),
            row.currency,
            row.observed_at,
            row.micro_usd_per_hour,
            row.source,
            row.bundled,
        )
        for row in sorted(rows, key=lambda row: row.observed_at)
    ]
    names = [*POOL, "currency", "observed_at", "micro_usd_per_hour", "source", "bundled"]
    table = pd.DataFrame(seen, columns=names)
    price = table["micro_usd_per_hour"].astype("Int64")
    before = price.groupby([table[name].astype(str) for name in [*POOL, "currency"]]).shift()
    table["before"] = before
    return table[before.isna() | (before != price)].reset_index(drop=True)
