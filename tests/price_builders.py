"""Builders of price rows and price sheets that tests share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pricing.observation import PriceRow
from pricing.offer import Market

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEADER = "provider,region,zone,machine,market,usd_per_hour,observed_at,source"
GOOD = "aws,us-east-1,use1-az2,p5.48xlarge,spot,19.5,2026-11-20T00:00:00Z,a test"


def days_ago(days: float) -> datetime:
    """Return the moment so many days before NOW."""
    return NOW - timedelta(days=days)


def row(usd: float = 55.04, *, days: float = 1.0, **fields: Any) -> PriceRow:
    """Make an on-demand row of p5.48xlarge seen so many days before NOW."""
    given: dict[str, Any] = {
        "provider": "aws",
        "region": "us-east-1",
        "zone": None,
        "machine": "p5.48xlarge",
        "market": Market.ON_DEMAND,
        "micro_usd_per_hour": round(usd * 1_000_000),
        "observed_at": days_ago(days),
        "source": "a test",
    }
    return PriceRow(**{**given, **fields})


def spot(usd: float, *, days: float, **fields: Any) -> PriceRow:
    """Make a spot row of one zone."""
    return row(usd, days=days, **{"market": Market.SPOT, "zone": "use1-az2", **fields})


def sheet(*lines: str, header: str = HEADER) -> str:
    """Write a sheet from its lines."""
    return "\n".join([header, *lines]) + "\n"
