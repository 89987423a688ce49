"""GCP's prices: machine types of every zone, SKUs of the Billing Catalog, whole-machine prices composed from them.

Prices hold for a region, so rows have no zone; a machine has rows in a region where at least one zone offers it. Spot
rows carry the moment from which the youngest of their SKUs has been in force, all others say what holds now.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pricing.collectors.base import Access, Portion, Remark, Request
from pricing.collectors.gcp_catalog import catalog_sku
from pricing.collectors.gcp_clients import GcpClients, Waiting
from pricing.collectors.gcp_compose import Composed, Excluded, PartShelf, compose_all
from pricing.collectors.gcp_machines import Machines, machines_of
from pricing.collectors.gcp_skus import PartPrice, SkuUnknown, read_sku
from pricing.errors import UnexpectedPayload
from pricing.money import micro_usd
from pricing.observation import PriceRow
from pricing.offer import Market

LIST_PRICES = "list prices"
SPOT_PRICES = "spot"
CATALOG = "catalog"
EVERYWHERE = "global"  # GCP's own word for what belongs to no region


@dataclass(frozen=True, slots=True)
class _Catalog:
    prices: tuple[PartPrice, ...]
    unknown: tuple[SkuUnknown, ...]


class GcpCollector:
    """Compute Engine's machines with GPUs, on every market that the Billing Catalog prices."""

    provider = "gcp"

    def __init__(self, access: Access, waiting: Waiting | None = None) -> None:
        self._access = access
        self._waiting = waiting or Waiting()

    def collect(self, request: Request) -> Iterator[Portion]:
        """Yield the catalog's unknown SKUs, then two portions for every region: list prices and spot.

        Raises:
            ProviderError: no machine types or no SKUs can be had at all.
        """
        begun = time.monotonic()
        clients = GcpClients(self._access, self._waiting)
        machines = machines_of(clients)
        catalog = _read_catalog(clients, request)
        yield Portion(
            region=EVERYWHERE,
            part=CATALOG,
            unknown=tuple(Remark(sku.sku, f"{sku.description}: {sku.reason}") for sku in catalog.unknown),
            rejected=tuple(machines.rejected),
            calls=clients.calls,
            seconds=time.monotonic() - begun,
        )
        shelf = PartShelf(catalog.prices, catalog.unknown)
        for region in request.regions or sorted(machines.by_region):
            yield from _region(region, machines, shelf, request)

    def reach(self) -> str:
        """Ask for one page of machine types and one SKU.

        Raises:
            ProviderError: one of them cannot be had.
        """
        clients = GcpClients(self._access, self._waiting)
        next(clients.machine_types())
        next(clients.skus(page_size=1))
        return f"machine types of project {clients.project} and the Billing Catalog answer"


def _read_catalog(clients: GcpClients, request: Request) -> _Catalog:
    prices: list[PartPrice] = []
    unknown: dict[str, SkuUnknown] = {}
    for page in clients.skus():
        for sku in page.skus:
            read = read_sku(catalog_sku(sku), now=request.now)
            if isinstance(read, PartPrice):
                prices.append(read)
            elif isinstance(read, SkuUnknown):
                unknown[read.sku] = read
    for number, reason in clients.unreadable.items():
        unknown[number] = replace(unknown.get(number, SkuUnknown(number, "", "")), reason=reason)
    if not prices:
        raise UnexpectedPayload(f"GCP: no SKU of {clients.billing_address} prices a part of a machine with GPUs")
    return _Catalog(tuple(prices), tuple(unknown.values()))


def _region(region: str, machines: Machines, shelf: PartShelf, request: Request) -> Iterator[Portion]:
    failure = machines.failures.get(region)
    if region not in machines.by_region and failure is None:
        failure = UnexpectedPayload(f"GCP lists no zone of region {region!r}; is it spelled right?")
    # Where a price may be there and cannot be read, nothing is known to be withdrawn.
    answers = list(compose_all(machines.in_region(region), shelf))
    for part in (LIST_PRICES, SPOT_PRICES):
        mine = [answer for answer in answers if (answer.market is Market.SPOT) == (part == SPOT_PRICES)]
        excluded = [answer for answer in mine if isinstance(answer, Excluded)]
        unread = next((UnexpectedPayload(f"GCP: {one.reason}") for one in excluded if one.unreadable), None)
        yield Portion(
            region=region,
            part=part,
            rows=tuple(_row(answer, request) for answer in mine if isinstance(answer, Composed)),
            dated=part == SPOT_PRICES,
            only_changes=True,
            failure=failure or unread,
            excluded=tuple(Remark(f"{one.machine} {one.market} in {one.region}", one.reason) for one in excluded),
        )


def _row(price: Composed, request: Request) -> PriceRow:
    own_moment = price.effective_at if price.market is Market.SPOT else None
    return PriceRow(
        provider="gcp",
        region=price.region,
        zone=None,
        machine=price.machine,
        market=price.market,
        micro_usd_per_hour=micro_usd(price.per_hour),
        currency=price.currency,
        observed_at=own_moment or request.now,
        source=f"Cloud Billing Catalog, SKUs {', '.join(price.skus)}",
    )
