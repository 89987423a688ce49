"""Whole machines from their parts, per region and market; where a part has no price, there is no machine price.

    usd_per_hour = vCPUs x core + GiB x RAM + GPUs x GPU + GiB of bundled local SSD x SSD       (a2, a3, g2, g4)
    usd_per_hour = GPUs x slice                                                                   (a4, a4x)

Exact fractions throughout, rounded once. Checked to the last digit against published prices of a3-highgpu-8g
(tests/pricing/test_gcp_compose.py). A part is never replaced by another, with one exception of the contract: flex-start
takes the on-demand local SSD where it has no SSD of its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from pricing.collectors.gcp_skus import Part, PartPrice, SkuUnknown
from pricing.offer import Market

GIB_PER_SSD = 375
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MARKETS = (
    Market.ON_DEMAND, Market.SPOT, Market.RESERVED_1Y, Market.RESERVED_3Y, Market.FLEX_START, Market.CAPACITY_BLOCK,
)  # fmt: skip

# Whose cores and RAM a machine is billed by; of several families the first that is priced in the region.
HOSTS = {
    "a2": ("a2",),
    "a3-highgpu": ("a3",),
    "a3-edgegpu": ("a3",),
    "a3-megagpu": ("a3plus", "a3"),
    "a3-ultragpu": ("a3ultra", "a3"),
    "g2": ("g2",),
    "g4": ("g4",),
}
SLICES = {"a4-highgpu": "a4", "a4x-highgpu": "a4x"}
# An on-demand price is listed for these all the same (cloud.google.com, AI Hypercomputer consumption options,
# 2026-11-24, as in pricing/data/machines.csv): spot, flex-start, calendar blocks and reservations only.
NOT_ON_DEMAND = re.compile(r"(a4|a4x|a3-ultragpu)-.*|a3-highgpu-[124]g.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """A machine with GPUs as the provider describes it, and the zones that offer it.

    `local_ssd_gib` is what comes with the machine and is billed with it, 0 for none. `gpu_share` marks a machine with
    part of a GPU.
    """

    name: str
    region: str
    zones: tuple[str, ...]
    vcpus: int
    memory_gib: Fraction
    accelerator: str
    accelerators: int
    local_ssd_gib: int
    gpu_share: bool = False

    @property
    def family(self) -> str:
        """The series and class: "a3-highgpu" of a3-highgpu-8g."""
        return "-".join(self.name.split("-")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A whole machine's price per hour, the SKUs behind it, and since when the youngest of them has been in force."""

    machine: str
    region: str
    market: Market
    currency: str
    per_hour: Fraction
    skus: tuple[str, ...]
    effective_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A machine that has no price on a market in a region, and why.

    `unreadable` where there is one, and only its SKU could not be read: what is sold is not known then.
    """

    machine: str
    region: str
    market: Market
    reason: str
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class _Wanted:
    part: Part
    names: tuple[str, ...]
    quantity: Fraction


class PartShelf:
    """The prices of parts by region and market; of several SKUs for one part the newest in force counts.

    Where two are equally new: Calendar before Defined Duration, then the SKU of fewer regions, then the dearer one, so
    that the order of the list decides nothing.
    """

    def __init__(self, prices: Iterable[PartPrice], unreadable: Iterable[SkuUnknown] = ()) -> None:
        self._unreadable = {
            (*sku.prices, region): sku.sku for sku in unreadable if sku.prices is not None for region in sku.regions
        }
        self._best: dict[tuple[Part, str, Market, str], PartPrice] = {}
        for price in prices:
            for region in price.regions:
                key = (price.part, price.name, price.market, region)
                other = self._best.get(key)
                if other is None or _rank(price) > _rank(other):
                    self._best[key] = price

    def find(self, part: Part, names: Iterable[str], market: Market, region: str) -> PartPrice | None:
        """Return the price of the first of these names that has one."""
        found = (self._best.get((part, name, market, region)) for name in names)
        return next((price for price in found if price is not None), None)

    def unreadable(self, part: Part, names: Iterable[str], market: Market, region: str) -> str | None:
        """Return the SKU that prices one of these names and could not be read."""
        found = (self._unreadable.get((part, name, market, region)) for name in names)
        return next((sku for sku in found if sku is not None), None)


def _rank(price: PartPrice) -> tuple[object, ...]:
    return (price.effective_at or LONG_AGO, price.calendar, -len(price.regions), price.per_hour, price.sku)


def compose_all(machines: Iterable[MachineType], shelf: PartShelf) -> Iterator[Composed | Excluded]:
    """Price every machine in its region on every market, or say why there is no price."""
    for machine in machines:
        for market in MARKETS:
            yield compose(machine, market, shelf)


def compose(machine: MachineType, market: Market, shelf: PartShelf) -> Composed | Excluded:
    """Price one machine on one market."""
    wanted = _recipe(machine, market)
    if isinstance(wanted, str):
        return Excluded(machine=machine.name, region=machine.region, market=market, reason=wanted)
    found = [(item, _find(item, market, machine.region, shelf)) for item in wanted]
    for item, price in found:
        sku = None if price else shelf.unreadable(item.part, item.names, market, machine.region)
        if sku is not None:
            reason = f"SKU {sku}, which prices {_said(item)}, cannot be read"
            return Excluded(machine=machine.name, region=machine.region, market=market, reason=reason, unreadable=True)
    missing = [_said(item) for item, price in found if price is None]
    priced = [(item, price) for item, price in found if price is not None]
    currencies = {price.currency for _, price in priced}
    if missing or len(currencies) != 1:
        lacks = f"no {market} SKU of this region prices {', '.join(missing)}"
        reason = lacks if missing else f"its parts are priced in {' and '.join(sorted(currencies))}"
        return Excluded(machine=machine.name, region=machine.region, market=market, reason=reason)
    moments = [price.effective_at for _, price in priced if price.effective_at is not None]
    return Composed(
        machine=machine.name,
        region=machine.region,
        market=market,
        currency=currencies.pop(),
        per_hour=sum((item.quantity * price.per_hour for item, price in priced), Fraction(0)),
        skus=tuple(price.sku for _, price in priced),
        effective_at=max(moments, default=None),
    )


def _recipe(machine: MachineType, market: Market) -> list[_Wanted] | str:
    """Return the parts that make up the machine, or why it has no price at all on this market."""
    if market in {Market.ON_DEMAND, Market.RESERVED_1Y, Market.RESERVED_3Y} and NOT_ON_DEMAND.fullmatch(machine.name):
        if market is Market.ON_DEMAND:
            return "the machine is not sold on demand, whether a price is listed or not"
        return "commitments price on-demand use, and the machine is not sold on demand"
    if machine.gpu_share:
        return "has part of a GPU; only whole ones are priced"
    gpus = Fraction(machine.accelerators)
    if machine.family in SLICES:
        return [_Wanted(Part.SLICE, (SLICES[machine.family],), gpus)]
    hosts = HOSTS.get(machine.family) or HOSTS.get(machine.family.partition("-")[0])
    if hosts is None:
        return "no rule says which SKUs make up this machine"
    parts = [
        _Wanted(Part.CORE, hosts, Fraction(machine.vcpus)),
        _Wanted(Part.RAM, hosts, machine.memory_gib),
        _Wanted(Part.GPU, (machine.accelerator,), gpus),
    ]
    if machine.local_ssd_gib:
        parts.append(_Wanted(Part.LOCAL_SSD, (hosts[0], ""), Fraction(machine.local_ssd_gib)))
    return parts


def _find(item: _Wanted, market: Market, region: str, shelf: PartShelf) -> PartPrice | None:
    price = shelf.find(item.part, item.names, market, region)
    if price is None and item.part is Part.LOCAL_SSD and market is Market.FLEX_START:
        return shelf.find(item.part, item.names, Market.ON_DEMAND, region)
    return price


def _said(item: _Wanted) -> str:
    if item.part is Part.LOCAL_SSD:
        return "its local SSD"
    return f"its {item.part} ({' or '.join(item.names)})"
