"""SKUs of the Cloud Billing Catalog read as parts of machines: what is priced, how it is sold, where, for how much.

A SKU's words decide everything but the number; `usageType` lies (spot SKUs marked OnDemand, DWS too) and only tells the
term of a commitment whose words name none. Words that no rule knows make an unknown SKU, reported by id, never guessed.

Words seen (provider_apis.md; public parsers of Cyclenerd, SkyPilot, dstack, sc-crawler, read 2026-11-25):
on demand "A3 Instance Core running in Iowa"; spot "Spot Preemptible ..." or "... attached to Spot Preemptible VMs ...";
commitments "Commitment v1: A3 Cpu in Iowa for 1 Year"; DWS before the part, or "... attached to DWS ... VMs ...";
Calendar also "Reserved ... in Calendar Mode".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from pricing.moments import moment_text
from pricing.offer import Market

HOURS_PER_MONTH = 730  # what the provider's own monthly prices are divided by
GIB_PER_GB = Fraction(10**9, 2**30)
NANOS = 10**9


class Part(StrEnum):
    """What a SKU prices: a vCPU, a GiB of memory, a GPU, a GPU with its share of the machine, a GiB of local SSD."""

    CORE = "core"
    RAM = "RAM"
    GPU = "GPU"
    SLICE = "GPU slice"
    LOCAL_SSD = "local SSD"


@dataclass(frozen=True, slots=True)
class Tier:
    """A rate from some usage on; `units` and `nanos` are the provider's exact money."""

    start_usage: float
    currency: str
    units: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Pricing:
    """A SKU's rates from a moment on; None where the catalog does not say since when."""

    effective_at: datetime | None
    unit: str
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSku:
    """A SKU as the catalog lists it."""

    id: str
    description: str
    resource_group: str
    usage_type: str
    regions: tuple[str, ...]
    pricing: tuple[Pricing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPrice:
    """The price of one unit of a part for one hour, in the regions of one SKU.

    `name` is the machine family of cores and RAM ("a3"), the accelerator type of a GPU ("nvidia-h100-80gb"), the family
    of a slice, and blank for the local SSD that all families share. `calendar` False marks a block SKU worded
    "Defined Duration".
    """

    sku: str
    part: Part
    name: str
    market: Market
    regions: tuple[str, ...]
    currency: str
    per_hour: Fraction
    effective_at: datetime | None
    calendar: bool = True


@dataclass(frozen=True, slots=True)
class SkuIgnored:
    """A SKU that is known and prices no part of a machine that we list."""

    sku: str
    reason: str


@dataclass(frozen=True, slots=True)
class SkuUnknown:
    """A SKU that may price a part of a machine, but whose words or numbers no rule reads.

    Where its words are known and only its numbers are not, `prices` says what it would have priced, in `regions`.
    """

    sku: str
    description: str
    reason: str
    prices: tuple[Part, str, Market] | None = None
    regions: tuple[str, ...] = ()


SkuRead = PartPrice | SkuIgnored | SkuUnknown

ATTACHED = r"\b(?:attached to |in )?"
VMS = r"(?: vms?| reservations?)?"
SOLD_AS = (
    (Market.CAPACITY_BLOCK, re.compile(rf"{ATTACHED}(?:dws )?calendar(?:[ -]mode)?{VMS}")),
    (Market.CAPACITY_BLOCK, re.compile(rf"{ATTACHED}(?:dws )?defined duration{VMS}")),
    (Market.FLEX_START, re.compile(rf"{ATTACHED}(?:dws )?flex[ -]?start(?: mode)?{VMS}")),
    (Market.SPOT, re.compile(rf"{ATTACHED}(?:spot preemptible|preemptible|spot){VMS}")),
)
COMMITMENT = re.compile(r"commitment(?: v\d+)?: *(?P<what>.*?)(?: for (?P<years>\d+) years?)?")
TERMS = {"1": Market.RESERVED_1Y, "3": Market.RESERVED_3Y}
TERM_BY_USAGE = {"commit1yr": "1", "commit3yr": "3"}
PLACE = re.compile(r" (?:running )?in .*$")

# Other ways of selling, surcharges and other products: known, and no price of a machine of ours.
NOT_OURS = {
    "reserved": re.compile(r"^reserved\b"),
    "sole tenancy": re.compile(r"\bsole tenancy\b"),
    "custom machine": re.compile(r"\bcustom\b"),
    "surcharge": re.compile(r"\bpremium\b"),
    "suspended machine": re.compile(r"\bsuspended\b|\bvm state\b"),
    "spend-based commitment": re.compile(r"^commitment - dollar based"),
    "share of a GPU": re.compile(r"\bvgpu\b"),
    "virtual workstation": re.compile(r"\bvirtual workstation\b"),
    "TPU": re.compile(r"tpu|\bv\d+[ep]?\b"),
    "machine without GPUs": re.compile(
        r"^(?:compute[- ]optimized|memory[- ]optimized|micro|small|n1 predefined|[bcehmntxz]\d[a-z]*|m\d\w*)\b"
        r".*(?:\bcore|\bram|\bcpu|\bmemory|instance|\blocal ssd)|^(?:cpu|ram|core)$"
    ),
}
HOSTS = {
    "a2": "a2",
    "a3": "a3",
    "a3plus": "a3plus",
    "a3ultra": "a3ultra",
    "a3 ultra": "a3ultra",
    "g2": "g2",
    "g4": "g4",
}
HOST = re.compile(r"(?P<family>[ag]\d+\w*?(?: ultra)?) ?(?:instance )?(?P<part>core|cpu|ram)")
LOCAL_SSD = re.compile(r"ssd backed local storage|(?:(?P<family>[a-z]\d+\w*) (?:instance )?)?local ssd")
SLICE = re.compile(r"(?P<family>a\d+\w*) nvidia (?P<gpu>\w+) \(1 gpu slice\)")
SLICES = {("a4", "b200"): "a4", ("a4x", "gb200"): "a4x"}
# The words left of a GPU's name without "nvidia", "tesla" and "gpu", in any order: regions differ in it.
GPUS = {
    frozenset(words.split()): accelerator
    for words, accelerator in (
        ("k80", "nvidia-tesla-k80"),
        ("p4", "nvidia-tesla-p4"),
        ("p100", "nvidia-tesla-p100"),
        ("t4", "nvidia-tesla-t4"),
        ("v100", "nvidia-tesla-v100"),
        ("l4", "nvidia-l4"),
        ("a100", "nvidia-tesla-a100"),
        ("a100 80gb", "nvidia-a100-80gb"),
        ("h100 80gb", "nvidia-h100-80gb"),
        ("h100 80gb mega", "nvidia-h100-mega-80gb"),
        ("h100 80gb plus", "nvidia-h100-mega-80gb"),
        ("h200 141gb", "nvidia-h200-141gb"),
        ("rtx 6000 96gb", "nvidia-rtx-pro-6000"),
        ("rtx pro 6000 96gb", "nvidia-rtx-pro-6000"),
    )
}
GROUPS_OF_MACHINES = {"cpu", "ram", "gpu", "localssd"}
PER_HOUR = {"h": Fraction(1)}
PER_GIB_HOUR = {"GiBy.h": Fraction(1), "GBy.h": 1 / GIB_PER_GB}
PER_GIB_MONTH = {unit.replace(".h", ".mo"): factor / HOURS_PER_MONTH for unit, factor in PER_GIB_HOUR.items()}
UNITS = {
    Part.CORE: PER_HOUR,
    Part.GPU: PER_HOUR,
    Part.SLICE: PER_HOUR,
    Part.RAM: PER_GIB_HOUR,
    Part.LOCAL_SSD: PER_GIB_HOUR | PER_GIB_MONTH,
}


def read_sku(sku: CatalogSku, *, now: datetime) -> SkuRead:
    """Read one SKU: the part it prices with the rate in force, or why it prices none, or that no rule knows it."""
    words = " ".join(sku.description.lower().split())
    sold = _sold_as(words, sku.usage_type)
    if sold is None:
        return SkuIgnored(sku.id, "a commitment of another length")
    market, rest = sold
    what = PLACE.sub("", rest).strip()
    part = _part(what)
    if part is None:
        return _not_a_part(sku, words, what)
    if not sku.regions:
        return SkuUnknown(sku.id, sku.description, "names no region")
    rate = _rate(sku.pricing, part[0], now)
    if isinstance(rate, str):
        return SkuUnknown(sku.id, sku.description, rate, (*part, market), sku.regions)
    if isinstance(rate, datetime):
        return SkuIgnored(sku.id, f"not in force before {moment_text(rate)}")
    if rate.per_hour == 0:
        return SkuIgnored(sku.id, "a price of 0 is no price")
    return PartPrice(
        sku=sku.id,
        part=part[0],
        name=part[1],
        market=market,
        regions=sku.regions,
        currency=rate.currency,
        per_hour=rate.per_hour,
        effective_at=rate.effective_at,
        calendar="defined duration" not in words,
    )


def _sold_as(words: str, usage_type: str) -> tuple[Market, str] | None:
    """Return the market that the words name and the words without it; None for a commitment of another length."""
    commitment = COMMITMENT.fullmatch(words)
    if commitment:
        years = commitment["years"] or TERM_BY_USAGE.get(usage_type.lower(), "")
        return (TERMS[years], commitment["what"]) if years in TERMS else None
    for market, pattern in SOLD_AS:
        rest, found = pattern.subn(" ", words)
        if found:
            if market is Market.CAPACITY_BLOCK:
                rest = rest.strip().removeprefix("reserved ")
            return market, " ".join(rest.split())
    return Market.ON_DEMAND, words


def _part(what: str) -> tuple[Part, str] | None:
    if any(pattern.search(what) for pattern in NOT_OURS.values()):
        return None
    if host := HOST.fullmatch(what):
        part, name = Part.RAM if host["part"] == "ram" else Part.CORE, HOSTS.get(host["family"])
    elif sliced := SLICE.fullmatch(what):
        part, name = Part.SLICE, SLICES.get((sliced["family"], sliced["gpu"]))
    elif ssd := LOCAL_SSD.fullmatch(what):
        part, name = Part.LOCAL_SSD, ssd["family"] or ""
    else:
        part, name = Part.GPU, GPUS.get(frozenset(what.split()) - {"nvidia", "tesla", "gpu"})
    return None if name is None else (part, name)


def _not_a_part(sku: CatalogSku, words: str, what: str) -> SkuIgnored | SkuUnknown:
    for text in (words, what):
        for reason, pattern in NOT_OURS.items():
            if pattern.search(text):
                return SkuIgnored(sku.id, reason)
    if sku.resource_group.lower() not in GROUPS_OF_MACHINES:
        return SkuIgnored(sku.id, "no part of a machine")
    return SkuUnknown(sku.id, sku.description, "no rule knows these words")


@dataclass(frozen=True, slots=True)
class _Rate:
    currency: str
    per_hour: Fraction
    effective_at: datetime | None


def _rate(entries: Sequence[Pricing], part: Part, now: datetime) -> _Rate | datetime | str:
    """Return the rate in force, the moment from which one will be, or why none can be read."""
    begun = [entry for entry in entries if entry.effective_at is None or entry.effective_at <= now]
    if not begun:
        coming = [entry.effective_at for entry in entries if entry.effective_at is not None]
        return min(coming) if coming else "has no price"
    # A stable sort: of entries of one moment the one listed last counts; one without a moment is the oldest.
    entry = sorted(begun, key=lambda one: (one.effective_at is not None, one.effective_at or now))[-1]
    factor = UNITS[part].get(entry.unit)
    if factor is None:
        return f"a {part} per {entry.unit[:20] or 'nothing'}: wanted is {' or '.join(UNITS[part])}"
    if not entry.tiers:
        return "has no rate"
    # A machine that runs for hours has used a free allowance up, so free tiers do not count beside others.
    paid = {(tier.currency, tier.units, tier.nanos) for tier in entry.tiers if tier.units or tier.nanos}
    if len(paid) > 1:
        return "has several rates that depend on the usage"
    currency, units, nanos = paid.pop() if paid else (entry.tiers[0].currency, 0, 0)
    if units < 0 or not 0 <= nanos < NANOS:
        return f"units {units} and nanos {nanos} are no price"
    return _Rate(currency, (units + Fraction(nanos, NANOS)) * factor, entry.effective_at)
