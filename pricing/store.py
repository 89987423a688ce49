"""The price book: an append-only history in SQLite or PostgreSQL, asked for what counted as of a moment.

Three times are kept: observed (the provider's, or first seen), confirmed (a complete collection saw it unchanged) and
recorded (when we learned it). Importing the same rows twice adds nothing.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import DBAPIError

from pricing.book import SpotRule, offers_as_of
from pricing.errors import DatabaseUnavailable
from pricing.migrations import migrate, open_engine
from pricing.observation import PriceRow
from pricing.offer import Market, Offer
from pricing.tables import STEPS, ConfirmationRecord, PriceRecord, SeriesRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SERIES: Any = SeriesRecord.__table__  # type: ignore[attr-defined]
PRICES: Any = PriceRecord.__table__  # type: ignore[attr-defined]
CONFIRMATIONS: Any = ConfirmationRecord.__table__  # type: ignore[attr-defined]
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class ImportCount:
    """How many rows were new and how many were known already."""

    new: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookStatus:
    """What the book holds: counts and the span of observation times."""

    series: int
    observations: int
    oldest: datetime | None
    newest: datetime | None
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
    def open(cls, database_url: str) -> "PriceBook":
        """Open the book, making or upgrading its tables."""
        engine = open_engine(database_url)
        migrate(engine, "prices", STEPS)
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def import_rows(self, rows: Iterable[PriceRow], *, recorded_at: datetime) -> ImportCount:
        """Store rows whose value differs from what was in force just before them; all in one transaction.

        A row that repeats the value in force is kept as a sighting, which counts for its age like a confirmation.
        """
        given = list(rows)
        try:
            with self.engine.begin() as connection:
                return _Import(connection, _microseconds(recorded_at)).run(given)
        except DBAPIError as error:
            raise DatabaseUnavailable(f"the prices cannot be stored: {error.orig}") from None

    def rows(self, wanted: Filter | None = None) -> list[PriceRow]:
        """Return the stored history in a fixed order, each row with its latest confirmation or sighting."""
        return self._history(wanted or Filter(), None)

    def offers(self, as_of: datetime, spot: SpotRule, wanted: Filter | None = None) -> list[Offer]:
        """Return what counted as of a moment; confirmations after it do not."""
        return offers_as_of(self._history(wanted or Filter(), as_of), as_of=as_of, spot=spot)

    def status(self) -> BookStatus:
        """Count what is stored."""
        with self.engine.connect() as connection:
            series = connection.execute(select(func.count()).select_from(SERIES)).scalar_one()
            counted = connection.execute(
                select(
                    func.count(),
                    func.min(PRICES.c.observed_us),
                    func.max(PRICES.c.observed_us),
                    func.max(PRICES.c.recorded_us),
                ).select_from(PRICES)
            ).one()
        return BookStatus(
            series=series,
            observations=counted[0],
            oldest=_moment(counted[1]),
            newest=_moment(counted[2]),
            recorded=_moment(counted[3]),
        )

    def _history(self, wanted: Filter, as_of: datetime | None) -> list[PriceRow]:
        confirmed = select(CONFIRMATIONS.c.observation_id, func.max(CONFIRMATIONS.c.confirmed_us).label("confirmed_us"))
        query = select(SERIES, PRICES)
        if as_of is not None:
            confirmed = confirmed.where(CONFIRMATIONS.c.confirmed_us <= _microseconds(as_of))
            query = query.where(PRICES.c.observed_us <= _microseconds(as_of))
        latest = confirmed.group_by(CONFIRMATIONS.c.observation_id).subquery()
        query = (
            query.add_columns(latest.c.confirmed_us)
            .join(PRICES, PRICES.c.series_id == SERIES.c.id)
            .outerjoin(latest, latest.c.observation_id == PRICES.c.id)
            .order_by(SERIES.c.identity, PRICES.c.observed_us, PRICES.c.id)
        )
        for name in ("provider", "region", "machine", "market"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(SERIES.c[name] == value)
        with self.engine.connect() as connection:
            return [_row(found) for found in connection.execute(query)]


class _Import:
    """One import inside one transaction."""

    def __init__(self, connection: Any, recorded_us: int) -> None:
        self.connection = connection
        self.recorded_us = recorded_us

    def run(self, rows: Sequence[PriceRow]) -> ImportCount:
        by_series: dict[str, list[PriceRow]] = {}
        for row in rows:
            by_series.setdefault(identity_of(row), []).append(row)
        ids = self._series_ids(by_series)
        new = sum(self._append(ids[name], mine) for name, mine in by_series.items())
        return ImportCount(new=new, unchanged=len(rows) - new)

    def _series_ids(self, by_series: dict[str, list[PriceRow]]) -> dict[str, int]:
        names = sorted(by_series)
        found = self._known_series(names)
        missing = [_series_values(name, by_series[name][0]) for name in names if name not in found]
        for begin in range(0, len(missing), BATCH):
            self.connection.execute(insert(SERIES), missing[begin : begin + BATCH])
        return found | self._known_series([values["identity"] for values in missing])

    def _known_series(self, names: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for begin in range(0, len(names), 500):
            part = names[begin : begin + 500]
            query = select(SERIES.c.identity, SERIES.c.id).where(SERIES.c.identity.in_(part))
            found |= {row.identity: row.id for row in self.connection.execute(query)}
        return found

    def _append(self, series_id: int, rows: Sequence[PriceRow]) -> int:
        """Add what changes a series' history; a row that repeats the value before it is kept as a sighting.

        The whole history is walked again in time order, so that a back-filled value turns the sightings after it
        into the changes that they now are. Spot rows are the provider's own events and are all kept.
        """
        stored = self._stored(series_id)
        known = {(event.observed_us, event.value) for event in stored}
        fresh: list[_Event] = []
        for row in sorted(rows, key=lambda row: row.observed_at):
            event = _Event(_microseconds(row.observed_at), _value(row), row.source, None)
            if (event.observed_us, event.value) not in known:
                known.add((event.observed_us, event.value))
                fresh.append(event)
        every_row = rows[0].market is Market.SPOT
        before: _Event | None = None
        for event in sorted([*stored, *fresh], key=lambda event: event.observed_us):
            if event.observation_id is None:
                repeats = before is not None and before.value == event.value and not every_row
                event.observation_id = before.observation_id if repeats and before else self._observe(series_id, event)
                if repeats and not event.is_sighting:
                    self._confirm_once(event.observation_id, event.observed_us, sighting=True)
            before = event
        by_place = {(e.observed_us, e.value): e.observation_id for e in [*stored, *fresh]}
        for row in rows:
            if row.confirmed_at is not None:
                place = by_place[_microseconds(row.observed_at), _value(row)]
                self._confirm_once(place, _microseconds(row.confirmed_at), sighting=False)
        return len(fresh)

    def _stored(self, series_id: int) -> "list[_Event]":
        """Return a series' observations and sightings; a sighting has no observation of its own yet."""
        query = select(PRICES).where(PRICES.c.series_id == series_id).order_by(PRICES.c.observed_us, PRICES.c.id)
        found = {row.id: row for row in self.connection.execute(query)}
        events = [_Event(row.observed_us, _stored_value(row), row.source, row.id) for row in found.values()]
        seen = (
            select(CONFIRMATIONS)
            .join(PRICES, PRICES.c.id == CONFIRMATIONS.c.observation_id)
            .where(PRICES.c.series_id == series_id, CONFIRMATIONS.c.sighting)
        )
        for row in self.connection.execute(seen):
            observed = found[row.observation_id]
            events.append(_Event(row.confirmed_us, _stored_value(observed), observed.source, None, is_sighting=True))
        return events

    def _observe(self, series_id: int, event: "_Event") -> int:
        price, currency, upfront, nodes, rate = event.value
        values = {
            "series_id": series_id,
            "observed_us": event.observed_us,
            "recorded_us": self.recorded_us,
            "micro_per_hour": price,
            "currency": currency,
            "upfront_micro": upfront,
            "available_nodes": nodes,
            "interruption_rate_per_hour": rate,
            "source": event.source,
        }
        number: int = self.connection.execute(insert(PRICES).values(values)).inserted_primary_key[0]
        return number

    def _confirm_once(self, observation_id: int | None, confirmed_us: int, *, sighting: bool) -> None:
        query = select(CONFIRMATIONS.c.id).where(
            CONFIRMATIONS.c.observation_id == observation_id,
            CONFIRMATIONS.c.confirmed_us == confirmed_us,
            CONFIRMATIONS.c.sighting == sighting,
        )
        if self.connection.execute(query).first() is None:
            values = {"observation_id": observation_id, "confirmed_us": confirmed_us, "sighting": sighting}
            self.connection.execute(insert(CONFIRMATIONS).values({**values, "recorded_us": self.recorded_us}))


@dataclass(slots=True)
class _Event:
    """A value of a series at a moment: an observation, or a sighting that repeats the one before it."""

    observed_us: int
    value: tuple[Any, ...]
    source: str
    observation_id: int | None
    is_sighting: bool = False


def identity_of(row: PriceRow) -> str:
    """Return the text that names a row's series."""
    parts = (row.provider, row.region, row.zone, row.machine, str(row.market), row.os, row.term, row.start, row.end)
    return json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in parts])


def _series_values(name: str, row: PriceRow) -> dict[str, Any]:
    return {
        "identity": name,
        "provider": row.provider,
        "region": row.region,
        "zone": row.zone or "",
        "machine": row.machine,
        "market": str(row.market),
        "os": row.os,
        "term": row.term or "",
        "start_us": None if row.start is None else _microseconds(row.start),
        "end_us": None if row.end is None else _microseconds(row.end),
    }


def _value(row: PriceRow) -> tuple[Any, ...]:
    money = (row.micro_usd_per_hour, row.currency, row.upfront_micro_usd)
    return (*money, row.available_nodes, row.interruption_rate_per_hour)


def _stored_value(found: Any) -> tuple[Any, ...]:
    money = (found.micro_per_hour, found.currency, found.upfront_micro)
    return (*money, found.available_nodes, found.interruption_rate_per_hour)


def _row(found: Any) -> PriceRow:
    return PriceRow(
        provider=found.provider,
        region=found.region,
        zone=found.zone or None,
        machine=found.machine,
        market=Market(found.market),
        micro_usd_per_hour=found.micro_per_hour,
        observed_at=_known(found.observed_us),
        source=found.source,
        currency=found.currency,
        term=found.term or None,
        upfront_micro_usd=found.upfront_micro,
        start=_moment(found.start_us),
        end=_moment(found.end_us),
        available_nodes=found.available_nodes,
        interruption_rate_per_hour=found.interruption_rate_per_hour,
        os=found.os,
        confirmed_at=_moment(found.confirmed_us),
    )


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _known(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _known(microseconds)
