"""What a job pays once for every site it uses beside its node-hours: its dataset brought, its checkpoints kept.

A site is `provider/region`, or an owned cluster's own place. A way or a store without a price is unknown, never free.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

from advisor.places import Place
from advisor.plan.schema import Job, TrainingPlan
from advisor.plan.shapes import ModelShape
from advisor.restarts import checkpoint_gib
from pricing.money import half_even
from pricing.storage import storage_price
from pricing.transfer import TransferPrice, dearest_way, transfer_price

# The newest checkpoint and the one before it, which is whole while the newest is written.
CHECKPOINTS_KEPT = 2
MONTHS_KEPT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCharge:
    """A quantity at a unit price in whole micro-USD, with its origin."""

    category: Literal["storage", "egress"]
    description: str
    quantity: Fraction
    unit: str
    micro_usd_per_unit: int
    source: str
    observed_at: datetime | None

    @property
    def micro_usd(self) -> int:
        """What using the site costs once, rounded half-even."""
        return half_even(self.quantity * self.micro_usd_per_unit)


def site_of(location: str, plan: TrainingPlan) -> str:
    """Return the site of a dataset's location: that of the cluster it names, or itself."""
    cluster = next((c for c in plan.clusters if c.name == location), None)
    return location if cluster is None else cluster.location or f"cluster/{cluster.name}"


def way(source: str, destination: str) -> TransferPrice | None:
    """Price of a GiB from site to site; an owned cluster without a location lies outside every cloud."""
    if source == destination:
        return transfer_price(None, None)
    return transfer_price(*(None if site.startswith("cluster/") else site for site in (source, destination)))


def site_charges(
    job: Job, shape: ModelShape, plan: TrainingPlan, places: Iterable[Place]
) -> dict[str, list[SiteCharge] | str]:
    """Return for each site of the places what using it costs the job once, or why it cannot be used."""
    found: dict[str, list[SiteCharge] | str] = {}
    for place in places:
        if place.site in found:
            continue
        dataset = _dataset(job, plan, place.site)
        if isinstance(dataset, str):
            found[place.site] = dataset
        else:
            found[place.site] = dataset + _checkpoints(job, shape, place)
    return found


def _dataset(job: Job, plan: TrainingPlan, site: str) -> list[SiteCharge] | str:
    if job.dataset is None:
        return []
    source = site_of(job.dataset.location, plan)
    price = way(source, site)
    if price is None:
        return f"no transfer price from {source} is known"
    return [
        SiteCharge(
            category="egress",
            description=f"dataset from {job.dataset.location} to {site}, once",
            quantity=Fraction(job.dataset.gib),
            unit="GiB",
            micro_usd_per_unit=price.micro_usd_per_gib,
            source=price.source,
            observed_at=price.observed_at,
        )
    ]


def _checkpoints(job: Job, shape: ModelShape, place: Place) -> list[SiteCharge]:
    """Keep two checkpoints for a month at a rented site; owned disks are part of the cluster."""
    if job.only_measured or place.kind == "cluster" or place.provider is None or place.region is None:
        return []
    price = storage_price(place.provider, place.region)
    if price is None:
        return []
    size = Fraction(f"{checkpoint_gib(job, shape):.3f}")
    return [
        SiteCharge(
            category="storage",
            description=f"{CHECKPOINTS_KEPT} checkpoints of {float(size):,.4g} GiB in {place.site}, for a month",
            quantity=size * CHECKPOINTS_KEPT * MONTHS_KEPT,
            unit="GiB-month",
            micro_usd_per_unit=price.micro_usd_per_gib_month,
            source=price.source,
            observed_at=price.observed_at,
        )
    ]


def moving_charges(job: Job, shape: ModelShape, sites: Iterable[str]) -> dict[str, SiteCharge]:
    """Return what a checkpoint costs that leaves each site for another one, where anything is charged.

    Priced at the dearest way to any other site of the job, and at the dearest known way of all where none is known: the
    solver knows where a checkpoint leaves, not where it goes.
    """
    everywhere = list(dict.fromkeys(sites))
    if job.only_measured or job.max_segments == 1 or len(everywhere) == 1:
        return {}
    size = Fraction(f"{checkpoint_gib(job, shape):.3f}")
    found = {}
    for site in everywhere:
        ways = [way(site, other) for other in everywhere if other != site]
        known = [price for price in ways if price is not None]
        price = max(known if len(known) == len(ways) else [*known, dearest_way()], key=lambda p: p.micro_usd_per_gib)
        if price.micro_usd_per_gib:
            found[site] = SiteCharge(
                category="egress",
                description=f"checkpoint that leaves {site}",
                quantity=size,
                unit="GiB",
                micro_usd_per_unit=price.micro_usd_per_gib,
                source=price.source if len(known) == len(ways) else f"no price from {site} is known; {price.source}",
                observed_at=price.observed_at,
            )
    return found
