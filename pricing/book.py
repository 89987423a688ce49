"""From observations to offers: which price counts as of a moment (contract, Price CSV)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import takewhile
from typing import Literal

from pricing.history import quantile_over_time, time_weighted_mean
from pricing.money import half_even
from pricing.observation import PriceRow
from pricing.offer import Market, Offer

BASIS = {
    Market.ON_DEMAND: "list",
    Market.RESERVED_1Y: "contract",
    Market.RESERVED_3Y: "contract",
    Market.SAVINGS_PLAN: "contract",
    Market.FLEX_START: "contract",
    Market.CAPACITY_BLOCK: "block_fee",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRule:
    """Which figure of the spot history to plan with; `quantile` counts with that basis only."""

    basis: Literal["last", "mean", "quantile"] = "mean"
    days: float = 30.0
    quantile: float = 0.5

    def begin(self, as_of: datetime) -> datetime:
        """Return the first moment of the window that ends at `as_of`."""
        try:
            return as_of - timedelta(days=self.days)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


def offers_as_of(rows: Iterable[PriceRow], *, as_of: datetime, spot: SpotRule) -> list[Offer]:
    """Return one offer per key: the newest row at or before `as_of` (the last given where two are equal).

    For spot the figure is the rule's over the window before `as_of`, the last row before the window carried into it;
    without a row inside the window it is the last one, basis spot_last.
    """
    histories: dict[tuple[object, ...], list[PriceRow]] = {}
    for row in rows:
        if row.observed_at <= as_of:
            histories.setdefault(row.key, []).append(row)
    offers = [_offer(sorted(history, key=lambda row: row.observed_at), as_of, spot) for history in histories.values()]
    return sorted(offers, key=order_of)


def order_of(offer: Offer) -> tuple[str, ...]:
    """Return what offers are sorted by."""
    parts = (
        offer.provider, offer.region, offer.zone, offer.machine, offer.market, offer.term, offer.start, offer.end,
        offer.os,
    )  # fmt: skip
    return tuple("" if part is None else str(part) for part in parts)


def _offer(history: Sequence[PriceRow], as_of: datetime, spot: SpotRule) -> Offer:
    newest = history[-1]
    price, basis = newest.micro_usd_per_hour, BASIS.get(newest.market, "spot_last")
    if newest.market is Market.SPOT:
        price, basis = _spot_figure(history, as_of, spot)
    return Offer(
        provider=newest.provider,
        region=newest.region,
        zone=newest.zone,
        machine=newest.machine,
        market=newest.market,
        micro_usd_per_hour=price,
        currency=newest.currency,
        basis=basis,
        source=newest.source,
        observed_at=newest.observed_at,
        confirmed_at=_confirmed(history, as_of),
        os=newest.os,
        term=newest.term,
        upfront_micro_usd=newest.upfront_micro_usd,
        start=newest.start,
        end=newest.end,
        available_nodes=newest.available_nodes,
        interruption_rate_per_hour=newest.interruption_rate_per_hour,
        withdrawn_at=newest.withdrawn_at,
        bundled=newest.bundled,
    )


def _confirmed(history: Sequence[PriceRow], as_of: datetime) -> datetime | None:
    """Return the latest confirmation by `as_of` of what the newest row says; one fact may be given several times."""
    newest = history[-1]
    if len(history) == 1 or history[-2].observed_at < newest.observed_at:
        confirmed = newest.confirmed_at
        return confirmed if confirmed is not None and confirmed <= as_of else None
    latest = takewhile(lambda row: row.observed_at == newest.observed_at, reversed(history))
    same = [row for row in latest if replace(row, confirmed_at=newest.confirmed_at) == newest]
    return max((row.confirmed_at for row in same if row.confirmed_at and row.confirmed_at <= as_of), default=None)


def _spot_figure(history: Sequence[PriceRow], as_of: datetime, spot: SpotRule) -> tuple[int, str]:
    begin = spot.begin(as_of)
    inside = [row for row in history if row.observed_at >= begin]
    if spot.basis == "last" or not inside:
        return history[-1].micro_usd_per_hour, "spot_last"
    carried = [row for row in history if row.observed_at < begin][-1:]
    # Prices in two currencies have no mean: the newest row's counts.
    rows = [row for row in [*carried, *inside] if row.currency == history[-1].currency]
    points = [(max(row.observed_at, begin), row.micro_usd_per_hour) for row in rows]
    if spot.basis == "mean":
        return half_even(time_weighted_mean(points, as_of)), "spot_mean"
    figure = quantile_over_time(points, as_of, Fraction(str(spot.quantile)))
    return figure, f"spot_p{spot.quantile * 100:g}"
