"""Whole machines from parts: against published prices, and never from a part that is not theirs."""

import csv
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pricing.collectors.gcp_compose import MARKETS, Composed, Excluded, MachineType, PartShelf, compose
from pricing.collectors.gcp_skus import Part, PartPrice
from pricing.hardware import machines
from pricing.money import micro_usd
from pricing.offer import Market

PRICES = Path(__file__).parents[3] / "shared/data/prices"
LATEST, HISTORY = PRICES / "gcp_gpu_prices_2026-07-30.csv", PRICES / "gcp_gpu_prices_history.csv"
MONTH = datetime(2026, 7, 1, tzinfo=UTC)
IOWA = ("us-central1",)


def part(part: Part, name: str, usd: str, market: Market = Market.ON_DEMAND, **given: Any) -> PartPrice:
    """Make a part's price; a local SSD's is per GiB and month, as published."""
    rate = Fraction(usd) / (730 if part is Part.LOCAL_SSD else 1)
    fields: dict[str, Any] = {
        "sku": f"{part}-{name}-{usd}", "regions": IOWA, "currency": "USD", "effective_at": MONTH,
    }  # fmt: skip
    return PartPrice(part=part, name=name, market=market, per_hour=rate, **{**fields, **given})


def machine(
    name: str, vcpus: int, gib: int, gpu: str, gpus: int, ssd_gib: int = 0, region: str = IOWA[0]
) -> MachineType:
    """Make a machine type."""
    return MachineType(
        name=name, region=region, zones=(f"{region}-a",), vcpus=vcpus, memory_gib=Fraction(gib), accelerator=gpu,
        accelerators=gpus, local_ssd_gib=ssd_gib,
    )  # fmt: skip


A3_HIGH = machine("a3-highgpu-8g", 208, 1872, "nvidia-h100-80gb", 8, 6000)
A3_MEGA = machine("a3-megagpu-8g", 208, 1872, "nvidia-h100-mega-80gb", 8, 6000, "us-east4")
A2_ULTRA = machine("a2-ultragpu-8g", 96, 1360, "nvidia-a100-80gb", 8, 3000)
A2_HIGH = machine("a2-highgpu-1g", 12, 85, "nvidia-tesla-a100", 1)
A4 = machine("a4-highgpu-8g", 224, 3968, "nvidia-b200", 8, 12_000)


def a3_parts(market: Market = Market.ON_DEMAND, ssd: Market | None = Market.ON_DEMAND) -> list[PartPrice]:
    """Make the parts of an a3-highgpu in Iowa on a market, with the SSD of another one or without."""
    parts = [
        part(Part.CORE, "a3", "0.025498", market),
        part(Part.RAM, "a3", "0.00222034", market),
        part(Part.GPU, "nvidia-h100-80gb", "9.79655", market),
    ]
    return parts if ssd is None else [*parts, part(Part.LOCAL_SSD, "", "0.08", ssd)]


def priced(of: MachineType, market: Market, parts: list[PartPrice]) -> Composed:
    """Compose a machine that must have a price."""
    found = compose(of, market, PartShelf(parts))
    assert isinstance(found, Composed), found
    return found


def reason(of: MachineType, market: Market, parts: list[PartPrice]) -> str:
    """Return why a machine has no price."""
    found = compose(of, market, PartShelf(parts))
    assert isinstance(found, Excluded), found
    return found.reason


def published(of: MachineType, column: str) -> Fraction:
    """Return the published price of a whole machine on 2026-07-30."""
    if not LATEST.exists():
        pytest.skip(f"{LATEST} is not there")
    with LATEST.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["machine_type"], row["region"]) == (of.name, of.region)]
    return Fraction(rows[0][column])


# Rates of parts as the catalog and its copies gave them: SkyPilot catalog 006059e0 (GPUs; hosts of A3), Google's
# price list (A2 cores, RAM and GPUs; SSD 0.08 a GiB and month, 0.088 in us-east4).
@pytest.mark.parametrize(
    ("of", "parts"),
    [
        (A3_HIGH, a3_parts()),
        (
            A3_MEGA,
            [
                part(Part.CORE, "a3plus", "0.025498"),
                part(Part.RAM, "a3plus", "0.00222034"),
                part(Part.GPU, "nvidia-h100-mega-80gb", "10.344276"),
                part(Part.LOCAL_SSD, "", "0.088"),
            ],
        ),
        (
            A2_ULTRA,
            [
                part(Part.CORE, "a2", "0.031611"),
                part(Part.RAM, "a2", "0.004237"),
                part(Part.GPU, "nvidia-a100-80gb", "3.92808"),
                part(Part.LOCAL_SSD, "", "0.08"),
            ],
        ),
        (
            A2_HIGH,
            [
                part(Part.CORE, "a2", "0.031611"),
                part(Part.RAM, "a2", "0.004237"),
                part(Part.GPU, "nvidia-tesla-a100", "2.933908"),
            ],
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_composed_prices_equal_published_ones(of: MachineType, parts: list[PartPrice]) -> None:
    """Parts add up to the price that was published for the whole machine, to a hundredth of a cent: rates have 5 or 6 places."""
    here = [PartPrice(**{**_fields(one), "regions": (of.region,)}) for one in parts]
    found = priced(of, Market.ON_DEMAND, here).per_hour
    assert abs(found - published(of, "ondemand_usd_h")) < Fraction(1, 10_000)


def _fields(price: PartPrice) -> dict[str, Any]:
    return {name: getattr(price, name) for name in PartPrice.__dataclass_fields__}


def test_spot_price_of_the_sample_equals_the_history() -> None:
    """Spot parts of the sample payload give what was published on 2026-02-26: 27.018347."""
    spot = Market.SPOT
    parts = [
        part(Part.CORE, "a3", "0.00778", spot),
        part(Part.RAM, "a3", "0.000679", spot),
        part(Part.GPU, "nvidia-h100-80gb", "2.9926", spot),
        part(Part.LOCAL_SSD, "", "0.0229", spot),
    ]
    found = priced(A3_HIGH, spot, parts).per_hour
    assert micro_usd(found) == 27_018_347
    if HISTORY.exists():
        with HISTORY.open(encoding="utf-8", newline="") as file:
            seen = {
                Fraction(row["hour_spot"])
                for row in csv.DictReader(file)
                if (row["machine_type"], row["region"]) == ("a3-highgpu-8g", "us-central1") and row["hour_spot"]
            }
        assert min(abs(found - price) for price in seen) < Fraction(1, 10**9)


def test_money_is_rounded_once() -> None:
    """The sum of exact parts is rounded half-even to micro-USD at the end, not part by part."""
    tiny = [part(Part.CORE, "a2", "0.0000004"), part(Part.RAM, "a2", "0.0000004"), part(Part.GPU, "g", "0.0000004")]
    small = machine("a2-highgpu-1g", 1, 1, "g", 1)
    assert micro_usd(priced(small, Market.ON_DEMAND, tiny).per_hour) == 1


def test_a_price_names_its_skus() -> None:
    """A composed price says which SKUs it was composed of, and since when the youngest has been in force."""
    later = datetime(2026, 8, 1, tzinfo=UTC)
    parts = [*a3_parts(), part(Part.CORE, "a3", "0.03", sku="NEW", effective_at=later)]
    found = priced(A3_HIGH, Market.ON_DEMAND, parts)
    assert found.skus[0] == "NEW"
    assert len(found.skus) == 4
    assert found.effective_at == later


@pytest.mark.parametrize("dropped", range(4))
@pytest.mark.parametrize("market", [m for m in MARKETS if m is not Market.FLEX_START])
def test_a_missing_part_is_no_price(market: Market, dropped: int) -> None:
    """Without one of its parts a machine has no price on that market, whatever the other markets have."""
    mine = a3_parts(market, ssd=market)
    others = [one for other in MARKETS if other is not market for one in a3_parts(other, ssd=other)]
    del mine[dropped]
    assert reason(A3_HIGH, market, mine + others).startswith(f"no {market} SKU of this region prices its ")


def test_flex_start_takes_its_own_ssd_else_the_on_demand_one_and_no_other() -> None:
    """Flex-start prices the bundled SSD by its own SKU, else the on-demand one; no other part is replaced."""
    flex = a3_parts(Market.FLEX_START, ssd=None)
    ssds = [
        part(Part.LOCAL_SSD, "", usd, market) for usd, market in (("0.08", Market.ON_DEMAND), ("0.03", Market.SPOT))
    ]
    own = part(Part.LOCAL_SSD, "", "0.04", Market.FLEX_START)
    without = priced(A3_HIGH, Market.FLEX_START, [*flex, *ssds]).per_hour
    assert without == priced(A3_HIGH, Market.ON_DEMAND, a3_parts()).per_hour
    assert without - priced(A3_HIGH, Market.FLEX_START, [*flex, *ssds, own]).per_hour == 6000 * Fraction("0.04") / 730
    assert "local SSD" in reason(A3_HIGH, Market.FLEX_START, [*flex, ssds[1]])
    assert "its core (a3)" in reason(A3_HIGH, Market.FLEX_START, [*flex[1:], *ssds, *a3_parts()])


def test_commitments_price_the_ssd_by_commitments() -> None:
    """Commitment SSD SKUs give what was published: 44,810.08 a month for one year less 44,507.68 without the SSD."""
    year = a3_parts(Market.RESERVED_1Y, ssd=None)
    ssd = part(Part.LOCAL_SSD, "", "0.0504", Market.RESERVED_1Y)
    no_ssd = MachineType(**{**{n: getattr(A3_HIGH, n) for n in MachineType.__dataclass_fields__}, "local_ssd_gib": 0})
    more = (
        priced(A3_HIGH, Market.RESERVED_1Y, [*year, ssd]).per_hour - priced(no_ssd, Market.RESERVED_1Y, year).per_hour
    )
    assert more * 730 == Fraction("302.4")


def test_calendar_blocks_have_their_own_ssd() -> None:
    """A calendar block never borrows the on-demand SSD."""
    assert "local SSD" in reason(A3_HIGH, Market.CAPACITY_BLOCK, a3_parts(Market.CAPACITY_BLOCK, ssd=Market.ON_DEMAND))


def test_trap_whole_a4_is_in_the_slice() -> None:
    """An A4 is billed by GPU slices alone: no cores, RAM or SSD beside them."""
    parts = [
        part(Part.SLICE, "a4", "4.0758", Market.SPOT),
        *(part(kind, "a4", "1", Market.SPOT) for kind in (Part.CORE, Part.RAM)),
        part(Part.LOCAL_SSD, "", "1", Market.SPOT),
    ]
    assert micro_usd(priced(A4, Market.SPOT, parts).per_hour) == 32_606_400


def test_trap_on_demand_listed_though_not_sold() -> None:
    """(e) A listed on-demand price of a machine that is not sold so is no offer, nor are commitments."""
    every = dict.fromkeys(MARKETS, "1")
    parts = [part(Part.SLICE, "a4", usd, market) for market, usd in every.items()]
    for market in (Market.ON_DEMAND, Market.RESERVED_1Y, Market.RESERVED_3Y):
        assert "not sold on demand" in reason(A4, market, parts)
    for market in (Market.SPOT, Market.FLEX_START, Market.CAPACITY_BLOCK):
        assert priced(A4, market, parts).per_hour == 8


def test_what_is_not_sold_on_demand_agrees_with_the_machine_table() -> None:
    """The rule about on-demand sale and the sourced table of machines say the same of every GCP machine."""
    told = {}
    for known in machines().values():
        if known.provider == "gcp":
            of = machine(known.name, 1, 1, "g", 1)
            found = compose(of, Market.ON_DEMAND, PartShelf([]))
            told[known.name] = isinstance(found, Excluded) and "not sold on demand" in found.reason
    assert told
    assert told == {name: "on_demand" not in machines()[name].markets for name in told}


def test_trap_price_in_another_region() -> None:
    """(d) A part that is priced in another region is missing here, whatever its words say of the place."""
    parts = a3_parts()
    parts[2] = part(Part.GPU, "nvidia-h100-80gb", "9.79655", regions=("us-east4",))
    assert "its GPU (nvidia-h100-80gb)" in reason(A3_HIGH, Market.ON_DEMAND, parts)


def test_trap_multi_region_and_single_region_skus() -> None:
    """(d) Of equally new SKUs for one part the one of fewer regions counts, of unequal ones the newer, in any order."""
    wide = part(Part.CORE, "a3", "1", sku="WIDE", regions=("us-central1", "us-west1"))
    narrow = part(Part.CORE, "a3", "2", sku="NARROW")
    newer = part(Part.CORE, "a3", "3", sku="NEWER", regions=wide.regions, effective_at=datetime(2026, 8, 1, tzinfo=UTC))
    for parts, winner in (([wide, narrow], narrow), ([wide, narrow, newer], newer)):
        for order in (parts, parts[::-1]):
            assert PartShelf(order).find(Part.CORE, ("a3",), Market.ON_DEMAND, "us-central1") == winner


def test_a_mega_may_be_billed_by_either_host_family() -> None:
    """An a3-megagpu takes A3Plus cores where they are priced, A3 cores elsewhere; an a3-highgpu never A3Plus ones."""
    gpu = part(Part.GPU, "nvidia-h100-mega-80gb", "10")
    ram = part(Part.RAM, "a3", "0.002")
    mega = machine("a3-megagpu-8g", 208, 1872, "nvidia-h100-mega-80gb", 8)
    plus, plain = part(Part.CORE, "a3plus", "0.03"), part(Part.CORE, "a3", "0.02")
    assert priced(mega, Market.ON_DEMAND, [gpu, ram, plus, plain]).skus[0] == plus.sku
    assert priced(mega, Market.ON_DEMAND, [gpu, ram, plain]).skus[0] == plain.sku
    assert "its core (a3)" in reason(A3_HIGH, Market.ON_DEMAND, [plus, *a3_parts()[1:]])


def test_currencies_are_never_mixed() -> None:
    """Parts in one foreign currency make a price in it; parts in two make none."""
    foreign = [PartPrice(**{**_fields(one), "currency": "EUR"}) for one in a3_parts()]
    assert priced(A3_HIGH, Market.ON_DEMAND, foreign).currency == "EUR"
    assert "EUR and USD" in reason(A3_HIGH, Market.ON_DEMAND, [*foreign[:3], *a3_parts()[3:]])


def test_an_unknown_machine_has_a_reason() -> None:
    """A machine that no rule knows and one with part of a GPU have no price, and it is said why."""
    assert "no rule" in reason(machine("a9-hugegpu-8g", 1, 1, "nvidia-x", 8), Market.SPOT, [])
    share = MachineType(**{**{n: getattr(A2_HIGH, n) for n in MachineType.__dataclass_fields__}, "gpu_share": True})
    assert "part of a GPU" in reason(share, Market.SPOT, [])
