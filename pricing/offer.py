"""What a provider sells: a machine in a place on a market at a price, seen at a moment.

An `Offer` is the answer to "what does it cost as of t"; the rows behind it are observations
(`pricing.observation`). Prices are whole micro-USD; absence of a price is absence of an offer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Market(StrEnum):
    """How a machine is sold."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVED_1Y = "reserved_1y"
    RESERVED_3Y = "reserved_3y"
    SAVINGS_PLAN = "savings_plan"
    CAPACITY_BLOCK = "capacity_block"
    FLEX_START = "flex_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One machine type in one zone (or region) on one market, at the price that counts as of a moment.

    `micro_usd_per_hour` is for the whole machine. `zone` None is a price for the whole region and a pool of
    its own. `available_nodes` None is unlimited. `basis` says what kind of figure the price is (list,
    contract, block_fee, spot_last, spot_mean, spot_p50, ...). `withdrawn_at` is set where a complete collection
    later no longer found the offer; `bundled` where it came with the product.
    """

    provider: str
    region: str
    zone: str | None
    machine: str
    market: Market
    micro_usd_per_hour: int
    currency: str
    basis: str
    source: str
    observed_at: datetime
    confirmed_at: datetime | None = None
    os: str = "linux"
    term: str | None = None
    upfront_micro_usd: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    available_nodes: int | None = None
    interruption_rate_per_hour: float | None = None
    withdrawn_at: datetime | None = None
    bundled: bool = False

    def age(self, as_of: datetime) -> timedelta:
        """Time since the value was last known to hold: observed, or confirmed later but by `as_of`."""
        confirmed = self.confirmed_at
        known = self.observed_at if confirmed is None or confirmed > as_of else max(self.observed_at, confirmed)
        return as_of - known
