"""Derives the bundled reference prices from the shared price facts, so that the table can be made and checked anew.

Each maker reads one source and yields facts; `reference_rows` joins the facts of one price into a history in which a
row is a change, and a later sight of the same value is its confirmation. What is known only to lie between two dates
takes the earlier one. What is left out, and why, stands in `pricing/data/README.md`.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pricing.hardware import machines
from pricing.moments import moment
from pricing.money import half_even, micro_usd
from pricing.observation import PriceRow
from pricing.offer import Market

FACTS = Path(__file__).parents[2] / "shared" / "data" / "prices"
HOURS_PER_MONTH = 730
HOURS_PER_YEAR = 8760
# Older history of GCP would say little about today and make the file large.
GCP_HISTORY_FROM = datetime(2025, 1, 1, tzinfo=UTC)
# The four pulls of the catalogue lie after these dates, in this order; of the last three the newest counts.
AFTER_OCTOBER = datetime(2025, 10, 8, tzinfo=UTC)
SNAPSHOT_DATES = {"1": datetime(2025, 8, 25, tzinfo=UTC), "2": AFTER_OCTOBER, "3": AFTER_OCTOBER, "4": AFTER_OCTOBER}
COMPONENTS_DATE, COMPONENTS_BEFORE = datetime(2026, 2, 26, tzinfo=UTC), datetime(2026, 3, 18, tzinfo=UTC)
BLOCK_DATES = {"2024-Q4": datetime(2024, 10, 1, tzinfo=UTC)}
RESERVED_DATE = datetime(2025, 5, 28, tzinfo=UTC)

KARPENTER = "AWS price list, copy in aws/karpenter-provider-aws @{commit}"
TRACKER = "AWS price list, daily reading in amorton45/aws-gpu-price-tracker @b81b52d0"
SNAPSHOT = "EC2 prices, copy in {source_repo} @{commit}; between {bounds}"
DSTACK = "EC2 prices, dstackai/dstack pull request 4110"
RESERVED = "AWS price list, copy in LeanerCloud/ec2-instances-info @32acf84f"
BLOCKS = "copy of the Capacity Blocks price page, last quarter of 2024"
CYCLENERD = "Google price list, copy in Cyclenerd/google-cloud-pricing-cost-calculator @{commit}"
COMPONENTS = (
    "Google price list, machine and GPU in skypilot-org/skypilot-catalog @006059e0, "
    "local SSD in Cyclenerd/google-cloud-pricing-cost-calculator; between 2026-02-26 and 2026-03-18"
)


def reference_rows() -> list[PriceRow]:
    """Return the rows of the bundled table, in the order of the file."""
    histories: dict[tuple[object, ...], list[PriceRow]] = defaultdict(list)
    for fact in _facts():
        if is_sold(fact):
            histories[fact.key].append(fact)
    rows = [row for history in histories.values() for row in changes_of(history)]
    return sorted(
        rows, key=lambda r: (r.provider, r.machine, r.market, r.region, r.zone or "", r.term or "", r.observed_at)
    )


def is_sold(fact: PriceRow) -> bool:
    """Whether the machine of the table can be had on this market; what is reserved is sold on demand too."""
    machine = machines().get(fact.machine)
    if machine is None:
        return False
    market = Market.ON_DEMAND if fact.market in {Market.RESERVED_1Y, Market.RESERVED_3Y} else fact.market
    return market in machine.markets


def changes_of(facts: Iterable[PriceRow]) -> list[PriceRow]:
    """Keep the facts in which the price moved; the last sight of an unmoved one confirms it.

    Sources print prices with different precision: below a hundredth of a cent they are the same.
    """
    found: list[PriceRow] = []
    for fact in sorted(facts, key=lambda fact: fact.observed_at):
        seen = fact.confirmed_at or fact.observed_at
        if found and abs(found[-1].micro_usd_per_hour - fact.micro_usd_per_hour) < 100:
            before = found[-1].confirmed_at or found[-1].observed_at
            found[-1] = replace(found[-1], confirmed_at=max(before, seen) if seen > found[-1].observed_at else None)
        elif found and fact.observed_at == found[-1].observed_at:
            found[-1] = fact
        else:
            found.append(fact)
    return found


def _facts() -> Iterator[PriceRow]:
    yield from _karpenter()
    yield from _tracker()
    yield from _snapshots()
    yield from _dstack()
    yield from _reserved()
    yield from _blocks()
    yield from _gcp_history()
    yield from _gcp_commitments()
    yield from _gcp_components()


def _read(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _moment(text: str) -> datetime:
    return moment(text if "T" in text and len(text) > 19 else f"{text[:10]}T00:00:00Z")


def _karpenter() -> Iterator[PriceRow]:
    """On-demand prices of us-east-1, by generation; the newest file saw every last value unchanged."""
    rows = [row for row in _read("aws_ondemand_history_karpenter.csv") if row["region"] == "us-east-1"]
    newest = max(_moment(row["generated_at"]) for row in rows if row["generated_at"])
    last = {row["instance_type"]: index for index, row in enumerate(rows)}
    for index, row in enumerate(rows):
        if row["usd_or_cny_per_hour"]:
            yield PriceRow(
                provider="aws",
                region="us-east-1",
                zone=None,
                machine=row["instance_type"],
                market=Market.ON_DEMAND,
                micro_usd_per_hour=micro_usd(row["usd_or_cny_per_hour"]),
                observed_at=_moment(row["generated_at"] or row["commit_time"]),
                source=KARPENTER.format(commit=row["commit"][:8]),
                confirmed_at=newest if last[row["instance_type"]] == index else None,
            )


def _tracker() -> Iterator[PriceRow]:
    for row in _read("aws_p5_48xlarge_ondemand_daily_tracker.csv"):
        if row["price_usd"]:
            yield PriceRow(
                provider="aws",
                region="us-east-1",
                zone=None,
                machine=row["instance"],
                market=Market.ON_DEMAND,
                micro_usd_per_hour=micro_usd(row["price_usd"]),
                observed_at=moment(f"{row['timestamp']}Z"),
                source=TRACKER,
            )


def _snapshots() -> Iterator[PriceRow]:
    """Prices by zone id, in zones that offer the machine; us-east-1 on demand is known better from elsewhere."""
    offered = {
        (row["instance_type"], row["location"])
        for row in _read("aws_gpu_offerings_moto5.2.5.csv")
        if row["location_type"] == "availability-zone-id"
    }
    by_region = {(row["instance_type"], row["region"]) for row in _dstack_rows("spot")}
    cheapest: dict[tuple[str, str, str], PriceRow] = {}
    for row in _read("aws_gpu_prices_snapshots.csv"):
        if (row["instance_type"], row["zone_id"]) not in offered:
            continue
        fact = PriceRow(
            provider="aws",
            region=row["region"],
            zone=None,
            machine=row["instance_type"],
            market=Market.ON_DEMAND,
            micro_usd_per_hour=micro_usd(row["ondemand_usd_h"] or 0),
            observed_at=SNAPSHOT_DATES[row["snapshot_seq"]],
            source=SNAPSHOT.format(
                source_repo=row["source_repo"],
                commit=row["source_commit"][:8],
                bounds=row["date_bound_inferred"].replace("..", " and "),
            ),
        )
        if row["ondemand_usd_h"] and row["region"] != "us-east-1":
            yield fact
        if row["spot_usd_h"]:
            spot = replace(fact, market=Market.SPOT, micro_usd_per_hour=micro_usd(row["spot_usd_h"]))
            if (row["instance_type"], row["region"]) in by_region:
                place = (row["instance_type"], row["region"], row["snapshot_seq"])
                before = cheapest.get(place)
                if before is None or spot.micro_usd_per_hour < before.micro_usd_per_hour:
                    cheapest[place] = replace(spot, source=f"{spot.source}; the cheapest zone")
            else:
                yield replace(spot, zone=row["zone_id"])
    yield from cheapest.values()


def _dstack_rows(market: str) -> list[dict[str, str]]:
    return [row for row in _read("aws_p5en_offers_dstack_2026-08-06.csv") if row["market"] == market]


def _dstack() -> Iterator[PriceRow]:
    """Prices by region: spot is that of its cheapest zone, so a region has one history of cheapest zones."""
    for word, market in (("spot", Market.SPOT), ("on-demand", Market.ON_DEMAND)):
        for row in _dstack_rows(word):
            yield PriceRow(
                provider="aws",
                region=row["region"],
                zone=None,
                machine=row["instance_type"],
                market=market,
                micro_usd_per_hour=micro_usd(row["usd_per_hour"]),
                observed_at=_moment(row["date"]),
                source=f"{DSTACK}; the cheapest zone" if market is Market.SPOT else DSTACK,
            )


def _reserved() -> Iterator[PriceRow]:
    for row in _read("aws_ri_us_east_1_leanercloud.csv"):
        price = micro_usd(row["linux_std_ri_1y_allupfront_usd_h"])
        if price:
            yield PriceRow(
                provider="aws",
                region="us-east-1",
                zone=None,
                machine=row["instance_type"],
                market=Market.RESERVED_1Y,
                micro_usd_per_hour=price,
                observed_at=RESERVED_DATE,
                source=RESERVED,
                term="All Upfront",
                upfront_micro_usd=price * HOURS_PER_YEAR,
            )


def _blocks() -> Iterator[PriceRow]:
    """Rates of Capacity Blocks without dates of a block, where the source names the region."""
    for row in _read("aws_capacity_block_rates.csv"):
        seen = BLOCK_DATES.get(row["as_of"][:7])
        if seen is not None:
            yield PriceRow(
                provider="aws",
                region=row["region"],
                zone=None,
                machine=row["instance_type"],
                market=Market.CAPACITY_BLOCK,
                micro_usd_per_hour=micro_usd(row["usd_per_instance_hour"]),
                observed_at=seen,
                source=BLOCKS,
            )


def _gcp_snapshot() -> list[dict[str, str]]:
    return [row for row in _read("gcp_gpu_prices_2026-07-30.csv") if row["offered_in_region_2026-08-17"] == "1"]


def _offered_on_gcp() -> set[tuple[str, str]]:
    return {(row["machine_type"], row["region"]) for row in _read("gcp_gpu_machine_regions_2026-08-17.csv")}


def _gcp_history() -> Iterator[PriceRow]:
    """Whole-machine prices by region with the bundled SSD; a price already in force when the history begins is kept.

    The history also has machines whose GPU has no price in a region: there it adds up the other parts alone. The last
    snapshot leaves those out.
    """
    complete = {(row["machine_type"], row["region"]) for row in _gcp_snapshot()}
    rows = [row for row in _read("gcp_gpu_prices_history.csv") if (row["machine_type"], row["region"]) in complete]
    newest = max(moment(row["commit_time"]) for row in rows)
    for column, market in (("hour", Market.ON_DEMAND), ("hour_spot", Market.SPOT)):
        series: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
        for row in rows:
            if row[column]:
                fact = PriceRow(
                    provider="gcp",
                    region=row["region"],
                    zone=None,
                    machine=row["machine_type"],
                    market=market,
                    micro_usd_per_hour=micro_usd(row[column]),
                    observed_at=moment(row["commit_time"]),
                    source=CYCLENERD.format(commit=row["commit"][:8]),
                )
                series[row["machine_type"], row["region"]].append(fact)
        for facts in series.values():
            moves = changes_of(facts)
            moves[-1] = replace(moves[-1], confirmed_at=newest)
            earlier = [fact for fact in moves if fact.observed_at < GCP_HISTORY_FROM][-1:]
            yield from [*earlier, *(fact for fact in moves if fact.observed_at >= GCP_HISTORY_FROM)]


def _gcp_commitments() -> Iterator[PriceRow]:
    """Committed-use prices of the last snapshot: a month's price over 730 hours."""
    seen = datetime(2026, 7, 30, tzinfo=UTC)
    for row in _gcp_snapshot():
        for column, market in (("cud_1y_usd_month", Market.RESERVED_1Y), ("cud_3y_usd_month", Market.RESERVED_3Y)):
            if row[column]:
                yield PriceRow(
                    provider="gcp",
                    region=row["region"],
                    zone=None,
                    machine=row["machine_type"],
                    market=market,
                    micro_usd_per_hour=micro_usd(Decimal(row[column]) / HOURS_PER_MONTH),
                    observed_at=seen,
                    source=CYCLENERD.format(commit="fd66b26f"),
                )


def _gcp_components() -> Iterator[PriceRow]:
    """Spot prices of machines whose parts are priced apart: host, eight GPUs, and the local SSD of the region."""
    rows = [row for row in _read("gcp_components_skypilot_006059e0.csv") if row["spot_usd_h"]]
    spot = {(row["kind"], row["name"], row["zone"]): Decimal(row["spot_usd_h"]) for row in rows}
    disks = _spot_disk_prices(spot)
    offered = _offered_on_gcp()
    for machine, gpu in (("a3-ultragpu-8g", "H200"), ("a4-highgpu-8g", "B200")):
        for (kind, name, zone), host in spot.items():
            region = zone.rpartition("-")[0]
            if kind != "host" or name != machine or (machine, region) not in offered or region not in disks:
                continue
            gpus = spot.get(("gpu", gpu, zone))
            if gpus:
                gib = Decimal(machines()[machine].local_nvme_gib or 0)
                yield PriceRow(
                    provider="gcp",
                    region=region,
                    zone=zone,
                    machine=machine,
                    market=Market.SPOT,
                    micro_usd_per_hour=micro_usd(host + gpus + gib * disks[region] / HOURS_PER_MONTH),
                    observed_at=COMPONENTS_DATE,
                    source=COMPONENTS,
                )


def _spot_disk_prices(spot: dict[tuple[str, str, str], Decimal]) -> dict[str, Decimal]:
    """Price of a GiB-month of local SSD on spot by region: what a whole a3-highgpu-8g costs beyond host and GPUs.

    Google states it in hundredths of a cent, so the rest is rounded there.
    """
    whole: dict[str, Decimal] = {}
    for row in _read("gcp_gpu_prices_history.csv"):
        seen = moment(row["commit_time"])
        if row["machine_type"] == "a3-highgpu-8g" and row["hour_spot"] and seen < COMPONENTS_BEFORE:
            whole[row["region"]] = Decimal(row["hour_spot"])
    gib = Decimal(machines()["a3-highgpu-8g"].local_nvme_gib or 0)
    disks: dict[str, Decimal] = {}
    for (kind, name, zone), host in spot.items():
        region = zone.rpartition("-")[0]
        gpu = spot.get(("gpu", "H100", zone))
        if kind == "host" and name == "a3-highgpu-1g" and gpu and region in whole:
            rest = (whole[region] - 8 * (host + gpu)) * HOURS_PER_MONTH / gib
            disks[region] = Decimal(half_even(rest * 10_000)) / 10_000
    return disks
