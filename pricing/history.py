"""Statistics of a price over time: the value in force at each moment counts for as long as it held.

Means and quantiles are exact (whole numbers and fractions), so that the same rows give the same figure anywhere; the
tables made of them are pandas frames, imported where they are made.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from pricing.money import half_even
from pricing.observation import PriceRow

if TYPE_CHECKING:
    import pandas as pd

Points = Sequence[tuple[datetime, int]]
POOL = ["provider", "region", "zone", "machine", "market", "os", "term", "start", "end"]
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


def statistics(rows: Iterable[PriceRow], *, begin: datetime, until: datetime) -> "pd.DataFrame":
    """Tabulate every price between two moments, in micro-USD per hour, one line per pool.

    `rows` is how often it was seen inside, `changes` how often it moved; the value in force at `begin` is carried in.
    """
    import pandas as pd

    histories: dict[tuple[object, ...], list[PriceRow]] = {}
    for row in sorted(rows, key=lambda row: row.observed_at):
        if row.observed_at <= until:
            histories.setdefault((*row.key, row.currency), []).append(row)
    lines = [
        {**dict(zip([*POOL, "currency"], key, strict=True)), **_line(h, begin, until)} for key, h in histories.items()
    ]
    names = [*POOL, "currency", "rows", "changes", "least", "mean", *QUANTILES, "most", "last", "last_seen", "bundled"]
    table = pd.DataFrame(lines, columns=names)
    return table.sort_values(POOL[:5], key=lambda column: column.fillna("").astype(str), ignore_index=True)


def _line(history: Sequence[PriceRow], begin: datetime, until: datetime) -> dict[str, object]:
    inside = [row for row in history if row.observed_at >= begin]
    carried = [row for row in history if row.observed_at < begin][-1:]
    points = [(max(row.observed_at, begin), row.micro_usd_per_hour) for row in [*carried, *inside]]
    values = [value for _, value in points]
    return {
        "rows": len(inside),
        "changes": sum(before != after for before, after in pairwise(values)),
        "least": min(values),
        "mean": half_even(time_weighted_mean(points, until)),
        **{name: quantile_over_time(points, until, share) for name, share in QUANTILES.items()},
        "most": max(values),
        "last": values[-1],
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
