"""Between rows and records: how an observation is written into the tables of the price book, and read back."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.tables import (
    CollectionRecord,
    ConfirmationRecord,
    DetailRecord,
    ImportRecord,
    LeaseRecord,
    PointRecord,
    PresenceRecord,
    RunRecord,
    ScopeRecord,
    ScoreRecord,
    SeriesRecord,
)

COMPONENT = "prices"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The most values in one IN (...): well under what SQLite and PostgreSQL allow.
BATCH = 500


def _table(record: Any) -> Any:
    return record.__table__


IMPORTS = _table(ImportRecord)
SERIES = _table(SeriesRecord)
DETAILS = _table(DetailRecord)
POINTS = _table(PointRecord)
CONFIRMATIONS = _table(ConfirmationRecord)
COLLECTIONS = _table(CollectionRecord)
SCOPES = _table(ScopeRecord)
RUNS = _table(RunRecord)
PRESENCE = _table(PresenceRecord)
SCORES = _table(ScoreRecord)
LEASES = _table(LeaseRecord)


def microseconds(at: datetime) -> int:
    """Return whole microseconds since 1970 in UTC."""
    return (at - EPOCH) // MICROSECOND


def moment_of(stored: int | None) -> datetime | None:
    """Return the moment of so many microseconds since 1970; None stays None."""
    return None if stored is None else EPOCH + stored * MICROSECOND


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a sequence into pieces short enough for one query."""
    for begin in range(0, len(items), BATCH):
        yield items[begin : begin + BATCH]


def insert_many(connection: Connection, table: Any, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of values in the order of `names`; about twice as fast as dictionaries through the ORM's core."""
    if not rows:
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(names))
    order = statement.positiontup
    if order is None:
        connection.exec_driver_sql(str(statement), [dict(zip(names, row, strict=True)) for row in rows])
        return
    at = [list(names).index(name) for name in order]
    straight = at == list(range(len(names)))
    given = list(rows) if straight else [tuple(row[i] for i in at) for row in rows]
    connection.exec_driver_sql(str(statement), given)


def identity_of(key: Sequence[object]) -> str:
    """Return the text that names a series, or what a point says besides its price."""
    return json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in key])


def series_values(row: PriceRow) -> dict[str, Any]:
    """Return the record of a row's series."""
    return {
        "identity": identity_of(row.key),
        "provider": row.provider,
        "region": row.region,
        "zone": row.zone or "",
        "machine": row.machine,
        "market": str(row.market),
        "os": row.os,
        "term": row.term or "",
        "start_us": None if row.start is None else microseconds(row.start),
        "end_us": None if row.end is None else microseconds(row.end),
    }


def details_of(row: PriceRow) -> tuple[Any, ...]:
    """Return what a row says besides its series, moment and price, in the order of `DETAIL_NAMES`."""
    return row.currency, row.upfront_micro_usd, row.available_nodes, row.interruption_rate_per_hour, row.source


DETAIL_NAMES = ("currency", "upfront_micro", "available_nodes", "interruption_rate_per_hour", "source")


def row_of(found: Any, confirmed_us: int | None, withdrawn_us: int | None) -> PriceRow:
    """Return the row of a point joined with its series, details and import."""
    return PriceRow(
        provider=found.provider,
        region=found.region,
        zone=found.zone or None,
        machine=found.machine,
        market=Market(found.market),
        micro_usd_per_hour=found.micro_per_hour,
        observed_at=EPOCH + found.observed_us * MICROSECOND,
        source=found.source,
        currency=found.currency,
        term=found.term or None,
        upfront_micro_usd=found.upfront_micro,
        start=moment_of(found.start_us),
        end=moment_of(found.end_us),
        available_nodes=found.available_nodes,
        interruption_rate_per_hour=found.interruption_rate_per_hour,
        os=found.os,
        confirmed_at=moment_of(confirmed_us),
        recorded_at=moment_of(found.recorded_us),
        withdrawn_at=moment_of(withdrawn_us),
    )


def in_order(rows: Iterable[PriceRow]) -> list[PriceRow]:
    """Sort by what the price is of, then by time; of equal moments the one stored last stays last.

    Sorted here, not by the database: every database compares texts in its own way.
    """
    return sorted(rows, key=lambda row: (tuple("" if part is None else str(part) for part in row.key), row.observed_at))
