"""Between rows and records: how an observation is written into the tables of the price book, and read back."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.tables import ConfirmationRecord, ImportRecord, PriceRecord, SeriesRecord

COMPONENT = "prices"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
IMPORTS: Any = ImportRecord.__table__  # type: ignore[attr-defined]
SERIES: Any = SeriesRecord.__table__  # type: ignore[attr-defined]
PRICES: Any = PriceRecord.__table__  # type: ignore[attr-defined]
CONFIRMATIONS: Any = ConfirmationRecord.__table__  # type: ignore[attr-defined]


def microseconds(at: datetime) -> int:
    """Return whole microseconds since 1970 in UTC."""
    return (at - EPOCH) // MICROSECOND


def moment_of(stored: int | None) -> datetime | None:
    """Return the moment of so many microseconds since 1970; None stays None."""
    return None if stored is None else EPOCH + stored * MICROSECOND


def identity_of(row: PriceRow) -> str:
    """Return the text that names a row's series."""
    return json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in row.key])


def series_values(identity: str, row: PriceRow) -> dict[str, Any]:
    """Return the record of a row's series."""
    return {
        "identity": identity,
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


def price_values(row: PriceRow) -> dict[str, Any]:
    """Return what a row says besides its series and moment."""
    return {
        "micro_per_hour": row.micro_usd_per_hour,
        "currency": row.currency,
        "upfront_micro": row.upfront_micro_usd,
        "available_nodes": row.available_nodes,
        "interruption_rate_per_hour": row.interruption_rate_per_hour,
        "source": row.source,
    }


def row_of(found: Any) -> PriceRow:
    """Return the row of a record joined with its series, import and latest confirmation."""
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
        confirmed_at=moment_of(found.confirmed_us),
        recorded_at=moment_of(found.recorded_us),
    )


def in_order(rows: Iterable[PriceRow]) -> list[PriceRow]:
    """Sort by what the price is of, then by time; of equal moments the one stored last stays last.

    Sorted here, not by the database: every database compares texts in its own way.
    """
    return sorted(rows, key=lambda row: (tuple("" if part is None else str(part) for part in row.key), row.observed_at))
