"""Capacity that is bought for a term rather than by the hour: dated blocks, reservations, savings plans.

Paid whole, used or not. A block holds from its start to its end; on AWS the machines are taken back half an hour before
the end. A reservation or savings plan holds from the plan's start on, and its whole term is paid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from pricing.money import half_even, micro_usd_text
from pricing.offer import Market, Offer

PURCHASED = frozenset({Market.CAPACITY_BLOCK, Market.RESERVED_1Y, Market.RESERVED_3Y, Market.SAVINGS_PLAN})
YEAR_HOURS = 8760
# As AWS sells blocks: at most so many instances in one.
MOST_NODES_OF_A_BLOCK = 64
BLOCK_EARLY_END = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What one node costs for the whole term, in micro-USD, when it can be used, and how many nodes are sold.

    `until` None is beyond any plan. `words` name the term.
    """

    micro_usd_per_node: int
    begin: datetime | None
    until: datetime | None
    most_nodes: int | None
    words: str


def purchase_of(offer: Offer) -> Purchase | None:
    """Return what buying an offer means; None for what is paid by the hour, or for a block without its dates."""
    if offer.market is Market.CAPACITY_BLOCK:
        return _block(offer)
    if offer.market not in PURCHASED:
        return None
    years = 3 if offer.market is Market.RESERVED_3Y or _is_three_years(offer) else 1
    return Purchase(
        micro_usd_per_node=_whole(offer, Fraction(years * YEAR_HOURS)),
        begin=None,
        until=None,
        most_nodes=offer.available_nodes,
        words=f"{years} year{'s' if years > 1 else ''}{f', {offer.term}' if offer.term else ''}{_split(offer, years)}",
    )


def _split(offer: Offer, years: int) -> str:
    """Say what of a term is paid up front, and what by the hour, used or not."""
    upfront, hours = offer.upfront_micro_usd or 0, years * YEAR_HOURS
    residual = max(0, half_even(Fraction(offer.micro_usd_per_hour) - Fraction(upfront, hours)))
    parts = [f"${micro_usd_text(upfront)} up front"] if upfront else []
    parts += [f"${micro_usd_text(residual)} in each of {hours:,} h"] if residual else []
    return f" ({' and '.join(parts)})"


def _is_three_years(offer: Offer) -> bool:
    return offer.market is Market.SAVINGS_PLAN and (offer.term or "").lstrip().startswith("3")


def _block(offer: Offer) -> Purchase | None:
    if offer.start is None or offer.end is None:
        return None
    hours = Fraction(int((offer.end - offer.start).total_seconds()), 3600)
    most = MOST_NODES_OF_A_BLOCK if offer.available_nodes is None else offer.available_nodes
    return Purchase(
        micro_usd_per_node=_whole(offer, hours),
        begin=offer.start,
        until=offer.end - BLOCK_EARLY_END if offer.provider == "aws" else offer.end,
        most_nodes=most,
        words=f"block of {float(hours):g} h",
    )


def _whole(offer: Offer, hours: Fraction) -> int:
    """The hourly rate includes what is paid up front, so the term costs rate x hours, and never less than that."""
    return max(half_even(offer.micro_usd_per_hour * hours), offer.upfront_micro_usd or 0)
