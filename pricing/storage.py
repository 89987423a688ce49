"""List prices of object storage, per GiB (2^30 bytes) and month of 730 hours.

A provider that `data/storage_prices.csv` does not hold has no price: None, never zero.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pricing.money import micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePrice:
    """Whole micro-USD per GiB and month with its origin."""

    micro_usd_per_gib_month: int
    source: str
    observed_at: datetime


def storage_price(provider: str, region: str) -> StoragePrice | None:
    """Return the price in a region: its own row, or the provider's for every region."""
    table = _table()
    return table.get((provider, region)) or table.get((provider, "*"))


@cache
def _table() -> Mapping[tuple[str, str], StoragePrice]:
    text = files("pricing").joinpath("data", "storage_prices.csv").read_text(encoding="utf-8")
    found = {
        (row["provider"], row["region"]): StoragePrice(
            micro_usd_per_gib_month=micro_usd(row["usd_per_gib_month"]),
            source=row["source"],
            observed_at=datetime.fromisoformat(row["date"]).replace(tzinfo=UTC),
        )
        for row in csv.DictReader(text.splitlines())
    }
    return MappingProxyType(found)
