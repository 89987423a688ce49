"""A small AWS on the loopback address: EC2's query protocol, Pricing's and Savings Plans' JSON, with their traps."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from loopback_builders import Answer, Asked, Loopback, loopback

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LISTS = {
    "DescribeRegions": "regionInfo",
    "DescribeAvailabilityZones": "availabilityZoneInfo",
    "DescribeInstanceTypeOfferings": "instanceTypeOfferingSet",
    "DescribeInstanceTypes": "instanceTypeSet",
    "DescribeSpotPriceHistory": "spotPriceHistorySet",
    "DescribeCapacityBlockOfferings": "capacityBlockOfferingSet",
    "GetSpotPlacementScores": "spotPlacementScoreSet",
}


def at(text: str) -> str:
    """Write a moment as EC2 does."""
    return f"{text}.000Z"


def attributes(machine: str, region: str, **other: str) -> dict[str, str]:
    """Return the attributes of the plain SKU, with some replaced."""
    plain = {
        "instanceType": machine,
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "preInstalledSw": "NA",
        "marketoption": "OnDemand",
        "licenseModel": "No License required",
        "locationType": "AWS Region",
        "operation": "RunInstances",
    }
    return {**plain, **other}


def on_demand(sku: str, usd: str, *, currency: str = "USD", since: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    """Return the on-demand term of a SKU."""
    code = f"{sku}.JRTCKXETXF"
    dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {currency: usd}}
    dimensions = {f"{code}.6YS6EN2CT7": dimension}
    return {code: {"offerTermCode": "JRTCKXETXF", "sku": sku, "effectiveDate": since, "priceDimensions": dimensions}}


def reserved(
    sku: str, code: str, length: str, payment: str, hourly: str, upfront: str | None, offering: str = "standard"
) -> dict[str, Any]:
    """Return one reserved term of a SKU."""
    name = f"{sku}.{code}"
    dimensions = {f"{name}.6YS6EN2CT7": {"unit": "Hrs", "pricePerUnit": {"USD": hourly}}}
    if upfront is not None:
        dimensions[f"{name}.2TG2D8R56U"] = {"unit": "Quantity", "pricePerUnit": {"USD": upfront}}
    asked = {"LeaseContractLength": length, "OfferingClass": offering, "PurchaseOption": payment}
    term = {"offerTermCode": code, "sku": sku, "effectiveDate": "2025-06-01T00:00:00Z", "termAttributes": asked}
    return {name: {**term, "priceDimensions": dimensions}}


def product(sku: str, about: dict[str, str], **terms: dict[str, Any]) -> dict[str, Any]:
    """Return one entry of PriceList, as an object."""
    return {"product": {"sku": sku, "attributes": about}, "serviceCode": "AmazonEC2", "terms": terms}


def spot_row(zone: str, usd: str, when: str, **other: str) -> dict[str, str]:
    """Return one row of spot history."""
    row = {
        "availabilityZone": zone,
        "instanceType": "p5.48xlarge",
        "productDescription": "Linux/UNIX",
        "spotPrice": usd,
        "timestamp": at(when),
    }
    return {**row, **other}


def block(fee: str, nodes: int, start: str, end: str, **other: Any) -> dict[str, Any]:
    """Return one Capacity Block offering."""
    hours = (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(hours=1)
    row = {
        "capacityBlockOfferingId": "cb-0123456789abcdefg",
        "instanceType": "p5.48xlarge",
        "availabilityZone": "us-east-1a",
        "instanceCount": nodes,
        "startDate": at(start),
        "endDate": at(end),
        "capacityBlockDurationHours": round(hours),
        "upfrontFee": fee,
        "currencyCode": "USD",
        "tenancy": "default",
    }
    return {**row, **other}


def savings_rate(machine: str, region: str, rate: str, payment: str = "No Upfront", **other: Any) -> dict[str, Any]:
    """Return one Savings Plans rate."""
    properties = {"region": region, "instanceType": machine, "productDescription": "Linux/UNIX", "tenancy": "shared"}
    return {
        "savingsPlanOffering": {
            "offeringId": f"{payment} {rate}",
            "paymentOption": payment,
            "planType": "Compute",
            "durationSeconds": 31_536_000,
            "currency": "USD",
        },
        "rate": rate,
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"BoxUsage:{machine}",
        "operation": "RunInstances",
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
        **other,
    }


@dataclass
class Region:
    """What one region answers: rows by operation, in the words of the wire."""

    name: str
    zones: dict[str, str]
    machines: list[str] = field(default_factory=lambda: ["p5.48xlarge"])
    ways: tuple[str, ...] = ("on-demand", "spot", "capacity-block")
    products: list[dict[str, Any]] = field(default_factory=list)
    spot: list[dict[str, str]] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    rates: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)

    def rows(self, operation: str) -> list[Any]:
        """Return the rows of an EC2 operation."""
        zones = [{"zoneName": name, "zoneId": zone, "regionName": self.name} for name, zone in self.zones.items()]
        offers = [{"instanceType": m, "location": z} for m in self.machines for z in self.zones.values()]
        gpus = {"gpus": [{"name": "H100", "count": 8, "memoryInfo": {"sizeInMiB": 81920}}]}
        types = [{"instanceType": m, "supportedUsageClasses": list(self.ways), "gpuInfo": gpus} for m in self.machines]
        return {
            "DescribeAvailabilityZones": zones,
            "DescribeInstanceTypeOfferings": offers,
            "DescribeInstanceTypes": types,
            "DescribeSpotPriceHistory": self.spot,
            "DescribeCapacityBlockOfferings": self.blocks,
            "GetSpotPlacementScores": self.scores,
        }[operation]


def us_east() -> Region:
    """Return a region that sells p5.48xlarge in every way."""
    reserved_terms = {
        **reserved("P5OD", "4NA7Y494T4", "1yr", "No Upfront", "40.0000000000", None),
        **reserved("P5OD", "6QCMYABX3D", "1yr", "All Upfront", "0.0000000000", "262800"),
        **reserved("P5OD", "38NPMPTW36", "3yr", "Partial Upfront", "12.0000000000", "315360"),
        **reserved("P5OD", "CONVERT", "3yr", "No Upfront", "30.0000000000", None, "convertible"),
    }
    return Region(
        "us-east-1",
        {"us-east-1a": "use1-az6", "us-east-1b": "use1-az1"},
        products=[
            product("P5OD", attributes("p5.48xlarge", "us-east-1"), OnDemand=on_demand("P5OD", "55.0400000000"), Reserved=reserved_terms)
        ],
        spot=[
            spot_row("us-east-1a", "19.253100", "2026-11-24T03:00:00"),
            spot_row("us-east-1b", "21.000000", "2026-11-23T09:00:00"),
            spot_row("us-east-1a", "17.628900", "2026-11-20T18:01:23"),
        ],
        blocks=[block("5308.80", 1, "2026-12-01T11:30:00", "2026-12-08T11:30:00")],
        rates=[savings_rate("p5.48xlarge", "us-east-1", "38.5")],
        scores=[{"region": "us-east-1", "availabilityZoneId": "use1-az6", "score": 3}],
    )  # fmt: skip


@dataclass
class FakeAws:
    """Answers like AWS; `instead` may answer first (an Answer, or "drop" to hang up), by operation and region."""

    regions: list[Region] = field(default_factory=lambda: [us_east()])
    page: int = 1000
    empty_page_first: bool = False
    honour_filters: bool = True
    list_regions: bool = True
    instead: Callable[[str, str, Asked], Answer | str | None] = lambda _operation, _region, _asked: None

    def running(self) -> AbstractContextManager[Loopback]:
        """Serve while the block runs."""
        return loopback(self.answer)

    def answer(self, asked: Asked) -> Answer | None:
        """Answer one request."""
        operation = asked.form.get("Action") or asked.headers.get("x-amz-target", "").rpartition(".")[2]
        operation = operation or asked.path.strip("/")
        scope = re.search(r"Credential=[^/]+/\d+/([a-z0-9-]+)/", asked.headers.get("authorization", ""))
        region = scope[1] if scope else ""
        other = self.instead(operation, region, asked)
        if other is not None:
            return other if isinstance(other, Answer) else None
        if operation == "GetProducts":
            return self._products(json.loads(asked.body))
        if operation == "DescribeSavingsPlansOfferingRates":
            return self._rates(json.loads(asked.body))
        if operation == "DescribeRegions":
            found = [{"regionName": r.name} for r in self.regions]
            return self._xml(operation, found, "") if self.list_regions else error_xml("InvalidAction", 400)
        here = next((r for r in self.regions if r.name == region), None)
        if here is None:
            return error_xml("AuthFailure", 401)
        return self._page(operation, here, asked.form)

    def _page(self, operation: str, here: Region, form: dict[str, str]) -> Answer:
        rows = here.rows(operation)
        if operation == "DescribeSpotPriceHistory" and self.honour_filters:
            rows = _history(rows, form)
        if operation == "DescribeCapacityBlockOfferings":
            rows = [
                row for row in rows
                if str(row["capacityBlockDurationHours"]) == form["CapacityDurationHours"]
                and row["instanceCount"] == int(form["InstanceCount"])
                and row["instanceType"] == form["InstanceType"]
            ]  # fmt: skip
        if self.empty_page_first and operation != "DescribeAvailabilityZones" and not form.get("NextToken"):
            return self._xml(operation, [], "0")
        if operation == "DescribeAvailabilityZones":
            return self._xml(operation, rows, "")
        begin = int(form.get("NextToken") or 0)
        more = begin + self.page < len(rows)
        return self._xml(operation, rows[begin : begin + self.page], str(begin + self.page) if more else "")

    def _xml(self, operation: str, rows: list[Any], token: str) -> Answer:
        body = (
            f'<?xml version="1.0"?><{operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
            f"<requestId>r-1</requestId><{LISTS[operation]}>{xml_of(rows)}</{LISTS[operation]}>"
            f"<nextToken>{token}</nextToken></{operation}Response>"
        )
        return Answer(body, content_type="text/xml")

    def _products(self, request: dict[str, Any]) -> Answer:
        wanted = {f["Field"]: f["Value"] for f in request["Filters"]}
        region = next((r for r in self.regions if r.name == wanted["regionCode"]), None)
        found = [] if region is None else region.products
        if self.honour_filters:
            found = [p for p in found if all(p["product"]["attributes"].get(n, v) == v for n, v in wanted.items())]
        begin = int(request.get("NextToken") or 0)
        page = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(p) for p in found[begin : begin + self.page]]}
        if begin + self.page < len(found):
            page["NextToken"] = str(begin + self.page)
        return Answer(json.dumps(page), content_type="application/x-amz-json-1.1")

    def _rates(self, request: dict[str, Any]) -> Answer:
        wanted = {f["name"]: f["values"] for f in request["filters"]}
        region = next((r for r in self.regions if r.name in wanted["region"]), None)
        return Answer(json.dumps({"searchResults": [] if region is None else region.rates, "nextToken": ""}))


def _history(rows: list[dict[str, str]], form: dict[str, str]) -> list[dict[str, str]]:
    """Return rows from StartTime on and, of each zone, the one in force then, newest first; one product only."""
    begin, kept, carried = form["StartTime"], [], set()
    rows = [row for row in rows if row["productDescription"] == form.get("ProductDescription.1")]
    for row in sorted(rows, key=lambda row: row["timestamp"], reverse=True):
        place = (row["availabilityZone"], row["instanceType"])
        if row["timestamp"] >= begin:
            kept.append(row)
        elif place not in carried:
            carried.add(place)
            kept.append(row)
    return kept


def xml_of(value: Any) -> str:
    """Write a value as EC2's XML: a list as items."""
    if isinstance(value, list):
        return "".join(f"<item>{xml_of(each)}</item>" for each in value)
    if isinstance(value, dict):
        return "".join(f"<{name}>{xml_of(each)}</{name}>" for name, each in value.items())
    return escape(str(value))


def error_xml(code: str, status: int, words: str = "as a test says") -> Answer:
    """Return an error as EC2 writes it."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{words}</Message></Error></Errors><RequestID>r</RequestID></Response>"
    return Answer(body, status=status, content_type="text/xml")


def error_json(code: str, status: int) -> Answer:
    """Return an error as Pricing and Savings Plans write it."""
    headers = {"x-amzn-ErrorType": code}
    return Answer(json.dumps({"__type": code, "message": "as a test says"}), status=status, headers=headers)
