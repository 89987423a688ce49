"""Collector runs over HTTP, and the clock that runs beside the service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from api_builders import database, service
from price_builders import NOW, row

from pricing.collection import collect
from pricing.collectors.base import Portion, Request
from pricing.errors import ProviderUnavailable
from pricing.schedule import ASKED_BY
from pricing.store import PriceBook

ADVISOR = Path(sys.executable).with_name("advisor")
ROOT = Path(__file__).parents[2]


class TwoRegions:
    """A provider of two regions, of which one does not answer."""

    provider = "aws"

    def collect(self, _request):
        """Yield a good part and a failed one."""
        yield Portion(region="us-east-1", part="price list", rows=(row(),), calls=3)
        yield Portion(region="eu-west-1", part="price list", failure=ProviderUnavailable("nobody there"), calls=1)

    def reach(self):
        """Say who answered."""
        return "a test"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a database with three collections."""
    folder = tmp_path_factory.mktemp("collections")
    with PriceBook.open(database(folder)) as book:
        for _ in range(3):
            collect(book.engine, TwoRegions(), Request(now=NOW), asked_by="a test")
    return folder


def test_runs_say_what_they_brought_and_what_failed(folder):
    """The newest comes first; each run names its region, its rows, and why it failed; pages hold each once."""
    with service(folder) as client:
        whole = client.get("/v1/collections").json()
        newest = whole["collections"][0]
        assert [run["region"] for run in newest["runs"]] == ["us-east-1", "eu-west-1"]
        assert "nobody there" in newest["runs"][1]["failure"]
        assert (whole["collections"][-1]["rows_new"], newest["rows_new"]) == (1, 0)
        first = client.get("/v1/collections?limit=2").json()
        rest = client.get("/v1/collections", params={"cursor": first["next_cursor"]}).json()
        assert first["collections"] + rest["collections"] == whole["collections"]
        assert (rest["next_cursor"], whole["schedule"]["cron"]) == (None, None)


def test_a_clock_runs_beside_the_service_and_ends_with_it(tmp_path):
    """With a schedule the service holds the clock's lease while it runs, and gives it back."""
    with PriceBook.open(database(tmp_path)) as book:
        # Collected since the last slot, so that nothing is due.
        collect(book.engine, TwoRegions(), Request(now=NOW), asked_by=ASKED_BY)
    nobody = dict.fromkeys(("aws_endpoint_url", "gcp_compute_endpoint", "gcp_billing_endpoint"), "http://127.0.0.1:9")
    with service(tmp_path, collect_schedule="0 0 1 1 *", **nobody) as client:
        schedule = client.get("/v1/collections").json()["schedule"]
        assert schedule["cron"] == "0 0 1 1 *"
        assert schedule["next_at"].endswith("-01-01T00:00:00Z")


def test_a_clock_that_cannot_be_is_refused(tmp_path):
    """A wrong cron expression ends `advisor serve` with exit 2 before anything is served."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ADVISOR_DATABASE_URL": database(tmp_path),
        "ADVISOR_COLLECT_SCHEDULE": "every now and then",
    }
    words = [str(ADVISOR), "serve", "--port", "0"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "ADVISOR_COLLECT_SCHEDULE" in done.stderr


def test_collections_are_visible_in_the_metrics(folder, tmp_path):
    """The last collection by outcome and what it added; of a database without any, nothing is claimed."""
    with service(folder) as client:
        text = client.get("/metrics").text
    (finished,) = (x for x in text.splitlines() if x.startswith("advisor_collection_finished_timestamp_seconds{"))

    assert finished.startswith('advisor_collection_finished_timestamp_seconds{outcome="partial",provider="aws"} 1.')
    assert 'advisor_collection_rows_new{outcome="partial",provider="aws"} 0.0' in text
    assert 'advisor_collections_running{provider="aws"} 0.0' in text
    with service(tmp_path) as client:
        assert "advisor_collection_finished_timestamp_seconds{" not in client.get("/metrics").text
