"""The price book: an append-only history in SQLite or PostgreSQL, asked for what counted as of a moment.

Three times are kept: observed (the provider's, or first seen), confirmed (a complete collection saw it unchanged) and
recorded (when we learned it). Importing the same rows twice adds nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Engine, Select, case, func, or_, select

from pricing.book import SpotRule, offers_as_of
from pricing.intake import store_rows
from pricing.migrations import migrate, open_engine, reaching
from pricing.observation import PriceRow
from pricing.offer import Market, Offer
from pricing.records import (
    COMPONENT,
    CONFIRMATIONS,
    IMPORTS,
    PRICES,
    SERIES,
    in_order,
    microseconds,
    moment_of,
    row_of,
)
from pricing.tables import STEPS


@dataclass(frozen=True, slots=True)
class ImportCount:
    """How many rows were new and how many were known already."""

    new: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookStatus:
    """What the book holds: counts, the span of observation times, and when something was last learned."""

    series: int
    observations: int
    oldest: datetime | None
    newest: datetime | None
    confirmed: datetime | None
    recorded: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Restricts a query; None matches all."""

    provider: str | None = None
    region: str | None = None
    machine: str | None = None
    market: str | None = None


class PriceBook:
    """The stored prices; open it with `PriceBook.open`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, database_url: str) -> Self:
        """Open the book, making or upgrading its tables.

        Raises:
            DatabaseUnavailable: nothing answers there, or the database is of a newer version.
        """
        engine = open_engine(database_url)
        try:
            migrate(engine, COMPONENT, STEPS)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def import_rows(self, rows: Iterable[PriceRow], *, recorded_at: datetime, source_file: str = "") -> ImportCount:
        """Store the rows that are not stored yet, all in one transaction or none of them."""
        given = list(rows)
        with reaching("the prices cannot be stored"), self.engine.begin() as connection:
            new = store_rows(connection, given, recorded_at, source_file)
        return ImportCount(new=new, unchanged=len(given) - new)

    def rows(self, wanted: Filter | None = None) -> list[PriceRow]:
        """Return the whole stored history in a fixed order, each row with its latest confirmation."""
        return self._fetch(_history(wanted or Filter(), None))

    def offers(self, as_of: datetime, spot: SpotRule, wanted: Filter | None = None) -> list[Offer]:
        """Return what counted as of a moment; observations and confirmations after it do not."""
        rows = self._fetch(_in_force(_history(wanted or Filter(), as_of), as_of, spot))
        return offers_as_of(rows, as_of=as_of, spot=spot)

    def status(self) -> BookStatus:
        """Count what is stored."""
        times = PRICES.c.observed_us
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            series = connection.execute(select(func.count()).select_from(SERIES)).scalar_one()
            count, oldest, newest = connection.execute(select(func.count(), func.min(times), func.max(times))).one()
            confirmed = connection.execute(select(func.max(CONFIRMATIONS.c.confirmed_us))).scalar()
            recorded = connection.execute(select(func.max(IMPORTS.c.recorded_us))).scalar()
        return BookStatus(
            series=series,
            observations=count,
            oldest=moment_of(oldest),
            newest=moment_of(newest),
            confirmed=moment_of(confirmed),
            recorded=moment_of(recorded),
        )

    def _fetch(self, query: Select[Any]) -> list[PriceRow]:
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            return in_order([row_of(found) for found in connection.execute(query)])


def _history(wanted: Filter, as_of: datetime | None) -> Select[Any]:
    """Select observations with their series, the latest confirmation, and when they were recorded."""
    confirmed = select(CONFIRMATIONS.c.observation_id, func.max(CONFIRMATIONS.c.confirmed_us).label("confirmed_us"))
    if as_of is not None:
        confirmed = confirmed.where(CONFIRMATIONS.c.confirmed_us <= microseconds(as_of))
    latest = confirmed.group_by(CONFIRMATIONS.c.observation_id).subquery()
    query = (
        select(SERIES, PRICES, latest.c.confirmed_us, IMPORTS.c.recorded_us)
        .join(PRICES, PRICES.c.series_id == SERIES.c.id)
        .join(IMPORTS, IMPORTS.c.id == PRICES.c.import_id)
        .outerjoin(latest, latest.c.observation_id == PRICES.c.id)
        .order_by(PRICES.c.id)
    )
    for name in ("provider", "region", "machine", "market"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(SERIES.c[name] == value)
    return query


def _in_force(history: Select[Any], as_of: datetime, spot: SpotRule) -> Select[Any]:
    """Leave out what cannot count: all but the newest; of spot what lies before the row carried into the window."""
    latest, begin = microseconds(as_of), microseconds(spot.begin(as_of))
    cut = case((SERIES.c.market == str(Market.SPOT), begin), else_=latest)
    floors = (
        select(PRICES.c.series_id, func.max(PRICES.c.observed_us).label("floor_us"))
        .join(SERIES, SERIES.c.id == PRICES.c.series_id)
        .where(PRICES.c.observed_us <= cut)
        .group_by(PRICES.c.series_id)
        .subquery()
    )
    return history.outerjoin(floors, floors.c.series_id == PRICES.c.series_id).where(
        PRICES.c.observed_us <= latest,
        or_(floors.c.floor_us.is_(None), PRICES.c.observed_us >= floors.c.floor_us),
    )
