"""One observation of a price, as a price sheet or a collector brings it."""

from dataclasses import dataclass, field
from datetime import datetime

from pricing.offer import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """A price seen: whole machine, whole micro-USD (or micro-units of `currency`) per hour.

    `observed_at` is the provider's own timestamp for spot, otherwise when this value was first seen; `confirmed_at`
    the last complete collection that saw it unchanged; `recorded_at` (when we learned it) and
    `withdrawn_at` (since when complete collections no longer see the series) are set by the store and no part of what
    the row says, nor is `bundled`: a reference price that came with the product.
    """

    provider: str
    region: str
    zone: str | None
    machine: str
    market: Market
    micro_usd_per_hour: int
    observed_at: datetime
    source: str
    currency: str = "USD"
    term: str | None = None
    upfront_micro_usd: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    available_nodes: int | None = None
    interruption_rate_per_hour: float | None = None
    os: str = "linux"
    confirmed_at: datetime | None = None
    recorded_at: datetime | None = field(default=None, compare=False)
    withdrawn_at: datetime | None = field(default=None, compare=False)
    bundled: bool = field(default=False, compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        """What the price is of: rows with one key are one history."""
        return (
            self.provider, self.region, self.zone, self.machine, self.market,
            self.os, self.term, self.start, self.end,
        )  # fmt: skip
