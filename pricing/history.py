"""Statistics of a price over time: the value in force at each moment counts for as long as it held."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

Points = Sequence[tuple[datetime, int]]


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
    """Return the least value below or at which the price stood for at least this share of the time."""
    held = sorted((value, length // timedelta(microseconds=1)) for value, length in spells(points, until))
    total = sum(length for _, length in held)
    passed = 0
    for value, length in held:
        passed += length
        if passed >= share * total and (length or total == 0):
            return value
    return held[-1][0]
