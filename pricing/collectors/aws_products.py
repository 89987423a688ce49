"""From AWS Pricing's answers to rows: the one plain SKU of a machine in a region, on demand and reserved."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from pricing.collectors.aws_reading import HOURS_PER_YEAR, NO_PRICE, PAYMENTS, Reading, amount_of
from pricing.collectors.base import Remark
from pricing.errors import UnexpectedPayload
from pricing.moments import moment
from pricing.money import micro_usd
from pricing.observation import PriceRow
from pricing.offer import Market

# What the one plain SKU says; GetProducts is asked with all of these, and what it answers is checked against them.
PLAIN = {
    "operatingSystem": ("Linux",),
    "tenancy": ("Shared",),
    "capacitystatus": ("Used",),
    "preInstalledSw": ("NA", ""),
    "marketoption": ("OnDemand",),
    "licenseModel": ("No License required", "NA"),
    "locationType": ("AWS Region",),
    "operation": ("RunInstances",),
}
# Sibling SKUs of a machine type that are something else than a node for training; other words are unknown.
SIBLINGS = {
    "operatingSystem": re.compile("RHEL|SUSE|Windows|Red Hat|Ubuntu Pro|Bring your own"),
    "tenancy": re.compile("Dedicated|Host|Reserved"),
    "capacitystatus": re.compile("UnusedCapacityReservation|AllocatedCapacityReservation|AllocatedHost"),
    "preInstalledSw": re.compile("SQL"),
    "marketoption": re.compile("CapacityBlock"),
    "licenseModel": re.compile("Bring your own license"),
    "locationType": re.compile("AWS Local Zone|AWS Wavelength Zone|AWS Outposts"),
    "operation": re.compile("RunInstances:.+"),
}
TERMS = {"1yr": (Market.RESERVED_1Y, 1), "3yr": (Market.RESERVED_3Y, 3)}


def read_products(texts: Iterable[object], reading: Reading, *, region: str, machine: str, now: datetime) -> None:
    """Read GetProducts of one machine in one region: the one plain SKU, on demand and reserved."""
    plain: list[tuple[str, Mapping[str, Any]]] = []
    for text in texts:
        product = _product(text)
        attributes: Mapping[str, str] = product["product"].get("attributes", {})
        sku = str(product["product"].get("sku"))
        other = _other_than_plain(attributes, machine, region)
        if other is None:
            plain.append((sku, product.get("terms", {})))
        elif other:
            reading.unknown.append(Remark(sku, other))
    on_demand = {sku: row for sku, terms in plain if (row := _on_demand(sku, terms, reading, region, machine, now))}
    prices = {row.micro_usd_per_hour for row in on_demand.values()}
    if len(prices) > 1:
        skus = ", ".join(sorted(on_demand))
        reading.rejected.append(Remark(skus, f"several plain SKUs of {machine} in {region} with different prices"))
        return
    if not plain:
        reading.excluded.append(Remark(machine, f"no plain Linux price is published in {region}"))
    reading.rows.extend(list(on_demand.values())[:1])
    for sku, terms in plain:
        _reserved(sku, terms, reading, region, machine, now)


def _product(text: object) -> dict[str, Any]:
    """Parse an entry of PriceList: a JSON text (what boto3 gives), or already an object."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("product"), dict):
        raise UnexpectedPayload(f"GetProducts: an entry of PriceList is no product: {str(text)[:80]!r}")
    return found


def _other_than_plain(attributes: Mapping[str, str], machine: str, region: str) -> str | None:
    """Return None for the plain SKU, "" for a known sibling, or what of it is unknown."""
    if attributes.get("instanceType") != machine or attributes.get("regionCode", region) != region:
        return ""
    sibling, strange = False, []
    for name, wanted in PLAIN.items():
        value = attributes.get(name)
        if value is None or value in wanted:
            continue
        if SIBLINGS[name].match(value):
            sibling = True
        else:
            strange.append(f"{name} {value[:40]!r}")
    if strange and not sibling:
        return f"{machine} in {region} with unknown {', '.join(strange)}"
    return "" if sibling else None


def _amount(dimension: Mapping[str, Any]) -> tuple[Fraction, str]:
    units = dimension.get("pricePerUnit") or {}
    currency = "USD" if "USD" in units else next(iter(units), "")
    return amount_of(units.get(currency)), currency


def _on_demand(
    sku: str, terms: Mapping[str, Any], reading: Reading, region: str, machine: str, now: datetime
) -> PriceRow | None:
    """Return the row of the on-demand term in force, None where there is none."""
    begun = [term for term in (terms.get("OnDemand") or {}).values() if _effective(term) <= now]
    for term in sorted(begun, key=_effective, reverse=True):
        for dimension in (term.get("priceDimensions") or {}).values():
            if dimension.get("unit") != "Hrs":
                reading.unknown.append(Remark(sku, f"on-demand price per {str(dimension.get('unit'))[:20]!r}"))
                continue
            try:
                amount, currency = _amount(dimension)
            except ValueError as error:
                reading.rejected.append(Remark(sku, f"{machine} in {region} on demand: {error}"))
                continue
            if amount == 0:
                reading.excluded.append(Remark(sku, f"{machine} in {region} on demand: {NO_PRICE}"))
                continue
            return _contract(sku, region, machine, now, Market.ON_DEMAND, currency, amount)
    return None


def _effective(term: Mapping[str, Any]) -> datetime:
    try:
        return moment(str(term.get("effectiveDate")))
    except ValueError:
        return moment("1970-01-01T00:00:00Z")


def _contract(
    sku: str, region: str, machine: str, now: datetime, market: Market, currency: str, hourly: Fraction, **more: Any
) -> PriceRow:
    return PriceRow(
        provider="aws",
        region=region,
        zone=None,
        machine=machine,
        market=market,
        micro_usd_per_hour=micro_usd(hourly),
        currency=currency,
        observed_at=now,
        source=f"AWS Pricing GetProducts, SKU {sku}",
        **more,
    )


def _reserved(sku: str, terms: Mapping[str, Any], reading: Reading, region: str, machine: str, now: datetime) -> None:
    """Read one row for every payment option of the standard class; the newest term in force of each counts."""
    found: dict[tuple[Market, str], PriceRow] = {}
    for term in sorted((terms.get("Reserved") or {}).values(), key=_effective):
        asked = term.get("termAttributes") or {}
        length, payment = asked.get("LeaseContractLength"), asked.get("PurchaseOption")
        code = f"{sku}.{term.get('offerTermCode')}"
        if asked.get("OfferingClass") == "convertible" or _effective(term) > now:
            continue
        if length not in TERMS or payment not in PAYMENTS or asked.get("OfferingClass") != "standard":
            reading.unknown.append(Remark(code, f"reserved {length!r}, {payment!r}, {asked.get('OfferingClass')!r}"))
            continue
        market, years = TERMS[length]
        what = f"{machine} in {region} reserved {length} {payment}"
        try:
            hourly, upfront, currency = _reserved_amounts(term)
        except ValueError as error:
            reading.rejected.append(Remark(code, f"{what}: {error}"))
            continue
        effective = hourly + upfront / (years * HOURS_PER_YEAR)
        if effective == 0:
            reading.excluded.append(Remark(code, f"{what}: {NO_PRICE}"))
            continue
        found[market, payment] = _contract(
            sku, region, machine, now, market, currency, effective, term=payment, upfront_micro_usd=micro_usd(upfront)
        )
    reading.rows.extend(found.values())


def _reserved_amounts(term: Mapping[str, Any]) -> tuple[Fraction, Fraction, str]:
    """Return what is paid per hour and at the beginning, and the currency."""
    amounts = {"Hrs": Fraction(0), "Quantity": Fraction(0)}
    currencies = set()
    for dimension in (term.get("priceDimensions") or {}).values():
        unit = dimension.get("unit")
        if unit not in amounts:
            raise ValueError(f"an amount per {str(unit)[:20]!r}")
        amount, currency = _amount(dimension)
        amounts[unit] += amount
        currencies.add(currency)
    if len(currencies) != 1:
        raise ValueError("no amounts" if not currencies else f"amounts in {' and '.join(sorted(currencies))}")
    return amounts["Hrs"], amounts["Quantity"], currencies.pop()
