"""Cost by job and calendar month: a segment's line is divided by the hours that lie in each month, to the cent."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from advisor.recommendation import Line, Money, Segment
from advisor.weekly.document import MonthCost


def month_costs(lines: Sequence[Line], segments: Sequence[Segment], start: datetime) -> list[MonthCost]:
    """Return the cost of each job in each month; a line without a segment counts where the plan starts.

    Of a line the last month takes what rounding leaves, so that the months add up to the line, and all to the total.
    """
    cents: dict[tuple[str, str | None], int] = {}
    for line in lines:
        segment = None if line.segment is None else segments[line.segment]
        for month, amount in _shares(line, segment, start):
            cents[month, line.job] = cents.get((month, line.job), 0) + amount
    order = dict.fromkeys(line.job for line in lines)
    rank = {job: index for index, job in enumerate(order)}
    return [
        MonthCost(job=job, month=month, cost=Money.of_cents(amount))
        for (month, job), amount in sorted(cents.items(), key=lambda each: (rank[each[0][1]], each[0][0]))
    ]


def _shares(line: Line, segment: Segment | None, start: datetime) -> Iterator[tuple[str, int]]:
    total = int(Decimal(line.cost.amount) * 100)
    if segment is None:
        yield f"{start:%Y-%m}", total
        return
    left, whole = total, (segment.end - segment.start).total_seconds()
    begin = segment.start
    while begin < segment.end:
        border = min(_next_month(begin), segment.end)
        share = left if border == segment.end else round(total * (border - begin).total_seconds() / whole)
        yield f"{begin:%Y-%m}", share
        left -= share
        begin = border


def _next_month(at: datetime) -> datetime:
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
