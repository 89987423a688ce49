"""The AWS collector: regions are asked side by side and fail one by one, then what is asked for all of them."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import Any

from pricing.collectors.aws_calls import AwsCalls, RequestRefused
from pricing.collectors.aws_prices import read_savings_plans
from pricing.collectors.aws_reading import Reading
from pricing.collectors.aws_region import (
    HOME,
    MISSHAPEN,
    Counted,
    Place,
    ask_blocks,
    ask_place,
    ask_price_list,
    ask_spot,
    misshapen,
    portion_of,
)
from pricing.collectors.base import Access, PlacementScore, Portion, Remark, Request
from pricing.errors import CredentialsMissing, CredentialsRefused, PermissionMissing, ProviderError

WORKERS = 8
# After so long without an answer a second question is pointless: two of them would take up the two minutes.
LONG_WITHOUT_ANSWER_SECONDS = 30.0
SCORED_NODES = 8
REGIONS_PER_SCORE = 10


class AwsCollector:
    """Asks AWS for its prices; see `pricing.collectors.base`."""

    provider = "aws"

    def __init__(self, access: Access) -> None:
        self._access = access

    def collect(self, request: Request) -> Iterator[Portion]:
        """Yield what each part of each region answered.

        Raises:
            ProviderError: nobody can be asked at all.
        """
        calls = AwsCalls(self._access)
        regions, asked_for = _regions(calls, request)
        told: SimpleQueue[Portion | Place | None] = SimpleQueue()

        def work(region: str) -> None:
            try:
                for found in _region(calls, region, request, asked_for=asked_for):
                    told.put(found)
            finally:
                told.put(None)

        places: list[Place] = []
        workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="aws")
        try:
            running = [workers.submit(work, region) for region in regions]
            ended = 0
            while ended < len(regions):
                found = told.get()
                if isinstance(found, Portion):
                    yield found
                elif isinstance(found, Place):
                    places.append(found)
                else:
                    ended += 1
            for job in running:
                job.result()
        except BaseException:
            calls.stop()
            raise
        finally:
            workers.shutdown(wait=True, cancel_futures=True)
        yield from _for_all_regions(calls, sorted(places, key=lambda place: place.region), request)

    def reach(self) -> str:
        """Ask for the zones of one region.

        Raises:
            ProviderError: they cannot be had.
        """
        AwsCalls(self._access).call("ec2", HOME, "DescribeAvailabilityZones")
        return f"EC2 in {HOME} answers"


def _regions(calls: AwsCalls, request: Request) -> tuple[list[str], bool]:
    """Return the regions to ask and whether they were asked for by name.

    Where nobody may list regions, those that botocore knows are tried.
    """
    if request.regions:
        return list(dict.fromkeys(request.regions)), True
    began = time.monotonic()
    try:
        named = [str(found["RegionName"]) for found in _all(calls, "DescribeRegions", "Regions")]
        if named:
            return sorted(named), False
    except (CredentialsMissing, CredentialsRefused):
        raise
    except ProviderError:
        if time.monotonic() - began > LONG_WITHOUT_ANSWER_SECONDS:
            raise
        # Where this fails too, nothing can be asked.
        _all(calls, "DescribeAvailabilityZones", "AvailabilityZones")
    return calls.known_regions(), False


def _all(calls: AwsCalls, operation: str, key: str) -> list[Any]:
    return [found for page in calls.pages("ec2", HOME, operation, key=key, token="NextToken") for found in page]  # noqa: S106  a page's token


def _region(calls: AwsCalls, region: str, request: Request, *, asked_for: bool) -> Iterator[Portion | Place]:
    began = time.monotonic()
    counted = Counted(calls, region)
    try:
        place = ask_place(counted, region)
    except (ProviderError, *MISSHAPEN) as error:
        failure = error if isinstance(error, ProviderError) else misshapen(region, "machines", error)
        yield Portion(
            region=region, part="machines", failure=failure, calls=counted.count, seconds=time.monotonic() - began
        )
        return
    if not place.usage and not asked_for:
        return
    excluded = () if place.usage else (Remark(region, "none of the machines is offered here"),)
    yield Portion(
        region=region,
        part="machines",
        unknown=place.remarks,
        excluded=excluded,
        calls=counted.count,
        seconds=time.monotonic() - began,
    )
    if not place.usage:
        return
    for part, ask in (("price_list", ask_price_list), ("spot", ask_spot), ("capacity_block", ask_blocks)):
        yield portion_of(calls, region, part, partial(ask, place=place, request=request), dated=part == "spot")
    yield place


def _for_all_regions(calls: AwsCalls, places: Sequence[Place], request: Request) -> Iterator[Portion]:
    """Ask what an account often may not: Savings Plans rates by region, then placement scores."""
    for place in places:
        names = place.sold("on-demand")
        if not names:
            continue
        portion = _savings_plans(calls, place.region, names, request)
        yield portion
        if isinstance(portion.failure, PermissionMissing):
            break
    yield from _scores(calls, places, request)


def _savings_plans(calls: AwsCalls, region: str, names: Sequence[str], request: Request) -> Portion:
    def read(asked: Counted, reading: Reading) -> None:
        wanted = {"region": [region], "instanceType": list(names), "productDescription": ["Linux/UNIX"]}
        wanted["tenancy"] = ["shared"]
        for page in asked.pages(
            "DescribeSavingsPlansOfferingRates",
            "searchResults",
            "savingsplans",
            savingsPlanTypes=["Compute", "EC2Instance"],
            products=["EC2"],
            serviceCodes=["AmazonEC2"],
            filters=[{"name": name, "values": values} for name, values in wanted.items()],
            maxResults=1000,
        ):
            read_savings_plans(page, reading, region=region, machines=names, now=request.now)

    portion = portion_of(calls, region, "savings_plan", read)
    return replace(portion, optional=isinstance(portion.failure, PermissionMissing))


def _optional(portion: Portion) -> Portion:
    """Let what the account may not ask, or not ask so often, be no failure."""
    return replace(portion, optional=isinstance(portion.failure, PermissionMissing | RequestRefused))


def _scores(calls: AwsCalls, places: Sequence[Place], request: Request) -> Iterator[Portion]:
    """Ask for the scores that are older than a day: AWS counts the questions."""
    wanted: dict[str, list[str]] = {}
    for place in places:
        for machine in place.sold("spot"):
            if machine not in request.scored:
                wanted.setdefault(machine, []).append(place.region)
    if not wanted:
        return
    began, asked = time.monotonic(), Counted(calls, places[0].region)
    scores: list[PlacementScore] = []
    failure: ProviderError | None = None
    try:
        for machine, regions in wanted.items():
            for begin in range(0, len(regions), REGIONS_PER_SCORE):
                scores += _scores_of(asked, machine, regions[begin : begin + REGIONS_PER_SCORE])
    except ProviderError as error:
        failure = error
    yield _optional(
        Portion(
            region="all",
            part="placement_score",
            scores=tuple(scores),
            failure=failure,
            calls=asked.count,
            seconds=time.monotonic() - began,
        )
    )


def _scores_of(asked: Counted, machine: str, regions: Sequence[str]) -> list[PlacementScore]:
    found: list[PlacementScore] = []
    for page in asked.pages(
        "GetSpotPlacementScores",
        "SpotPlacementScores",
        InstanceTypes=[machine],
        TargetCapacity=SCORED_NODES,
        TargetCapacityUnitType="units",
        SingleAvailabilityZone=True,
        RegionNames=list(regions),
    ):
        for entry in page:
            zone, score = entry.get("AvailabilityZoneId"), entry.get("Score")
            if zone and isinstance(score, int) and 1 <= score <= 10:
                region = str(entry.get("Region"))
                found.append(PlacementScore(region=region, zone=zone, machine=machine, nodes=SCORED_NODES, score=score))
    return found
