"""SKUs of the Billing Catalog read one by one; each trap of provider_apis.md, section 3, under its name."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from gcp_builders import SINCE, pricing, sku
from google.cloud import billing_v1
from google.protobuf import json_format

from pricing.collectors.gcp_catalog import catalog_sku
from pricing.collectors.gcp_skus import GIB_PER_GB, Part, PartPrice, SkuIgnored, SkuRead, SkuUnknown, read_sku
from pricing.moments import moment, moment_text
from pricing.offer import Market

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def read(document: dict[str, Any]) -> SkuRead:
    """Read a SKU as the real client would hand it over."""
    message = billing_v1.Sku.pb(billing_v1.Sku())
    return read_sku(catalog_sku(json_format.ParseDict(document, message)), now=NOW)


def part_of(words: str, **given: Any) -> tuple[Market, Part, str]:
    """Return market, part and name of a SKU that prices a part."""
    price = read(sku(words, **given))
    assert isinstance(price, PartPrice), price
    return price.market, price.part, price.name


@pytest.mark.parametrize(
    ("words", "part", "name"),
    [
        ("A2 Instance Core running in Iowa", Part.CORE, "a2"),
        ("A3 Instance Ram running in Americas", Part.RAM, "a3"),
        ("A3Plus Instance Core running in Americas", Part.CORE, "a3plus"),
        ("A3Ultra Instance Core running in Americas", Part.CORE, "a3ultra"),
        ("G2 Instance Ram running in Frankfurt", Part.RAM, "g2"),
        ("Nvidia Tesla A100 GPU running in Seoul", Part.GPU, "nvidia-tesla-a100"),
        ("Nvidia Tesla A100 80GB GPU running in Netherlands", Part.GPU, "nvidia-a100-80gb"),
        ("Nvidia H100 80GB GPU running in Americas", Part.GPU, "nvidia-h100-80gb"),
        ("Nvidia H100 80GB Mega GPU running in Iowa", Part.GPU, "nvidia-h100-mega-80gb"),
        ("Nvidia H100 Mega 80GB GPU running in Virginia", Part.GPU, "nvidia-h100-mega-80gb"),
        ("H100 80GB Plus running in Frankfurt", Part.GPU, "nvidia-h100-mega-80gb"),
        ("Nvidia H200 141GB GPU running in Americas", Part.GPU, "nvidia-h200-141gb"),
        ("Nvidia L4 GPU running in Frankfurt", Part.GPU, "nvidia-l4"),
        ("RTX 6000 96GB running in Delhi", Part.GPU, "nvidia-rtx-pro-6000"),
        ("A4 Nvidia B200 (1 gpu slice) running in Americas", Part.SLICE, "a4"),
        ("SSD backed Local Storage", Part.LOCAL_SSD, ""),
        ("SSD backed Local Storage in Bangkok", Part.LOCAL_SSD, ""),
        ("G4 Instance Local SSD running in Iowa", Part.LOCAL_SSD, "g4"),
    ],
)
def test_words_name_the_part(words: str, part: Part, name: str) -> None:
    """The words of an on-demand SKU name its part whatever the region; an A100 is never its 80 GB sister."""
    assert part_of(words) == (Market.ON_DEMAND, part, name)


@pytest.mark.parametrize(
    ("words", "market"),
    [
        ("Spot Preemptible A3 Instance Core running in Americas", Market.SPOT),
        ("Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in Americas", Market.SPOT),
        ("SSD backed Local Storage attached to Spot Preemptible VMs", Market.SPOT),
        ("Commitment v1: A3 Cpu in Americas for 1 Year", Market.RESERVED_1Y),
        ("Commitment v1: Nvidia H100 80GB GPU running in Americas for 3 Years", Market.RESERVED_3Y),
        ("Commitment v1: Local SSD in Iowa for 3 Year", Market.RESERVED_3Y),
        ("DWS Flex-start A3 Instance Core running in Americas", Market.FLEX_START),
        ("DWS Flex Start A3 Ram running in Americas", Market.FLEX_START),
        ("Nvidia H100 80GB GPU attached to DWS Flex-start VMs running in Americas", Market.FLEX_START),
        ("DWS Calendar Mode A3 Core running in Americas", Market.CAPACITY_BLOCK),
        ("DWS Calendar A4 Nvidia B200 (1 gpu slice) in Seoul", Market.CAPACITY_BLOCK),
        ("Reserved Nvidia H100 80GB Mega GPU in Americas in Calendar Mode", Market.CAPACITY_BLOCK),
        ("Nvidia H100 80GB GPU attached to DWS Defined Duration VMs running in Americas", Market.CAPACITY_BLOCK),
        ("DWS Defined Duration A3 Ram running in Americas", Market.CAPACITY_BLOCK),
        ("G2 Instance Local SSD attached to Calendar mode reservations running in Iowa", Market.CAPACITY_BLOCK),
    ],
)
@pytest.mark.parametrize("usage", ["OnDemand", "Preemptible", "Commit1Yr"])
def test_words_decide_the_market(words: str, market: Market, usage: str) -> None:
    """The words decide the market, whatever usageType says."""
    assert part_of(words, usage=usage)[0] is market


def test_trap_dws_under_usage_type_on_demand() -> None:
    """(a) Calendar and Defined Duration SKUs say OnDemand and are not taken for on-demand prices."""
    for words in ("DWS Calendar Mode Nvidia H100 80GB GPU", "DWS Defined Duration Nvidia H100 80GB GPU"):
        assert part_of(f"{words} running in Americas", usage="OnDemand") == (
            Market.CAPACITY_BLOCK, Part.GPU, "nvidia-h100-80gb",
        )  # fmt: skip


def test_trap_b200_spot_under_usage_type_on_demand() -> None:
    """(b) The B200's spot SKU says OnDemand and is spot all the same."""
    words = "Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas"
    assert part_of(words, usage="OnDemand") == (Market.SPOT, Part.SLICE, "a4")


@pytest.mark.parametrize(
    "words",
    [
        "Reserved A3 Instance Core in Americas",
        "Reserved Nvidia Tesla A100 GPU in Seoul",
        "G2 Custom Instance Core running in Iowa",
        "Memory Optimized Upgrade Premium for Memory-optimized Instance Core running in Iowa",
        "Committed Use Discount Premium for A2 Instance Core running in Iowa",
        "A2 Sole Tenancy Instance Core running in Iowa",
        "VM state: suspended A2 Instance Ram in Iowa",
        "Commitment v1: A3 Cpu in Americas for 5 Years",
        "Commitment - dollar based v1: GCE for 1 year",
        "1/8 vGPU no lssd running in Iowa",
        "TpuV6e running in Columbus",
        "Reserved V5e TPU in Seoul in Calendar Mode",
        "N2 Instance Core running in Americas",
        "Spot Preemptible C3D AMD Instance Ram running in Iowa",
        "M4NUltramem224Instance Ram running in Iowa",
        "Commitment v1: Cpu in Americas for 1 Year",
        "Spot Preemptible Compute optimized Core running in Tokyo",
    ],
)
def test_trap_lines_that_are_no_price_of_a_machine(words: str) -> None:
    """(c) Reserved, Custom, Premium, Sole Tenancy, suspended and the like price nothing here, and are no surprise."""
    assert isinstance(read(sku(words)), SkuIgnored)


@pytest.mark.parametrize(
    "words",
    [
        "A5 Instance Core running in Americas",
        "Nvidia R100 288GB GPU running in Americas",
        "A5 Nvidia R100 (1 gpu slice) running in Americas",
        "A4 Nvidia B200 (2 gpu slice) running in Americas",
        "Capacity Optimized Nvidia H100 80GB GPU running in Americas",
        "Spot Preemptible DWS Calendar Mode A3 Core running in Americas",
    ],
)
def test_words_that_no_rule_knows_are_reported_by_id(words: str) -> None:
    """A SKU that may price a machine and fits no rule is unknown, by its id and words; nothing is guessed."""
    found = read(sku(words, id="A1B2-C3D4"))
    assert isinstance(found, SkuUnknown)
    assert (found.sku, found.description) == ("A1B2-C3D4", words)


def test_what_belongs_to_no_machine_is_not_reported() -> None:
    """Networks, disks and images are thousands of SKUs; none of them is a surprise."""
    assert isinstance(
        read(sku("Network Internet Egress from Iowa to Berlin", group="PremiumInternetEgress")), SkuIgnored
    )


def test_trap_units_are_text_and_nanos_a_number() -> None:
    """units arrives as text and nanos as a number; their sum is kept as an exact fraction."""
    price = read(sku("Nvidia H100 80GB GPU running in Americas", "9.796551001"))
    assert isinstance(price, PartPrice)
    assert price.per_hour == Fraction(9_796_551_001, 10**9)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("GiBy.mo", Fraction(1, 730)),
        ("GiBy.h", Fraction(1)),
        ("GBy.mo", 1 / GIB_PER_GB / 730),
    ],
)
def test_a_month_has_730_hours_and_a_gib_is_no_gb(unit: str, factor: Fraction) -> None:
    """Local SSDs are priced by the month; some SKUs count in 10^9 bytes."""
    price = read(sku("SSD backed Local Storage", "0.08", unit=unit))
    assert isinstance(price, PartPrice)
    assert price.per_hour == Fraction(8, 100) * factor


def test_display_quantity_changes_no_price() -> None:
    """displayQuantity is for display only."""
    document = sku("A3 Instance Core running in Americas", "0.0255")
    document["pricingInfo"][0]["pricingExpression"]["displayQuantity"] = 1000
    price = read(document)
    assert isinstance(price, PartPrice)
    assert price.per_hour == Fraction(255, 10_000)


def test_newest_entry_that_is_not_in_the_future_counts() -> None:
    """Of several pricingInfo entries the newest in force counts, in whatever order they are listed."""
    old, new, coming = (
        pricing(usd, since=moment_text(NOW + timedelta(days=days))) for usd, days in (("3", -90), ("2", -1), ("1", 1))
    )
    for entries in ([old, new, coming], [coming, new, old], [new, coming, old]):
        price = read(sku("Nvidia L4 GPU running in Iowa", entries=entries))
        assert isinstance(price, PartPrice)
        assert (price.per_hour, price.effective_at) == (2, NOW - timedelta(days=1))


def test_a_price_that_is_only_announced_is_no_price() -> None:
    """A SKU whose every entry lies in the future prices nothing yet, and is no surprise."""
    coming = pricing("1", since=moment_text(NOW + timedelta(days=1)))
    found = read(sku("Nvidia L4 GPU running in Iowa", entries=[coming]))
    assert isinstance(found, SkuIgnored)
    assert "2026-11-26" in found.reason


def test_zero_is_no_price() -> None:
    """A placeholder of $0 prices nothing."""
    assert isinstance(read(sku("Nvidia L4 GPU running in Iowa", "0")), SkuIgnored)


def test_term_of_a_commitment_without_a_term_in_its_words_is_its_usage_type() -> None:
    """Where the words name a commitment and no term, usageType tells the term; where neither does, nothing is priced."""
    words = "Commitment v1: Local SSD In Iowa"
    assert part_of(words, usage="Commit3Yr")[0] is Market.RESERVED_3Y
    assert isinstance(read(sku(words, usage="OnDemand")), SkuIgnored)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"units": "1", "nanos": 2_000_000_000}, "nanos 2000000000"),
        ({"units": "-1", "nanos": 0}, "units -1"),
        ({"units": "1", "nanos": -5}, "nanos -5"),
    ],
)
def test_malformed_money_is_reported_by_id(broken: dict[str, Any], said: str) -> None:
    """Amounts outside the provider's own rules are reported, not priced."""
    document = sku("Nvidia L4 GPU running in Iowa", id="BAD-1")
    document["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"].update(broken)
    found = read(document)
    assert isinstance(found, SkuUnknown)
    assert found.sku == "BAD-1"
    assert said in found.reason


def test_a_foreign_unit_is_reported() -> None:
    """A core priced by the month is not divided by a guess."""
    found = read(sku("A3 Instance Core running in Americas", unit="mo"))
    assert isinstance(found, SkuUnknown)
    assert "wanted is h" in found.reason


def test_tiers_that_depend_on_the_usage_are_reported_free_ones_are_used_up() -> None:
    """A free allowance is used up by a machine that runs for hours; two different paid rates are no one price."""
    document = sku("A3 Instance Core running in Americas", "0.02")
    rates = document["pricingInfo"][0]["pricingExpression"]["tieredRates"]
    rates.insert(0, {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": 0}})
    price = read(document)
    assert isinstance(price, PartPrice)
    assert price.per_hour == Fraction(2, 100)
    rates.append({"startUsageAmount": 100, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": 1}})
    assert isinstance(read(document), SkuUnknown)


def test_moment_in_force_is_the_entry_s() -> None:
    """A part knows since when its price has been in force."""
    price = read(sku("Nvidia L4 GPU running in Iowa"))
    assert isinstance(price, PartPrice)
    assert price.effective_at == moment(SINCE)
