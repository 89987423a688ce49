"""The price book: an append-only history in SQLite or PostgreSQL, asked for what counted as of a moment.

Three times are kept: observed (the provider's, or first seen), confirmed (a complete collection saw it unchanged) and
recorded (when we learned it). Importing the same rows twice adds nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, Self

from sqlalchemy import BigInteger, Connection, Engine, Select, and_, bindparam, case, func, or_, select

from pricing.book import SpotRule, offers_as_of
from pricing.coverage import Coverage, coverage_as_of, full_coverage
from pricing.intake import store_rows
from pricing.migrations import migrate, open_engine, reaching
from pricing.observation import PriceRow
from pricing.offer import Market, Offer
from pricing.records import (
    COMPONENT,
    CONFIRMATIONS,
    DETAIL_NAMES,
    DETAILS,
    IMPORTS,
    POINTS,
    RUNS,
    SERIES,
    in_order,
    microseconds,
    moment_of,
    parts,
    row_of,
)
from pricing.schema_steps import STEPS

# Moments lie well inside: the years 1 to 9999 are -6.2e16 to 2.6e17 microseconds from 1970.
ALWAYS = 2**62
CONFIRMED = (
    select(CONFIRMATIONS)
    .where(
        CONFIRMATIONS.c.series_id.in_(bindparam("series", expanding=True)),
        CONFIRMATIONS.c.confirmed_us <= bindparam("latest", type_=BigInteger),
    )
    .order_by(CONFIRMATIONS.c.confirmed_us)
)
# Where an observation stands: its series, its moment in microseconds, and its turn among what was said of it.
Place = tuple[int, int, int]


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
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            found = connection.execute(_history(wanted or Filter())).all()
            coverage = full_coverage(connection, {row.series_id for row in found})
            return in_order(_rows_of(found, coverage, _imported_confirmations(connection, found), ALWAYS))

    def window(self, begin: datetime, until: datetime, wanted: Filter | None = None) -> list[PriceRow]:
        """Return what was seen between two moments, and of each series the row that is carried into the window."""
        latest = microseconds(until)
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            found = connection.execute(_since(_history(wanted or Filter()), latest, microseconds(begin))).all()
            coverage = coverage_as_of(connection, {row.series_id for row in found}, latest)
            return in_order(_rows_of(found, coverage, _imported_confirmations(connection, found, latest), latest))

    def page(
        self, wanted: Filter, as_of: datetime, limit: int, after: Place | None = None
    ) -> tuple[list[PriceRow], Place | None]:
        """Return at most so many observations by `as_of`, and the place of the last one where more follow it.

        They come series by series, each in the order of time; `after` is the place that the page before gave. What is
        stored in between moves no row: only rows that are back-filled before the place are not met again.
        """
        latest = microseconds(as_of)
        query = _history(wanted).where(POINTS.c.observed_us <= latest).limit(limit + 1)
        if after is not None:
            series, at, turn = after
            same, later = POINTS.c.series_id == series, POINTS.c.observed_us > at
            next_turn = and_(POINTS.c.observed_us == at, POINTS.c.turn > turn)
            query = query.where(or_(POINTS.c.series_id > series, and_(same, or_(later, next_turn))))
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            found = connection.execute(query).all()
            coverage = coverage_as_of(connection, {row.series_id for row in found}, latest)
            rows = _rows_of(found, coverage, _imported_confirmations(connection, found, latest), latest)
        last = found[limit - 1] if len(found) > limit else None
        return rows[:limit], None if last is None else (last.series_id, last.observed_us, last.turn)

    def offers(self, as_of: datetime, spot: SpotRule, wanted: Filter | None = None) -> list[Offer]:
        """Return what counted as of a moment; observations and confirmations after it do not."""
        latest = microseconds(as_of)
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            names, values = _restrictions(wanted or Filter())
            moments = {"latest": latest, "begin": microseconds(spot.begin(as_of))}
            found = connection.execute(_offered(names, spot.basis == "last"), {**moments, **values}).all()
            coverage = coverage_as_of(connection, {row.series_id for row in found}, latest)
            rows = in_order(_rows_of(found, coverage, _imported_confirmations(connection, found, latest), latest))
        return offers_as_of(rows, as_of=as_of, spot=spot)

    def status(self) -> BookStatus:
        """Count what is stored."""
        times = POINTS.c.observed_us
        with reaching("the price book cannot be read"), self.engine.connect() as connection:
            series = connection.execute(select(func.count()).select_from(SERIES)).scalar_one()
            count, oldest, newest = connection.execute(select(func.count(), func.min(times), func.max(times))).one()
            imported = connection.execute(select(func.max(CONFIRMATIONS.c.confirmed_us))).scalar()
            collected = connection.execute(select(func.max(RUNS.c.at_us)).where(RUNS.c.complete)).scalar()
            recorded = connection.execute(select(func.max(IMPORTS.c.recorded_us))).scalar()
        return BookStatus(
            series=series,
            observations=count,
            oldest=moment_of(oldest),
            newest=moment_of(newest),
            confirmed=moment_of(max((at for at in (imported, collected) if at is not None), default=None)),
            recorded=moment_of(recorded),
        )


def _history(wanted: Filter) -> Select[Any]:
    """Select points with their series, details, and when they were recorded, in the order of the key."""
    query = (
        select(
            SERIES,
            POINTS.c.series_id,
            POINTS.c.observed_us,
            POINTS.c.turn,
            POINTS.c.micro_per_hour,
            *(DETAILS.c[name] for name in DETAIL_NAMES),
            IMPORTS.c.recorded_us,
        )
        .join(POINTS, POINTS.c.series_id == SERIES.c.id)
        .join(DETAILS, DETAILS.c.id == POINTS.c.detail_id)
        .join(IMPORTS, IMPORTS.c.id == POINTS.c.import_id)
        .order_by(POINTS.c.series_id, POINTS.c.observed_us, POINTS.c.turn)
    )
    for name in ("provider", "region", "machine", "market"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(SERIES.c[name] == value)
    return query


def _restrictions(wanted: Filter) -> tuple[tuple[str, ...], dict[str, str]]:
    given = {name: getattr(wanted, name) for name in ("provider", "region", "machine", "market")}
    values = {name: str(value) for name, value in given.items() if value is not None}
    return tuple(values), values


@cache
def _offered(names: tuple[str, ...], spot_last: bool) -> Select[Any]:
    """Leave out what cannot count: all but the newest; of spot what lies before the point carried into the window.

    Made once for each set of restrictions: building the statement costs more than running it.
    """
    latest: Any = bindparam("latest", type_=BigInteger)
    cut = latest
    if not spot_last:
        cut = case((SERIES.c.market == str(Market.SPOT), bindparam("begin", type_=BigInteger)), else_=latest)
    query = _since(_history(Filter()), latest, cut)
    return query.where(*(SERIES.c[name] == bindparam(name) for name in names))


def _since(history: Select[Any], latest: Any, cut: Any) -> Select[Any]:
    """Keep the points after a cut up to the latest moment, and of each series the one that is in force at the cut.

    The floor of each series is one descent into the key, so the age of the book does not matter.
    """
    earlier = POINTS.alias()
    floor = (
        select(func.max(earlier.c.observed_us))
        .where(earlier.c.series_id == SERIES.c.id, earlier.c.observed_us <= cut)
        .correlate(SERIES)
        .scalar_subquery()
    )
    return history.where(and_(POINTS.c.observed_us <= latest, POINTS.c.observed_us >= func.coalesce(floor, -ALWAYS)))


def _imported_confirmations(
    connection: Connection, found: Iterable[Any], latest: int | None = None
) -> dict[tuple[int, int, int], int]:
    """Return the latest confirmation that sheets brought for each point."""
    confirmed: dict[tuple[int, int, int], int] = {}
    for part in parts(sorted({row.series_id for row in found})):
        until = ALWAYS if latest is None else latest
        for row in connection.execute(CONFIRMED, {"series": part, "latest": until}):
            confirmed[row.series_id, row.observed_us, row.turn] = row.confirmed_us
    return confirmed


def _rows_of(
    found: Iterable[Any], coverage: Coverage, imported: dict[tuple[int, int, int], int], latest: int
) -> list[PriceRow]:
    """Make rows in the order found, each with its latest confirmation up to a moment.

    Of what was said of one place the last counts.
    """
    rows: list[PriceRow] = []
    for number, series in groupby(found, lambda row: row.series_id):
        end, last = latest + 1, True
        mine: list[PriceRow] = []
        for point in reversed(list(series)):
            in_force = last or point.observed_us < end
            covered = coverage.confirmed(number, point.observed_us, end) if in_force else None
            told = (covered, imported.get((number, point.observed_us, point.turn)))
            confirmed = max((at for at in told if at is not None), default=None)
            mine.append(row_of(point, confirmed, coverage.withdrawn(number, latest) if last else None))
            end, last = point.observed_us, False
        rows += reversed(mine)
    return rows
