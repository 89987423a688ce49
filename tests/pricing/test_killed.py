"""A collection that is killed at any moment leaves a whole database, and the next one goes on."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from aws_builders import FakeAws, Region, spot_row, us_east

from pricing.collection_records import collections
from pricing.sheet import write_prices
from pricing.store import PriceBook

ROUNDS = 8


def large_aws() -> FakeAws:
    """Return an AWS of several regions with long histories, so that a collection takes a while."""
    found: list[Region] = []
    for number, name in enumerate(("us-east-1", "us-east-2", "us-west-2", "eu-west-1")):
        zones = {f"{name}{letter}": f"z{number}-az{letter}" for letter in "abc"}
        history = [
            spot_row(zone, f"{15 + hour % 9}.5", f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:00:00")
            for zone in zones
            for hour in range(500)
        ]
        own = us_east()
        products = [
            {**p, "product": {**p["product"], "attributes": {**p["product"]["attributes"], "regionCode": name}}}
            for p in own.products
        ]
        found.append(replace(own, name=name, zones=zones, spot=history, products=products, blocks=[], rates=[]))
    return FakeAws(found)


def collect_in(folder: Path, url: str) -> "subprocess.Popen[bytes]":
    """Start a collection as its user would."""
    environment = {
        **os.environ,
        "ADVISOR_DATABASE_URL": f"sqlite:///{folder / 'book.sqlite3'}",
        "ADVISOR_AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    words = [
        sys.executable,
        "-c",
        "from advisor.cli.main import main; main()",
        "prices",
        "collect",
        "--provider",
        "aws",
        "--since",
        "2026-11-01T00:00:00Z",
    ]
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def runs_in(path: Path) -> int:
    """Count the runs that a database holds; none where there is no database yet."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
            return int(raw.execute("SELECT count(*) FROM price_run").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for_runs(path: Path, *, more_than: int, program: "subprocess.Popen[bytes]") -> None:
    """Wait until the database holds more runs, or the program has ended."""
    while program.poll() is None and runs_in(path) <= more_than:
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_at_any_moment_the_book_is_whole_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """After each SIGKILL the file passes SQLite's check, every run that counts as complete has all its rows, and the
    collection that nobody kills brings the same rows as one that was never disturbed.
    """
    rng, path = random.Random(7), tmp_path / "book.sqlite3"
    (tmp_path / "calm").mkdir()
    with large_aws().running() as server:
        calm = collect_in(tmp_path / "calm", server.url)
        assert calm.wait(120) == 0, calm.communicate()[1].decode()
        calm.communicate()
        killed = 0
        for _ in range(ROUNDS):
            running = collect_in(tmp_path, server.url)
            wait_for_runs(path, more_than=runs_in(path) + rng.randint(0, 12), program=running)
            time.sleep(rng.random() * 0.2)
            killed += running.poll() is None
            running.send_signal(signal.SIGKILL)
            running.communicate()
            with closing(sqlite3.connect(path)) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            with PriceBook.open(f"sqlite:///{path}") as book:
                complete_runs_have_their_rows(book)
        assert killed, "some collection was killed while it ran"
        last = collect_in(tmp_path, server.url)
        assert last.wait(120) == 0, last.communicate()[1].decode()
        last.communicate()
    with (
        PriceBook.open(f"sqlite:///{path}") as book,
        PriceBook.open(f"sqlite:///{tmp_path}/calm/book.sqlite3") as other,
    ):
        assert collections(book.engine)[0].outcome == "complete"
        assert {c.outcome for c in collections(book.engine)[1:]} <= {"interrupted", "complete"}
        spot = [[r for r in b.rows() if r.market == "spot"] for b in (book, other)]
        assert write_prices(replace(r, confirmed_at=None) for r in spot[0]) == write_prices(
            replace(r, confirmed_at=None) for r in spot[1]
        )


def complete_runs_have_their_rows(book: PriceBook) -> None:
    """Check that what a complete run says it saw is there: 1,500 spot rows in each region, four of the list."""
    rows = book.rows()
    for collection in collections(book.engine, limit=100):
        for run in collection.runs:
            mine = [r for r in rows if r.region == run.region]
            if run.outcome == "complete" and run.part in {"spot", "price_list"}:
                wanted = [r for r in mine if (r.market == "spot") == (run.part == "spot")]
                assert len(wanted) == run.rows_seen == (1500 if run.part == "spot" else 4)
