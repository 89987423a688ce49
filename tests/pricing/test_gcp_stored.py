"""GCP collections in the price book and on the command line: filled from nothing, unchanged when nothing changed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gcp_builders import A3_HIGH, GcpDouble, a3_skus, error, machine_type, serving, sku

from pricing.book import SpotRule
from pricing.collection import collect
from pricing.collection_records import Collection
from pricing.collectors.base import Request
from pricing.collectors.gcp import GcpCollector
from pricing.collectors.gcp_clients import Waiting
from pricing.moments import moment_text
from pricing.offer import Offer
from pricing.store import PriceBook

NOW = datetime.now(UTC).replace(microsecond=0)
LATER = NOW + timedelta(seconds=1)
A3_PLAIN = machine_type("a3-highgpu-8g")


@pytest.fixture
def double() -> Iterator[GcpDouble]:
    """A double that sells a3-highgpu-8g without local SSDs in two regions."""
    regions = ("us-central1", "europe-west4")
    held = GcpDouble(
        skus=[
            *a3_skus(core="0.025", ram="0.002", gpu="9", regions=regions),
            *a3_skus("Spot Preemptible ", core="0.007", ram="0.0006", gpu="3", regions=regions),
        ],
        machines={"us-central1-a": [A3_PLAIN], "europe-west4-b": [A3_PLAIN]},
    )
    with serving(held):
        yield held


@pytest.fixture
def book(tmp_path: Path) -> Iterator[PriceBook]:
    """An empty price book."""
    with PriceBook.open(f"sqlite:///{tmp_path / 'book.sqlite3'}") as opened:
        yield opened


def run(book: PriceBook, double: GcpDouble, at: datetime = NOW, *regions: str) -> Collection:
    """Collect once as of a moment."""
    collector = GcpCollector(double.access, Waiting(timeout_seconds=5.0, pause_seconds=0.01))
    return collect(book.engine, collector, Request(now=at, regions=regions), asked_by="a test")


def offers(book: PriceBook, at: datetime = LATER) -> dict[tuple[str, str], Offer]:
    """Return the offers of a3-highgpu-8g by region and market."""
    return {(offer.region, str(offer.market)): offer for offer in book.offers(at, SpotRule(basis="last"))}


def test_collecting_twice_adds_nothing_and_confirms(book: PriceBook, double: GcpDouble) -> None:
    """The second collection of unchanged prices adds no row and confirms all of them."""
    first, second = run(book, double), run(book, double, LATER)
    assert (first.outcome, first.rows_new, second.outcome, second.rows_new) == ("complete", 4, "complete", 0)
    assert {offer.confirmed_at for offer in offers(book).values()} == {LATER}


def test_a_price_that_is_dated_anew_is_no_change(book: PriceBook, double: GcpDouble) -> None:
    """The catalog dates prices anew every day; an unchanged spot price stays one row, a changed one becomes two."""
    run(book, double)
    spot = [one for one in double.skus if one["description"].startswith("Spot")]
    for one in spot:
        one["pricingInfo"][0]["effectiveTime"] = moment_text(NOW)
    assert run(book, double, LATER).rows_new == 0
    spot[2]["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]["units"] = "4"
    assert run(book, double, LATER + timedelta(seconds=1)).rows_new == 2
    found = offers(book, LATER + timedelta(seconds=2))["us-central1", "spot"]
    assert found.micro_usd_per_hour == 34_579_200
    assert found.observed_at == NOW


def test_a_spot_price_corrected_without_a_new_moment_counts(book: PriceBook, double: GcpDouble) -> None:
    """A spot price that changes under the same effectiveTime is what holds from then on."""
    run(book, double)
    double.skus[5]["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]["units"] = "4"
    run(book, double, LATER)
    assert offers(book, LATER)["us-central1", "spot"].micro_usd_per_hour == 34_579_200


def test_a_failed_collection_changes_no_age(book: PriceBook, double: GcpDouble) -> None:
    """A catalog that fails leaves every price as it was: no row, no confirmation, nothing withdrawn."""
    run(book, double)
    before = offers(book)
    double.fault = lambda path: error(500, "Internal error") if path.endswith("/skus") else None
    failed = run(book, double, LATER)
    assert (failed.outcome, failed.failure_kind) == ("failed", "ProviderUnavailable")
    assert offers(book) == before


def test_one_region_s_failure_does_not_stop_the_others(book: PriceBook, double: GcpDouble) -> None:
    """A zone that Google cannot reach leaves its region unconfirmed; the other region is."""
    run(book, double)
    double.warnings = {"europe-west4-a": {"code": "UNREACHABLE", "message": "no answer"}}
    assert run(book, double, LATER).outcome == "partial"
    found = offers(book)
    assert found["us-central1", "spot"].confirmed_at == LATER
    assert found["europe-west4", "spot"].confirmed_at == NOW


def test_a_price_that_cannot_be_read_is_not_withdrawn(book: PriceBook, double: GcpDouble) -> None:
    """A SKU that becomes unreadable leaves the stored price as it was, unconfirmed; other markets are confirmed."""
    run(book, double)
    rate = double.skus[5]["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]
    rate["nanos"] = -1
    assert run(book, double, LATER).outcome == "partial"
    found = offers(book)
    assert (found["us-central1", "spot"].withdrawn_at, found["us-central1", "spot"].confirmed_at) == (None, NOW)
    assert found["us-central1", "on_demand"].confirmed_at == LATER


def test_a_machine_that_is_no_longer_offered_is_withdrawn(book: PriceBook, double: GcpDouble) -> None:
    """Where the last zone stops offering a machine its prices are marked as withdrawn, and confirmed no longer."""
    run(book, double)
    double.machines["europe-west4-b"] = [{**A3_PLAIN, "deprecated": {"state": "OBSOLETE"}}]
    run(book, double, LATER)
    found = offers(book)
    assert (found["europe-west4", "spot"].withdrawn_at, found["europe-west4", "spot"].confirmed_at) == (LATER, NOW)
    assert (found["us-central1", "spot"].withdrawn_at, found["us-central1", "spot"].confirmed_at) == (None, LATER)


def advisor(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder without any credentials or settings but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADVISOR_", "GOOGLE_", "AWS_"))}
    database = f"sqlite:///{folder / 'prices.sqlite3'}"
    command = Path(sys.executable).with_name("advisor")
    return subprocess.run(
        [command, "prices", *words],
        cwd=folder,
        env={**kept, "ADVISOR_DATABASE_URL": database, "CLOUDSDK_CONFIG": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_fills_an_empty_database_without_credentials(double: GcpDouble, tmp_path: Path) -> None:
    """`advisor prices collect --provider gcp` with two endpoint settings fills an empty database from an empty folder."""
    double.skus += [
        sku("SSD backed Local Storage", "0.08"),
        sku("Nvidia R100 GPU running in Iowa", id="77AA-BB11-CC22"),
    ]
    double.machines["us-central1-a"] = [A3_HIGH]
    done = advisor(tmp_path, "collect", "--provider", "gcp", **double.environment)
    assert done.returncode == 0, done.stderr
    assert "77AA-BB11-CC22" in done.stderr
    with PriceBook.open(f"sqlite:///{tmp_path / 'prices.sqlite3'}") as book:
        stored = {(row.region, str(row.market)): (row.micro_usd_per_hour, row.zone) for row in book.rows()}
    assert stored == {
        ("us-central1", "on_demand"): (81_601_534, None),
        ("europe-west4", "on_demand"): (80_944_000, None),
        ("europe-west4", "spot"): (26_579_200, None),
    }


def test_against_errors_only_the_command_ends_soon_and_says_why(double: GcpDouble, tmp_path: Path) -> None:
    """A provider that only answers errors: exit 5 within two minutes, one line that says what failed, no traceback."""
    double.fault = lambda _path: error(503, "Service Unavailable")
    begun = time.monotonic()
    done = advisor(tmp_path, "collect", "--provider", "gcp", "--json", **double.environment)
    assert time.monotonic() - begun < 110
    assert done.returncode == 5
    assert "503: Service Unavailable" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["collections"][0]["failure_kind"] == "ProviderUnavailable"
