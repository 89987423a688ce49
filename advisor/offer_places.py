"""Sorts the offers of a moment into places that can be planned with and exclusions, each with its reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from advisor.places import Exclusion, Grid, Place, UnitPrice, gpus_per_node, steps_of
from advisor.plan.schema import Discount, TrainingPlan
from advisor.purchases import PURCHASED, Purchase, purchase_of
from advisor.recommendation import TOO_OLD
from pricing.hardware import machines
from pricing.moments import moment_text
from pricing.money import half_even
from pricing.offer import Market, Offer

PLANNED_MARKETS = frozenset({Market.ON_DEMAND, Market.SPOT}) | PURCHASED


def offer_places(
    offers: Sequence[Offer],
    plan: TrainingPlan,
    *,
    as_of: datetime,
    max_age: Mapping[int, timedelta | None],
    grid: Grid,
) -> tuple[list[Place], list[Exclusion]]:
    """Sort offers into places that can be planned with and exclusions with their reason.

    `max_age` gives, by the offer's index, the oldest age that may be used; None is exempt.
    """
    places, exclusions = [], []
    for index, offer in enumerate(offers):
        what = " ".join(
            filter(None, [offer.provider, offer.zone or offer.region, offer.machine, offer.market, offer.term])
        )
        reason = _unusable(offer, plan, as_of, max_age[index])
        if reason:
            exclusions.append(Exclusion(what, reason))
        else:
            places.append(_offer_place(offer, plan, as_of, grid))
            # Kept as a place all the same: its price is there, only its nodes are missing.
            if offer.available_nodes == 0:
                exclusions.append(Exclusion(what, "no nodes available"))
    return places, exclusions


def _unusable(offer: Offer, plan: TrainingPlan, as_of: datetime, max_age: timedelta | None) -> str | None:
    """Say why an offer cannot be planned with, or return None."""
    own = {machine.name: machine.provider for machine in plan.machines}
    known = own.get(offer.machine) or (machines()[offer.machine].provider if offer.machine in machines() else None)
    if known is None:
        return "no table knows this machine; describe it under machines of the plan"
    if known != offer.provider:
        return f"{offer.machine} is a machine of {known}, the price row says {offer.provider}"
    if offer.currency != "USD":
        return f"priced in {offer.currency}; the product plans in USD"
    if offer.os != "linux":
        return f"priced for {offer.os}, training runs on linux"
    if offer.market not in PLANNED_MARKETS:
        return f"market {offer.market} is not planned with yet"
    if offer.market is Market.CAPACITY_BLOCK and (offer.start is None or offer.end is None):
        return "a block without its dates cannot be planned; `advisor prices collect` reads those on sale"
    if offer.market is Market.CAPACITY_BLOCK and offer.start is not None and offer.start < as_of:
        return "the block has begun before as_of and is no longer sold"
    if offer.withdrawn_at is not None:
        return f"withdrawn: since {moment_text(offer.withdrawn_at)} complete collections no longer find it"
    age = offer.age(as_of)
    if max_age is not None and age > max_age:
        return f"{TOO_OLD}: {hours_text(age)} h, at most {hours_text(max_age)} h (ADVISOR_PRICE_MAX_AGE_HOURS)"
    return None


def hours_text(length: timedelta) -> str:
    """Write a length in hours with at most one decimal."""
    return f"{length / timedelta(hours=1):.1f}".removesuffix(".0")


def _offer_place(offer: Offer, plan: TrainingPlan, as_of: datetime, grid: Grid) -> Place:
    percent = max((d.percent for d in plan.discounts if _matches(d, offer)), default=Decimal(0))
    bought = purchase_of(offer)
    # What is bought for a term costs nothing more by the hour, and discounts never touch it (contract, Price CSV).
    if bought is not None:
        percent = Decimal(0)
    net = 0 if bought else half_even(Fraction(offer.micro_usd_per_hour) * (1 - Fraction(percent) / 100))
    price = UnitPrice(
        category="compute",
        micro_usd_per_hour=net,
        basis=offer.basis,
        source=offer.source if percent == 0 else f"{offer.source}; less {percent.normalize():f} % (discounts)",
        observed_at=offer.observed_at,
        confirmed_at=offer.confirmed_at if offer.confirmed_at and offer.confirmed_at <= as_of else None,
        bundled=offer.bundled,
    )
    return Place(
        key="/".join(
            [
                "offer",
                offer.provider,
                offer.region,
                offer.zone or "",
                offer.machine,
                offer.market,
                offer.term or "",
                *(moment_text(at) for at in (offer.start, offer.end) if at is not None),
            ]
        ),
        kind="offer",
        provider=offer.provider,
        region=offer.region,
        zone=offer.zone,
        machine=offer.machine,
        market=offer.market,
        gpus_per_node=gpus_per_node(offer.machine, plan.machines),
        prices=(price,),
        capacity=_purchase_steps(bought, grid) if bought else _steps(offer.available_nodes),
        site=f"{offer.provider}/{offer.region}",
        interruption_rate_per_hour=offer.interruption_rate_per_hour,
        purchase=bought,
    )


def _steps(nodes: int | None) -> tuple[tuple[int, int], ...] | None:
    return None if nodes is None else ((0, nodes),)


def _purchase_steps(bought: Purchase, grid: Grid) -> tuple[tuple[int, int], ...] | None:
    """Nodes over time of what is bought: windows count inwards to whole hours."""
    if bought.begin is None or bought.until is None:
        return _steps(bought.most_nodes)
    most = bought.most_nodes or 0
    return steps_of([(grid.ceiling(bought.begin), grid.floor(bought.until), most)], grid.hours)


def _matches(entry: Discount, offer: Offer) -> bool:
    return (
        entry.provider in (None, offer.provider)
        and entry.region in (None, offer.region)
        and entry.machine in (None, offer.machine)
        and entry.market in (None, offer.market)
    )
