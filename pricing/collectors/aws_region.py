"""What one region of AWS is asked: machines and zones, price list, spot history, Capacity Blocks."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pricing.collectors.aws_calls import AwsCalls, RequestRefused
from pricing.collectors.aws_prices import read_blocks, read_spot
from pricing.collectors.aws_products import PLAIN, read_products
from pricing.collectors.aws_reading import Reading
from pricing.collectors.base import Portion, Remark, Request
from pricing.errors import ProviderError, UnexpectedPayload
from pricing.hardware import machines as known_machines
from pricing.moments import moment_text

FAMILIES = re.compile(r"(p3dn|p4d|p4de|p5|p5e|p5en|p6[a-z0-9-]*)\.")
# Pricing and Savings Plans are answered in one region for all.
HOME = "us-east-1"
HOME_OF_CHINA = "cn-northwest-1"
SPOT_HISTORY = timedelta(days=90)
# A block lasts 1 to 14 days, or whole weeks up to 26, and begins within eight weeks.
BLOCK_DAYS = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28)
BLOCK_HORIZON = timedelta(days=56)
BLOCK_WINDOW = timedelta(days=14)
BLOCK_NODES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Place:
    """A region that sells our machines: what it sells in which way, and the ids behind this account's zone names."""

    region: str
    usage: dict[str, frozenset[str]]
    zone_ids: dict[str, str]
    remarks: tuple[Remark, ...] = ()

    def sold(self, way: str) -> list[str]:
        """Name the machines sold in a way: on-demand, spot or capacity-block."""
        return sorted(name for name, ways in self.usage.items() if way in ways or not ways)


# What reading an answer of another shape than promised ends in.
MISSHAPEN = (AttributeError, TypeError, KeyError, IndexError, ValueError, ArithmeticError)


def misshapen(region: str, part: str, error: Exception) -> UnexpectedPayload:
    """Say that an answer has another shape than AWS promises."""
    return UnexpectedPayload(f"{part} in {region}: the answer is not shaped as AWS promises ({error!s:.200})")


class Counted:
    """Calls for one part of one region, counted."""

    def __init__(self, calls: AwsCalls, region: str) -> None:
        self._calls = calls
        self.region = region
        self.count = 0

    def pages(self, operation: str, key: str, service: str = "ec2", **arguments: Any) -> Iterator[list[Any]]:
        """Ask page by page; prices that are answered in one region for all are asked there."""
        token = "nextToken" if service == "savingsplans" else "NextToken"
        region = _home(self.region) if service != "ec2" else self.region
        for page in self._calls.pages(service, region, operation, key=key, token=token, **arguments):
            self.count += 1
            yield page


def _home(region: str) -> str:
    return HOME_OF_CHINA if region.startswith("cn-") else HOME


def portion_of(
    calls: AwsCalls, region: str, part: str, read: Callable[[Counted, Reading], None], *, dated: bool = False
) -> Portion:
    """Ask one part; what was read before a failure is kept, and is not complete."""
    began, asked, reading = time.monotonic(), Counted(calls, region), Reading()
    failure: ProviderError | None = None
    try:
        read(asked, reading)
    except ProviderError as error:
        failure = error
    except MISSHAPEN as error:
        failure = misshapen(region, part, error)
    return Portion(
        region=region,
        part=part,
        rows=tuple(reading.rows),
        dated=dated,
        failure=failure,
        rejected=tuple(reading.rejected),
        unknown=tuple(reading.unknown),
        excluded=tuple(reading.excluded),
        calls=asked.count,
        seconds=time.monotonic() - began,
    )


def ask_place(asked: Counted, region: str) -> Place:
    """Ask what is offered in a region, by zone id, and in which ways each machine is sold."""
    pages = asked.pages("DescribeAvailabilityZones", "AvailabilityZones", AllAvailabilityZones=True)
    zones = [zone for page in pages for zone in page]
    here = [zone for zone in zones if zone.get("RegionName", region) == region]
    zone_ids = {str(zone["ZoneName"]): str(zone["ZoneId"]) for zone in here if zone.get("ZoneId")}
    if zones and not here:
        # An address that answers for one region only, whatever is asked.
        return Place(region, {}, {})
    offered: set[str] = set()
    for page in asked.pages(
        "DescribeInstanceTypeOfferings", "InstanceTypeOfferings", LocationType="availability-zone-id", MaxResults=1000
    ):
        offered |= {str(entry.get("InstanceType")) for entry in page}
    ours = sorted(name for name in offered if FAMILIES.match(name))
    if not ours:
        return Place(region, {}, zone_ids)
    usage: dict[str, frozenset[str]] = {}
    remarks: list[Remark] = []
    for page in asked.pages("DescribeInstanceTypes", "InstanceTypes", InstanceTypes=ours):
        for entry in page:
            name = str(entry.get("InstanceType"))
            if name in ours:
                usage[name] = frozenset(entry.get("SupportedUsageClasses") or ())
                remarks += _differences(name, entry)
    return Place(region, usage, zone_ids, tuple(remarks))


def _differences(name: str, entry: dict[str, Any]) -> list[Remark]:
    """Compare what AWS says of a machine with our table; AWS calls 40 and 80 GB alike "A100", so memory decides."""
    gpus = (entry.get("GpuInfo") or {}).get("Gpus") or []
    machine = known_machines().get(name)
    if machine is None:
        found = ", ".join(f"{gpu.get('Count')} x {gpu.get('Name')}" for gpu in gpus)
        return [Remark(name, f"no table knows this machine ({found or 'no GPUs told'}); its prices are stored")]
    count = sum(gpu.get("Count") or 0 for gpu in gpus)
    if gpus and count and count != machine.gpus_per_node:
        return [Remark(name, f"AWS says {count} GPUs, our table {machine.gpus_per_node}")]
    return []


def ask_price_list(asked: Counted, reading: Reading, place: Place, request: Request) -> None:
    """Ask Pricing for each machine, with every filter that leaves the one plain SKU."""
    wanted = ("operatingSystem", "tenancy", "capacitystatus", "preInstalledSw", "marketoption", "licenseModel")
    for machine in place.sold("on-demand"):
        fields = {"instanceType": machine, "regionCode": place.region, **{name: PLAIN[name][0] for name in wanted}}
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
        entries: list[Any] = []
        for page in asked.pages(
            "GetProducts",
            "PriceList",
            "pricing",
            ServiceCode="AmazonEC2",
            Filters=filters,
            FormatVersion="aws_v1",
            MaxResults=100,
        ):
            entries += page
        read_products(entries, reading, region=place.region, machine=machine, now=request.now)
    for machine in sorted(set(place.usage) - set(place.sold("on-demand"))):
        reading.excluded.append(Remark(machine, f"is not sold on demand in {place.region}"))


def ask_spot(asked: Counted, reading: Reading, place: Place, request: Request) -> None:
    """Ask for the history from a moment on; the price in force at that moment comes with its own, older, time."""
    sold = place.sold("spot")
    begin = request.history_begin(place.region)
    oldest = request.now - SPOT_HISTORY
    if begin < oldest:
        reading.excluded.append(Remark(f"spot before {moment_text(oldest)}", "AWS keeps 90 days of history"))
        begin = oldest
    if not sold:
        return
    for page in asked.pages(
        "DescribeSpotPriceHistory",
        "SpotPriceHistory",
        InstanceTypes=sold,
        ProductDescriptions=["Linux/UNIX"],
        StartTime=begin,
        MaxResults=1000,
    ):
        read_spot(page, reading, region=place.region, zone_ids=place.zone_ids, sold=set(sold))


def ask_blocks(asked: Counted, reading: Reading, place: Place, request: Request) -> None:
    """Ask for every length; where there are offerings, for more nodes and for later dates too."""
    entries: list[Any] = []
    for machine in place.sold("capacity-block"):
        for days in BLOCK_DAYS:
            try:
                entries += _blocks_of(asked, machine, days, request)
            except RequestRefused as refused:
                reading.excluded.append(Remark(f"{machine} block", f"{place.region}: {refused}"[:300]))
                break
    read_blocks(entries, reading, region=place.region, zone_ids=place.zone_ids, now=request.now)


def _blocks_of(asked: Counted, machine: str, days: int, request: Request) -> list[Any]:
    length, last = timedelta(days=days), request.now + BLOCK_HORIZON
    found: list[Any] = []
    for nodes in BLOCK_NODES:
        page = _offerings(asked, machine, length, nodes, (request.now, last + length))
        found += page
        # Where there is nothing for one node there may be for two; beyond that more nodes are only scarcer.
        if nodes > 1 and max((entry.get("InstanceCount") or 0 for entry in page), default=0) < nodes:
            break
    if found:
        begin = request.now
        while begin < last:
            found += _offerings(asked, machine, length, 1, (begin, min(begin + BLOCK_WINDOW, last) + length))
            begin += BLOCK_WINDOW
    return found


def _offerings(asked: Counted, machine: str, length: timedelta, nodes: int, dates: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for page in asked.pages(
        "DescribeCapacityBlockOfferings",
        "CapacityBlockOfferings",
        InstanceType=machine,
        InstanceCount=nodes,
        CapacityDurationHours=round(length / timedelta(hours=1)),
        StartDateRange=dates[0],
        EndDateRange=dates[1],
        MaxResults=100,
    ):
        found += page
    return [entry for entry in found if entry.get("InstanceType") == machine]
