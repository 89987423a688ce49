"""The price book on PostgreSQL: the same code, the same answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from postgres_builders import postgres, why_not
from price_builders import NOW, days_ago, row, spot

from pricing.book import SpotRule
from pricing.collection import record_portion
from pricing.collection_records import begin, collections
from pricing.collectors.base import PlacementScore, Portion
from pricing.lease import Lease
from pricing.observation import PriceRow
from pricing.store import PriceBook

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]
LAST = SpotRule(basis="last")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Yield the address of an empty server."""
    with postgres() as found:
        yield found


def collect(book: PriceBook, rows: list[PriceRow], day: float, part: str) -> None:
    """Record one run of one part."""
    at = days_ago(day)
    dated = part == "spot"
    seen = tuple(rows if dated else (replace(each, observed_at=at) for each in rows))
    score = PlacementScore(region="us-east-1", zone="use1-az6", machine="p5.48xlarge", nodes=8, score=3)
    portion = Portion(region="us-east-1", part=part, rows=seen, dated=dated, scores=(score,))
    record_portion(book.engine, begin(book.engine, "aws", "a test"), "aws", portion, at)


def fill(book: PriceBook) -> None:
    """Collect, import, back-fill, correct and withdraw."""
    collect(book, [row(55), row(22, machine="p4d.24xlarge")], 9, "price_list")
    collect(book, [row(55)], 5, "price_list")
    collect(book, [spot(20, days=8), spot(21, days=7)], 6, "spot")
    collect(book, [spot(20.5, days=7)], 4, "spot")
    book.import_rows([row(48, days=7, confirmed_at=days_ago(6)), spot(19, days=20)], recorded_at=NOW)
    collect(book, [row(56)], 1, "price_list")


def test_postgresql_answers_what_sqlite_answers(address: str, tmp_path: Path) -> None:
    """The same runs and imports give the same rows, offers at several moments, and records of runs."""
    with PriceBook.open(address) as there, PriceBook.open(f"sqlite:///{tmp_path / 'book.sqlite3'}") as here:
        for book in (there, here):
            fill(book)
        assert there.rows() == here.rows()
        for day in (8, 6.5, 3, 0):
            for rule in (LAST, SpotRule()):
                assert there.offers(days_ago(day), rule) == here.offers(days_ago(day), rule)
        assert [c.runs for c in collections(there.engine)] == [c.runs for c in collections(here.engine)]
        again = there.import_rows(there.rows(), recorded_at=NOW + timedelta(hours=1))
        assert again.new == 0


def test_a_lease_on_postgresql_is_held_by_one(address: str) -> None:
    """The update that takes a lease is atomic there too."""
    with PriceBook.open(address) as book:
        first, second = (Lease(book.engine, "a thing", holder=f"host-{n}:{n}x") for n in (1, 2))
        assert [first.hold(), second.hold(), first.hold()] == [True, False, True]
