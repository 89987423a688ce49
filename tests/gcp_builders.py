"""SKUs, machine types and a loopback double of Compute Engine and the Cloud Billing Catalog, in the services' shapes.

Shapes: ../shared/domain/provider_apis.md, sections 3 and 4. Real clients talk to the double; nothing is patched.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from loopback_builders import Answer, Asked, loopback

from pricing.collectors.base import Access

Json = dict[str, Any]
SINCE = "2026-07-30T06:13:17.000Z"
HERE = ("us-central1",)
SKUS_PATH = re.compile(r"/v1/services/6F81-5844-456A/skus")
AGGREGATED_PATH = re.compile(r"/compute/v1/projects/[^/]+/aggregated/machineTypes")
ZONES_PATH = re.compile(r"/compute/v1/projects/[^/]+/zones")
ZONE_PATH = re.compile(r"/compute/v1/projects/[^/]+/zones/(?P<zone>[^/]+)/machineTypes")


def money(usd: str, currency: str = "USD") -> Json:
    """Write an amount as the catalog does: whole units as text, the rest as nanos."""
    units, _, rest = usd.partition(".")
    return {"currencyCode": currency, "units": units, "nanos": int(rest.ljust(9, "0")[:9] or 0)}


def pricing(usd: str, *, unit: str = "h", since: str | None = SINCE, currency: str = "USD") -> Json:
    """Make one pricingInfo entry with one rate."""
    rates = [{"startUsageAmount": 0, "unitPrice": money(usd, currency)}]
    entry = {"pricingExpression": {"usageUnit": unit, "displayQuantity": 1, "tieredRates": rates}}
    return entry if since is None else {"effectiveTime": since, **entry}


def sku(words: str, usd: str = "1", *, regions: Sequence[str] = HERE, usage: str = "OnDemand", **given: Any) -> Json:
    """Make a SKU; group and unit follow the words unless given, the id is made of the words."""
    group, unit = _group(words)
    entries = given.get("entries") or [
        pricing(
            usd, unit=given.get("unit", unit), since=given.get("since", SINCE), currency=given.get("currency", "USD")
        )
    ]
    number = given.get("id") or re.sub(r"[^A-Z0-9]+", "-", words.upper()).strip("-")
    return {
        "name": f"services/6F81-5844-456A/skus/{number}",
        "skuId": number,
        "description": words,
        "category": {
            "serviceDisplayName": "Compute Engine",
            "resourceFamily": "Storage" if group == "LocalSSD" else "Compute",
            "resourceGroup": given.get("group", group),
            "usageType": usage,
        },
        "serviceRegions": list(regions),
        "pricingInfo": entries,
        "serviceProviderName": "Google",
    }


def _group(words: str) -> tuple[str, str]:
    lower = words.lower()
    if "local s" in lower:
        return "LocalSSD", "GiBy.mo"
    if re.search(r"\bram\b", lower):
        return "RAM", "GiBy.h"
    return ("CPU", "h") if re.search(r"\b(core|cpu)\b", lower) else ("GPU", "h")


def machine_type(
    name: str, gpu: str = "nvidia-h100-80gb", count: int = 8, *, vcpus: int = 208, gib: int = 1872, **given: Any
) -> Json:
    """Make a machine type; further fields as the service spells them."""
    return {
        "kind": "compute#machineType",
        "name": name,
        "description": f"Accelerator Optimized: {count} NVIDIA GPUs, {vcpus} vCPUs, {gib}GB RAM",
        "guestCpus": vcpus,
        "memoryMb": gib * 1024,
        "isSharedCpu": False,
        "accelerators": [{"guestAcceleratorType": gpu, "guestAcceleratorCount": count}],
        **given,
    }


A3_HIGH = machine_type("a3-highgpu-8g", bundledLocalSsds={"partitionCount": 16, "defaultInterface": "NVME"})


def a3_skus(qualifier: str = "", *, core: str, ram: str, gpu: str, regions: Sequence[str] = HERE) -> list[Json]:
    """Make the three SKUs of an a3-highgpu host on one market, whose words stand before the part."""
    return [
        sku(f"{qualifier}A3 Instance Core running in Americas", core, regions=regions),
        sku(f"{qualifier}A3 Instance Ram running in Americas", ram, regions=regions),
        sku(f"{qualifier}Nvidia H100 80GB GPU running in Americas", gpu, regions=regions),
    ]


def whole_price(parts: Sequence[tuple[int | str, str]]) -> int:
    """Add quantity x rate in decimal, as micro-USD, half-even: the arithmetic that the composition is tested against."""
    total = sum((Decimal(quantity) * Decimal(rate) for quantity, rate in parts), Decimal(0))
    return round(total * 1_000_000)


@dataclass
class GcpDouble:
    """What the services hold, what goes wrong there, and which requests they have seen.

    `fault` is asked first, with the path; what it returns is the answer.
    """

    skus: list[Json] = field(default_factory=list)
    machines: dict[str, list[Json]] = field(default_factory=dict)
    warnings: dict[str, Json] = field(default_factory=dict)
    page_size: int = 1_000
    aggregated: bool = True
    fault: Callable[[str], Answer | None] = lambda _path: None
    seen: list[Asked] = field(default_factory=list)
    address: str = ""

    @property
    def access(self) -> Access:
        """The settings that lead here."""
        return Access(gcp_compute_endpoint=self.address, gcp_billing_endpoint=self.address)

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables of the command."""
        return {"ADVISOR_GCP_COMPUTE_ENDPOINT": self.address, "ADVISOR_GCP_BILLING_ENDPOINT": self.address}

    def answer(self, asked: Asked) -> Answer:
        """Answer one request."""
        path, query = asked.path, asked.query
        fault = self.fault(path)
        if fault is not None:
            return fault
        if SKUS_PATH.fullmatch(path):
            page, token = self._page(self.skus, query.get("pageToken", ""))
            return _json({"skus": page, "nextPageToken": token})
        if AGGREGATED_PATH.fullmatch(path) and self.aggregated:
            return self._aggregated(query)
        if ZONES_PATH.fullmatch(path):
            return _json({"kind": "compute#zoneList", "items": [{"name": zone} for zone in self.machines]})
        zone = ZONE_PATH.fullmatch(path)
        if zone and zone["zone"] in self.machines:
            page, token = self._page(self.machines[zone["zone"]], query.get("pageToken", ""))
            return _json({"kind": "compute#machineTypeList", "items": page, "nextPageToken": token})
        return error(404, "The requested URL was not found.", "notFound")

    def _aggregated(self, query: dict[str, str]) -> Answer:
        flat = [(zone, machine) for zone, machines in self.machines.items() for machine in machines]
        page, token = self._page(flat, query.get("pageToken", ""))
        items: dict[str, Json] = {f"zones/{zone}": {"warning": warning} for zone, warning in self.warnings.items()}
        for zone, machine in page:
            items.setdefault(f"zones/{zone}", {}).setdefault("machineTypes", []).append({**machine, "zone": zone})
        return _json({"kind": "compute#machineTypeAggregatedList", "items": items, "nextPageToken": token})

    def _page(self, items: Sequence[Any], token: str) -> tuple[list[Any], str]:
        begin = int(token or 0)
        end = begin + self.page_size
        return list(items[begin:end]), str(end) if end < len(items) else ""


def nothing_here(zone: str) -> Json:
    """Make the warning of a zone that has nothing on this page."""
    return {"code": "NO_RESULTS_ON_PAGE", "message": f"There are no results for scope 'zones/{zone}' on this page."}


def error(status: int, message: str, reason: str = "backendError") -> Answer:
    """Make an error answer in Google's shape."""
    body = {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}
    return Answer(json.dumps({"error": body}), status)


def _json(document: Json) -> Answer:
    return Answer(json.dumps(document), content_type="application/json; charset=UTF-8")


def page_of_html(status: int = 200) -> Answer:
    """Make what a proxy or a load balancer in between says."""
    return Answer("<!doctype html><html><body><h1>Sign in</h1></body></html>", status, "text/html")


@contextmanager
def serving(double: GcpDouble) -> Iterator[GcpDouble]:
    """Serve a double on a free port of 127.0.0.1 until the block ends."""
    with loopback(double.answer) as running:
        double.address, double.seen = running.url, running.asked
        yield double
