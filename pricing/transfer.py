"""List prices of moving data out of a region: to another region, to another provider, to the internet.

A provider's GB of transfer is taken as a GiB (Google says GiB; AWS counts 2^30 bytes). The first tier is used, so a
large month is somewhat cheaper than planned. Data into a cloud is free on both.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from pricing.money import micro_usd

# Google prices by continent; a region's name starts with its part of the world.
CONTINENTS = {
    "us-": "northamerica",
    "northamerica-": "northamerica",
    "southamerica-": "southamerica",
    "europe-": "europe",
    "asia-": "asia",
    "australia-": "oceania",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPrice:
    """Micro-USD per GiB with its origin; `observed_at` is None for what no table needs to say."""

    micro_usd_per_gib: int
    source: str
    observed_at: datetime | None


SAME_PLACE = TransferPrice(micro_usd_per_gib=0, source="within one place", observed_at=None)
INTO_A_CLOUD = TransferPrice(micro_usd_per_gib=0, source="data into a cloud is free", observed_at=None)


def transfer_price(source: str | None, destination: str | None) -> TransferPrice | None:
    """Return the price of a GiB from `provider/region` to `provider/region`; None is outside every cloud.

    Unknown ways have no price: the result is None, never zero.
    """
    if source == destination:
        return SAME_PLACE
    if source is None:
        return INTO_A_CLOUD
    provider, _, region = source.partition("/")
    start = _area(provider, region)
    to_provider, _, to_region = (destination or "").partition("/")
    if to_provider != provider:
        return _table().get((provider, start, "internet"))
    exact = _table().get((provider, start, f"{provider}/{_area(provider, to_region)}"))
    return exact or _table().get((provider, start, provider))


def _area(provider: str, region: str) -> str:
    if provider != "gcp":
        return region
    return next((area for prefix, area in CONTINENTS.items() if region.startswith(prefix)), region)


@cache
def _table() -> dict[tuple[str, str, str], TransferPrice]:
    text = files("pricing").joinpath("data", "transfer_prices.csv").read_text(encoding="utf-8")
    return {
        (row["provider"], row["from"], row["to"]): TransferPrice(
            micro_usd_per_gib=micro_usd(row["usd_per_gib"]),
            source=row["source"],
            observed_at=datetime.fromisoformat(row["date"]).replace(tzinfo=UTC),
        )
        for row in csv.DictReader(text.splitlines())
    }
