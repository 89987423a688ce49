"""From AWS's answers to price rows (spot, blocks, Savings Plans): pure; money is read exactly and rounded once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from pricing.collectors.aws_reading import HOURS_PER_YEAR, NO_PRICE, PAYMENTS, Reading, amount_of
from pricing.collectors.base import Remark
from pricing.moments import moment
from pricing.money import micro_usd
from pricing.observation import PriceRow
from pricing.offer import Market

LINUX = frozenset({"Linux/UNIX", "Linux/UNIX (Amazon VPC)"})


def read_spot(
    entries: Iterable[Mapping[str, Any]], reading: Reading, *, region: str, zone_ids: Mapping[str, str], sold: set[str]
) -> None:
    """Read DescribeSpotPriceHistory: zone ids are the key, names (another one in every account) only lead to them."""
    for entry in entries:
        machine, label = str(entry.get("InstanceType")), str(entry.get("AvailabilityZone"))
        if entry.get("ProductDescription") not in LINUX or machine not in sold:
            continue
        try:
            zone = _zone_id(entry, zone_ids)
            price = micro_usd(amount_of(entry.get("SpotPrice")))
            row = PriceRow(
                provider="aws",
                region=region,
                zone=zone,
                machine=machine,
                market=Market.SPOT,
                micro_usd_per_hour=price,
                observed_at=_aware(entry.get("Timestamp")),
                source="AWS EC2 DescribeSpotPriceHistory",
            )
        except ValueError as error:
            reading.rejected.append(Remark(f"{machine} spot {label}", str(error)))
            continue
        reading.rows.append(row)


def _zone_id(entry: Mapping[str, Any], zone_ids: Mapping[str, str]) -> str:
    label = str(entry.get("AvailabilityZone"))
    zone = entry.get("AvailabilityZoneId") or zone_ids.get(label)
    if not zone:
        raise ValueError(f"zone {label} has no id in this account")
    return str(zone)


def _aware(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{str(value)[:40]!r} is no moment")
    return moment(value.isoformat())


def read_blocks(
    entries: Iterable[Mapping[str, Any]], reading: Reading, *, region: str, zone_ids: Mapping[str, str], now: datetime
) -> None:
    """Read DescribeCapacityBlockOfferings: the rate is the fee of the whole block / (nodes x hours).

    Of offerings of one machine in one zone with the same dates, the one with most nodes says how many there are.
    """
    best: dict[tuple[object, ...], PriceRow] = {}
    for entry in entries:
        name = str(entry.get("CapacityBlockOfferingId"))
        try:
            row = _block(entry, region, zone_ids, now)
        except ValueError as error:
            reading.rejected.append(Remark(name, f"{entry.get('InstanceType')} in {region}: {error}"))
            continue
        if row is None:
            reading.excluded.append(Remark(name, f"{entry.get('InstanceType')} in {region}: {NO_PRICE}"))
        elif row.key not in best or (best[row.key].available_nodes or 0) < (row.available_nodes or 0):
            best[row.key] = row
    reading.rows.extend(best.values())


def _block(entry: Mapping[str, Any], region: str, zone_ids: Mapping[str, str], now: datetime) -> PriceRow | None:
    start, end = _aware(entry.get("StartDate")), _aware(entry.get("EndDate"))
    nodes, fee = entry.get("InstanceCount"), amount_of(entry.get("UpfrontFee"))
    zone = _zone_id(entry, zone_ids)
    if not isinstance(nodes, int) or nodes <= 0 or end <= start:
        raise ValueError(f"{nodes!r} nodes from {start} to {end}")
    if entry.get("Tenancy", "default") != "default":
        raise ValueError(f"tenancy {entry.get('Tenancy')!r}")
    if fee == 0:
        return None
    hours = Fraction((end - start).total_seconds()) / 3600
    return PriceRow(
        provider="aws",
        region=region,
        zone=zone,
        machine=str(entry.get("InstanceType")),
        market=Market.CAPACITY_BLOCK,
        micro_usd_per_hour=micro_usd(fee / (nodes * hours)),
        currency=str(entry.get("CurrencyCode") or "USD"),
        observed_at=now,
        source="AWS EC2 DescribeCapacityBlockOfferings",
        upfront_micro_usd=micro_usd(fee / nodes),
        start=start,
        end=end,
        available_nodes=nodes,
    )


def read_savings_plans(
    entries: Iterable[Mapping[str, Any]], reading: Reading, *, region: str, machines: Sequence[str], now: datetime
) -> None:
    """Read DescribeSavingsPlansOfferingRates: one row per machine, plan type, length and payment option."""
    found: dict[tuple[object, ...], PriceRow] = {}
    for entry in entries:
        properties = {p.get("name"): p.get("value") for p in entry.get("properties") or []}
        offering = entry.get("savingsPlanOffering") or {}
        usage = str(entry.get("usageType"))
        machine = properties.get("instanceType") or usage.rpartition(":")[2]
        if machine not in machines or not _plain_usage(entry, properties, region):
            continue
        try:
            row = _savings_plan(entry, offering, str(machine), region, now)
        except ValueError as error:
            reading.rejected.append(Remark(str(offering.get("offeringId")), f"{machine} in {region}: {error}"))
            continue
        if row is None:
            reading.excluded.append(Remark(str(offering.get("offeringId")), f"{machine} in {region}: {NO_PRICE}"))
        else:
            found.setdefault(row.key, row)
    reading.rows.extend(found.values())


def _plain_usage(entry: Mapping[str, Any], properties: Mapping[Any, Any], region: str) -> bool:
    usage = str(entry.get("usageType"))
    return (
        properties.get("region", region) == region
        and properties.get("productDescription", "Linux/UNIX") in LINUX
        and str(properties.get("tenancy", "shared")).lower() in {"shared", "default"}
        and entry.get("operation", "RunInstances") == "RunInstances"
        and entry.get("unit", "Hrs") == "Hrs"
        # Unused reservations and dedicated hosts have rates of their own.
        and bool(re.fullmatch(r"(\w+-)?BoxUsage:.+", usage) or "usageType" not in entry)
    )


def _savings_plan(
    entry: Mapping[str, Any], offering: Mapping[str, Any], machine: str, region: str, now: datetime
) -> PriceRow | None:
    """Return the row; what is paid at the beginning is the rate for the whole length, or half of it."""
    rate = amount_of(entry.get("rate"))
    payment, seconds = offering.get("paymentOption"), offering.get("durationSeconds")
    if payment not in PAYMENTS or not isinstance(seconds, int) or seconds <= 0:
        raise ValueError(f"payment {payment!r} over {seconds!r} seconds")
    if rate == 0:
        return None
    years = round(seconds / (HOURS_PER_YEAR * 3600))
    share = Fraction(PAYMENTS.index(payment), 2)
    return PriceRow(
        provider="aws",
        region=region,
        zone=None,
        machine=machine,
        market=Market.SAVINGS_PLAN,
        micro_usd_per_hour=micro_usd(rate),
        currency=str(offering.get("currency") or "USD"),
        observed_at=now,
        source="AWS Savings Plans DescribeSavingsPlansOfferingRates",
        term=f"{years}yr {offering.get('planType')} {payment}",
        upfront_micro_usd=micro_usd(rate * share * seconds / 3600),
    )
