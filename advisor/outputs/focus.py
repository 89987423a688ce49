"""`focus.csv`: the plan's cost lines in FOCUS 1.2, the FinOps exchange format for bills, marked as a forecast.

One row per line and calendar month (UTC) of its charge, since a charge lies within a billing period. EffectiveCost adds
up to the plan's total. What a commitment pays for has its bill on a Purchase row and its effect on the Usage row; what
is owned has no bill. List prices before discounts are not in a recommendation: ListCost is the contracted one, and
x_ListCostBasis says so.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from advisor.outputs.costs import safe
from advisor.outputs.phrases import one_line
from advisor.outputs.terraform_names import slug
from advisor.outputs.terraform_pools import next_month
from advisor.recommendation import Line, Recommendation, Segment
from pricing.moments import moment_text
from pricing.money import cents_text

# Every column of FOCUS 1.2 in its order; what a plan cannot know stays empty.
# fmt: off
STANDARD = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType",
    "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "CapacityReservationId",
    "CapacityReservationStatus", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountCategory", "CommitmentDiscountId",
    "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus",
    "CommitmentDiscountType", "CommitmentDiscountUnit", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId",
    "SubAccountName", "SubAccountType", "Tags",
)
# fmt: on
OWN = (
    "x_EstimateType",
    "x_PlanId",
    "x_PlanName",
    "x_PriceBasis",
    "x_PriceSource",
    "x_PriceObservedAt",
    "x_ListCostBasis",
    "x_Commitment",
)
COLUMNS = (*STANDARD, *OWN)

OWNED = "On-premises"
# Of a commitment that no segment uses, a recommendation does not tell the provider.
UNKNOWN = "Unknown"
PROVIDERS = {"aws": "AWS", "gcp": "Google Cloud"}
COMPUTE_SERVICES = {"aws": "Amazon Elastic Compute Cloud", "gcp": "Compute Engine"}
PRICING = {
    "on_demand": "Standard",
    "flex_start": "Standard",
    "spot": "Dynamic",
    "savings_plan": "Committed",
    "reserved_1y": "Committed",
    "reserved_3y": "Committed",
    "capacity_block": "Other",
    "commitment": "Other",
}
# Category, type and unit of the commitment that a market draws on.
COMMITMENTS = {
    "savings_plan": ("Spend", "Savings Plan", "USD"),
    "reserved_1y": ("Usage", "Reserved Instance", "Hours"),
    "reserved_3y": ("Usage", "Reserved Instance", "Hours"),
}
# Where the bill is paid apart from the use.
PREPAID = (*COMMITMENTS, "capacity_block")
SITE = re.compile(r"(?:from|in) (aws|gcp)/([a-z0-9-]+)")
SERVICES = {
    "storage": ("Storage", "Object Storage"),
    "egress": ("Networking", "Other (Networking)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a line that falls into one calendar month."""

    start: datetime
    end: datetime
    quantity: Decimal
    cents: int


def focus_csv(recommendation: Recommendation) -> str:
    """Write the file: header first, UTF-8, lines ending in a line feed, numbers and moments plain."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    centers = {job.job: job.cost_center for job in recommendation.jobs}
    for line in recommendation.lines:
        for share in month_shares(line, *_period(line, recommendation)):
            writer.writerows(_rows(line, share, recommendation, centers.get(line.job or "")))
    return stream.getvalue()


def month_shares(line: Line, start: datetime, end: datetime) -> list[Share]:
    """Cut a line at the ends of months: quantity by time, whole cents that add up to the line's."""
    length = Fraction(int((end - start).total_seconds()))
    total = int(Decimal(line.cost.amount) * 100)
    quantity = Decimal(line.quantity)
    shares: list[Share] = []
    spent, used, at = 0, Decimal(0), start
    while at < end:
        until = min(next_month(at), end)
        passed = Fraction(int((until - start).total_seconds())) / length
        upto = total if until == end else round(total * passed)
        through = quantity if until == end else _decimal(Fraction(quantity) * passed)
        shares.append(Share(start=at, end=until, quantity=through - used, cents=upto - spent))
        spent, used, at = upto, through, until
    return shares


def _decimal(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000000001"))


def _period(line: Line, recommendation: Recommendation) -> tuple[datetime, datetime]:
    """Return when a line is charged: its segment, or the time from its job's start to finish, or the plan's."""
    if line.segment is not None:
        segment = recommendation.segments[line.segment]
        return segment.start, segment.end
    job = next((one for one in recommendation.jobs if one.job == line.job), None)
    if job is not None:
        return job.start, job.finish
    return recommendation.start, recommendation.horizon


def _rows(line: Line, share: Share, recommendation: Recommendation, center: str | None) -> Iterator[Mapping[str, str]]:
    segment = None if line.segment is None else recommendation.segments[line.segment]
    usage = (
        _common(line, share, recommendation, center)
        | _place(line, segment or _held(line, recommendation))
        | _prices(line, share)
    )
    cost = cents_text(share.cents)
    usage |= {"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "BilledCost": cost}
    if line.category == "upfront":
        usage |= {"PricingCategory": "Other", "BilledCost": "0.00"}
        yield usage
        yield usage | _purchase(line, cost) | {"ChargeFrequency": "One-Time"}
        return
    if segment is None:
        yield usage
        return
    usage |= {"PricingCategory": "Other" if segment.kind == "local" else PRICING.get(segment.market or "", "Other")}
    if segment.kind == "local":
        yield usage | {"BilledCost": "0.00"}
    elif segment.market in PREPAID:
        held = _commitment(segment, share, cost)
        yield usage | held | {"BilledCost": "0.00"}
        yield usage | held | _purchase(line, cost)
    elif segment.market == "commitment":
        yield usage | {"x_Commitment": _ascii(segment.commitment or "")}
    else:
        yield usage


def _common(line: Line, share: Share, recommendation: Recommendation, center: str | None) -> dict[str, str]:
    month = datetime(share.start.year, share.start.month, 1, tzinfo=UTC)
    texts = {"plan": recommendation.id, "job": line.job, "cost-center": center}
    tags = {key: one_line(value) for key, value in texts.items() if value}
    what = f"FORECAST: {line.category}, {line.description}"
    return {
        "BillingAccountId": "forecast",
        "BillingAccountName": "Forecast",
        "BillingAccountType": "Forecast",
        "BillingCurrency": line.cost.currency,
        "BillingPeriodStart": moment_text(month),
        "BillingPeriodEnd": moment_text(next_month(month)),
        "ChargePeriodStart": moment_text(share.start),
        "ChargePeriodEnd": moment_text(share.end),
        "ChargeDescription": _ascii(what),
        "Tags": json.dumps(tags),
        "x_EstimateType": "Forecast",
        "x_PlanId": recommendation.id,
        "x_PlanName": _ascii(recommendation.plan.name),
        "x_PriceBasis": safe(line.basis),
        "x_PriceSource": _ascii(line.source),
        "x_PriceObservedAt": "" if line.observed_at is None else moment_text(line.observed_at),
        "x_ListCostBasis": _list_basis(line),
    }


def _list_basis(line: Line) -> str:
    """Say whether the list price is known: it is where the line was priced at it without a discount."""
    at_list = line.basis == "list" and "(discounts)" not in line.source
    return "priced at list" if at_list else "list price not known: as contracted"


def _held(line: Line, recommendation: Recommendation) -> Segment | None:
    """Find a segment on the commitment that an upfront line pays for; None where no segment uses it."""
    if line.category != "upfront":
        return None
    names = {f"commitment {one.commitment}, up front": one for one in recommendation.segments if one.commitment}
    return next((one for name, one in names.items() if line.description.startswith(name)), None)


def _place(line: Line, segment: Segment | None) -> dict[str, str]:
    category, subcategory = SERVICES.get(line.category, ("Compute", "Virtual Machines"))
    if segment is None:
        found = SITE.search(line.description)
        cloud, region, zone, what = found[1] if found else "", found[2] if found else "", "", ""
    elif segment.kind == "local":
        cloud, region, zone, what = "", "", "", segment.cluster or ""
    else:
        cloud, region, zone = segment.provider or "", segment.region or "", segment.zone or ""
        what = f"{segment.machine} {segment.market}"
    provider = PROVIDERS.get(cloud, cloud) or (UNKNOWN if line.category == "upfront" else OWNED)
    is_owned = provider == OWNED
    service = COMPUTE_SERVICES.get(cloud, "GPU nodes") if category == "Compute" else f"{provider} {category.lower()}"
    sku = _ascii("/".join(filter(None, [cloud or slug(provider), region, what, line.category])))
    return {
        **dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), _ascii(provider)),
        "RegionId": _ascii(region),
        "RegionName": _ascii(region),
        "AvailabilityZone": _ascii(zone),
        "ServiceCategory": category,
        "ServiceSubcategory": "Other (Compute)" if is_owned and category == "Compute" else subcategory,
        "ServiceName": service,
        "PricingCategory": "Other" if is_owned else "Standard",
        "SkuId": sku,
        "SkuPriceId": sku,
        "SkuMeter": _ascii(f"{line.category}, {line.unit}"),
    }


def _prices(line: Line, share: Share) -> dict[str, str]:
    cost, price = cents_text(share.cents), line.unit_price.amount
    unit, quantity = _unit(line.unit), _plain(share.quantity)
    return {
        **dict.fromkeys(("ContractedCost", "EffectiveCost", "ListCost"), cost),
        **dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), price),
        "PricingCurrency": line.cost.currency,
        **dict.fromkeys(("PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice"), price),
        "PricingCurrencyEffectiveCost": cost,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
    }


def _commitment(segment: Segment, share: Share, cost: str) -> dict[str, str]:
    """Name what a market draws on: a commitment discount, or the block that the nodes stand in.

    A block has no id before it is bought, so the columns of capacity reservations stay empty.
    """
    name = _ascii("-".join(filter(None, ["planned", segment.market, segment.region, segment.machine])))
    if segment.market not in COMMITMENTS:
        return {"x_Commitment": name}
    category, kind, unit = COMMITMENTS[segment.market]
    return {
        "CommitmentDiscountCategory": category,
        "CommitmentDiscountId": name,
        "CommitmentDiscountName": name,
        "CommitmentDiscountType": kind,
        "CommitmentDiscountUnit": unit,
        "CommitmentDiscountQuantity": cost if unit == "USD" else _plain(share.quantity),
        "CommitmentDiscountStatus": "Used",
    }


def _purchase(line: Line, cost: str) -> dict[str, str]:
    """Make the bill of what a Usage row uses up: no consumption, no effect of its own."""
    return {
        "ChargeCategory": "Purchase",
        "ChargeFrequency": "Recurring",
        "ChargeDescription": _ascii(f"FORECAST: bill for {line.description}"),
        "BilledCost": cost,
        "EffectiveCost": "0.00",
        "PricingCurrencyEffectiveCost": "0.00",
        "CommitmentDiscountStatus": "",
        "ConsumedQuantity": "",
        "ConsumedUnit": "",
    }


def _unit(unit: str) -> str:
    """Spell a unit as FOCUS does: capitalised words, plural, hyphens for rates."""
    return {"node-hour": "Hours", "GiB": "GiB", "GiB-month": "GiB-Months", "commitment": "Units"}.get(
        unit, _ascii(unit)
    )


def _plain(value: Decimal) -> str:
    """Write a quantity with at least one decimal: readers take a column of whole numbers for identifiers."""
    whole, _, places = f"{value:f}".partition(".")
    return f"{whole}.{places.rstrip('0') or '0'}"


def _ascii(text: str) -> str:
    """Spell other scripts as backslash escapes: validators of FOCUS take ASCII alone."""
    return safe(text.encode("ascii", "backslashreplace").decode("ascii"))
