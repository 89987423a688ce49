"""The price book on a file: observations stored per second, the size of a large book, and the latest price per zone."""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.measure import head, row
from pricing.book import SpotRule
from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.store import Filter, PriceBook

ABOUT = "the price book: bulk writes, size, latest price per zone"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SERIES = 4_000
# As many zones as sell a machine of eight H100 today, and then some.
ZONES = 40
BATCH = 100_000


def run(arguments: Sequence[str]) -> None:
    """Fill a book batch by batch, then ask it; `--rows` is how many observations (default a million)."""
    parser = argparse.ArgumentParser(prog="python -m bench prices", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.sqlite3"
        with PriceBook.open(f"sqlite:///{path}") as book:
            seconds, used = _fill(book, given.rows)
            _, again = _store(book, next(_batches(given.rows)))
            last, mean = _ask(book, "last"), _ask(book, "mean")
            figures = {
                "observations": f"{given.rows:,}",
                "stored per s, wall": f"{given.rows / seconds:,.0f}",
                "stored per s, cpu": f"{given.rows / used:,.0f}",
                "known again per s, cpu": f"{BATCH / again:,.0f}",
                "bytes each": f"{_size(path) / given.rows:.1f}",
                "MB": f"{_size(path) / 1e6:,.0f}",
                f"latest of {ZONES} zones: ms, cpu ms": f"{last[0]:.1f}, {last[1]:.1f}",
                "their 30-day means: ms, cpu ms": f"{mean[0]:.0f}, {mean[1]:.0f}",
            }
    print(head(*figures))
    print(row(*figures.values()))


def _batches(rows: int) -> Iterator[list[PriceRow]]:
    """Yield spot rows in the order of time, spread over all series, prices that walk."""
    rng = random.Random(0)
    per_series = max(1, rows // SERIES)
    step = timedelta(days=90) / per_series
    prices = [rng.randint(5_000_000, 60_000_000) for _ in range(SERIES)]
    batch: list[PriceRow] = []
    for number in range(rows):
        series, turn = number % SERIES, number // SERIES
        prices[series] = max(4_000_000, prices[series] + rng.randint(-50_000, 50_000))
        zone = series % ZONES
        batch.append(
            PriceRow(
                provider="aws",
                region=f"region-{zone // 4}",
                zone=f"zone-{zone}",
                machine=f"machine-{series // ZONES}",
                market=Market.SPOT,
                micro_usd_per_hour=prices[series],
                observed_at=NOW - timedelta(days=90) + step * turn + timedelta(seconds=series),
                source="bench",
            )
        )
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _fill(book: PriceBook, rows: int) -> tuple[float, float]:
    seconds = used = 0.0
    for batch in _batches(rows):
        wall, cpu = _store(book, batch)
        seconds, used = seconds + wall, used + cpu
    return seconds, used


def _store(book: PriceBook, batch: Sequence[PriceRow]) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    book.import_rows(batch, recorded_at=NOW, source_file="bench")
    return time.perf_counter() - began, time.process_time() - used


def _size(path: Path) -> int:
    return sum(found.stat().st_size for found in path.parent.iterdir())


def _ask(book: PriceBook, basis: str) -> tuple[float, float]:
    """Return the median wall and processor time of asking for one machine in all its zones, in ms."""
    rule = SpotRule(basis=basis)  # type: ignore[arg-type]
    walls, used = [], []
    for number in range(40):
        began, cpu = time.perf_counter(), time.process_time()
        offers = book.offers(NOW, rule, Filter(machine=f"machine-{number}", market="spot"))
        walls.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - cpu))
        assert len(offers) == ZONES
    return statistics.median(walls), statistics.median(used)
