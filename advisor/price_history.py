"""Past prices of the pools that a plan uses, kept with the recommendation: what a chart shows must never change."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from advisor.recommendation import Money, PriceHistory, PricePoint, Recommendation, Segment
from pricing.observation import PriceRow

if TYPE_CHECKING:
    from pricing.store import Filter

WINDOW = timedelta(days=730)
# A spot price that moves every few hours all the time: the newest moves say most.
MOST_POINTS = 400

RowsOf = Callable[["Filter"], Sequence[PriceRow]]


def with_book_history(answer: Recommendation, database_url: str, *, reference_prices: bool) -> Recommendation:
    """Add what the price book holds of the pools in use, with the bundled rows before it where those may count.

    Raises:
        DatabaseUnavailable: nothing answers there.
    """
    from pricing.reference import history_with_reference
    from pricing.store import PriceBook

    with closing(PriceBook.open(database_url)) as book:

        def rows_of(wanted: "Filter") -> Sequence[PriceRow]:
            rows = book.rows(wanted)
            return history_with_reference(rows, wanted) if reference_prices else rows

        return with_history(answer, rows_of)


def with_rows_history(answer: Recommendation, rows: Sequence[PriceRow]) -> Recommendation:
    """Add what the run's own price rows say of the pools in use."""

    def rows_of(wanted: "Filter") -> Sequence[PriceRow]:
        names = ("provider", "region", "machine", "market")
        return [row for row in rows if all(getattr(row, name) == getattr(wanted, name) for name in names)]

    return with_history(answer, rows_of)


def with_history(answer: Recommendation, rows_of: RowsOf) -> Recommendation:
    """Add two years of moves before `as_of` of every rented pool, the price in force at the beginning carried in."""
    pools = dict.fromkeys(_pool(segment) for segment in answer.segments if segment.machine and segment.market)
    found = [_history(answer, pool, rows_of) for pool in pools]
    return answer.model_copy(update={"price_history": [history for history in found if history.points]})


Pool = tuple[str, str, str | None, str, str]


def _pool(segment: Segment) -> Pool:
    return segment.provider or "", segment.region or "", segment.zone, segment.machine or "", segment.market or ""


def _history(answer: Recommendation, pool: Pool, rows_of: RowsOf) -> PriceHistory:
    from pricing.store import Filter

    provider, region, zone, machine, market = pool
    wanted = Filter(provider=provider, region=region, machine=machine, market=market)
    begin = answer.as_of - WINDOW
    mine = sorted(
        (
            row
            for row in rows_of(wanted)
            if row.zone == zone and row.observed_at <= answer.as_of and row.os == "linux" and row.currency == "USD"
        ),
        key=lambda row: row.observed_at,
    )
    carried = [row for row in mine if row.observed_at < begin][-1:]
    moves: list[PricePoint] = []
    for row in [*carried, *(row for row in mine if row.observed_at >= begin)]:
        price = Money.of_micro_usd(row.micro_usd_per_hour)
        if not moves or moves[-1].usd_per_hour != price:
            moves.append(PricePoint(at=max(row.observed_at, begin), usd_per_hour=price))
    return PriceHistory(
        provider=provider, region=region, zone=zone, machine=machine, market=market, points=moves[-MOST_POINTS:]
    )
