"""List prices of moving data out of a region: to another region, to another provider, to the internet.

Prices are per GiB (2^30 bytes): Google bills GiB, and AWS writes GB but counts 2^30 bytes. The first paid tier is used,
so a month of many TiB is somewhat cheaper than planned, and free allowances are left aside. Transfer into a cloud from
outside is free on both clouds. A way that `data/transfer_prices.csv` does not hold has no price: None, never zero.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pricing.money import micro_usd

# Google's price list speaks of parts of the world; the first prefix that fits a region decides.
AREAS = {
    "asia-southeast2": "indonesia",
    "northamerica-south1": "mexico",
    "us-": "northamerica",
    "northamerica-": "northamerica",
    "southamerica-": "southamerica",
    "europe-": "europe",
    "asia-": "asia",
    "australia-": "oceania",
    "me-": "middleeast",
    "africa-": "africa",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPrice:
    """Whole micro-USD per GiB with its origin; `observed_at` is None only where nobody charges by the GiB."""

    micro_usd_per_gib: int
    source: str
    observed_at: datetime | None


SAME_PLACE = TransferPrice(micro_usd_per_gib=0, source="within one place", observed_at=None)


def transfer_price(source: str | None, destination: str | None) -> TransferPrice | None:
    """Return the price of a GiB from `provider/region` to `provider/region`; None stands for outside every cloud.

    Another provider is outside: what leaves a cloud for it goes over the internet.
    """
    if source is None and destination is None:
        return SAME_PLACE
    if source is None:
        provider, _, region = (destination or "").partition("/")
        return _first(provider, ["outside"], ["*"]) if region else None
    provider, _, region = source.partition("/")
    to_provider, _, to_region = (destination or "").partition("/")
    if source == destination:
        return _first(provider, ["*"], ["same region"])
    origins = [region, _area(provider, region)]
    if to_provider != provider:
        return _first(provider, origins, ["internet"])
    return _first(provider, origins, [to_region, _area(provider, to_region), "*"])


@cache
def dearest_way() -> TransferPrice:
    """Return the highest price of the table: what a way without a price may be estimated at, never billed."""
    return max(_table().values(), key=lambda price: price.micro_usd_per_gib)


def _first(provider: str, origins: list[str], targets: list[str]) -> TransferPrice | None:
    """Return the most particular row: a region's own before its area's."""
    rows = (_table().get((provider, origin, target)) for origin in origins for target in targets)
    return next((row for row in rows if row is not None), None)


def _area(provider: str, region: str) -> str:
    if provider != "gcp":
        return region
    return next((area for prefix, area in AREAS.items() if region.startswith(prefix)), region)


@cache
def _table() -> Mapping[tuple[str, str, str], TransferPrice]:
    text = files("pricing").joinpath("data", "transfer_prices.csv").read_text(encoding="utf-8")
    found = {
        (row["provider"], row["from"], row["to"]): TransferPrice(
            micro_usd_per_gib=micro_usd(row["usd_per_gib"]),
            source=row["source"],
            observed_at=datetime.fromisoformat(row["date"]).replace(tzinfo=UTC),
        )
        for row in csv.DictReader(text.splitlines())
    }
    return MappingProxyType(found)
