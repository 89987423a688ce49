"""The price book: what is stored, what counts as of a moment, and what complete runs confirm."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_builders import NOW, days_ago, row, spot
from sqlalchemy import insert

from pricing.book import SpotRule
from pricing.collection import record_portion
from pricing.collection_records import Run, begin, collections, placement_scores
from pricing.collectors.base import PlacementScore, Portion
from pricing.errors import DatabaseUnavailable, PermissionMissing, ProviderUnavailable
from pricing.migrations import migrate, open_engine
from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.records import IMPORTS
from pricing.schema_steps import STEPS
from pricing.store import Filter, PriceBook

LAST = SpotRule(basis="last")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[PriceBook]:
    """Yield an empty book on a file."""
    with PriceBook.open(f"sqlite:///{tmp_path / 'book.sqlite3'}") as opened:
        yield opened


def collected(book: PriceBook, at: datetime, *rows: PriceRow, **about: object) -> Run:
    """Record one run of one part with these rows, each seen at its moment."""
    collection = begin(book.engine, "aws", "a test")
    seen = tuple(each if about.get("dated") else replace(each, observed_at=at) for each in rows)
    portion = Portion(**{"region": "us-east-1", "part": "price_list", "rows": seen, **about})
    return record_portion(book.engine, collection, "aws", portion, at)


def seen(book: PriceBook) -> list[tuple[int, datetime, datetime | None]]:
    """Return price, observed and confirmed of every row."""
    return [(r.micro_usd_per_hour // 1_000_000, r.observed_at, r.confirmed_at) for r in book.rows()]


def test_collecting_twice_adds_nothing_and_confirms(book: PriceBook) -> None:
    """The second run adds no point; the price keeps its first moment and is confirmed at the second."""
    first = collected(book, days_ago(2), row(55))
    second = collected(book, days_ago(1), row(55))
    assert (first.rows_new, second.rows_new) == (1, 0)
    assert seen(book) == [(55, days_ago(2), days_ago(1))]


def test_history_holds_changes_only(book: PriceBook) -> None:
    """55, 55, 50, 50, 55 are three points; each is confirmed by the last run that saw it."""
    for day, usd in ((9, 55), (8, 55), (7, 50), (6, 50), (5, 55)):
        collected(book, days_ago(day), row(usd))
    assert seen(book) == [
        (55, days_ago(9), days_ago(8)),
        (50, days_ago(7), days_ago(6)),
        (55, days_ago(5), days_ago(5)),
    ]


def test_another_source_is_no_change(book: PriceBook) -> None:
    """A price list that is published anew with the same price adds nothing; another upfront fee does."""
    collected(book, days_ago(3), row(55, source="list of May"))
    assert collected(book, days_ago(2), row(55, source="list of June")).rows_new == 0
    assert collected(book, days_ago(1), row(55, upfront_micro_usd=7)).rows_new == 1


@pytest.mark.parametrize("rows", [(), (row(55),)])
def test_a_failed_or_partial_run_refreshes_nothing(book: PriceBook, rows: tuple[PriceRow, ...]) -> None:
    """Neither a run without rows nor one that saw the price before it failed confirms it, or withdraws it."""
    collected(book, days_ago(2), row(55))
    run = collected(book, days_ago(1), *rows, failure=ProviderUnavailable("gone"))
    assert run.outcome == ("partial" if rows else "failed")
    (offer,) = book.offers(NOW, LAST)
    assert (offer.confirmed_at, offer.withdrawn_at) == (days_ago(2), None)
    assert offer.age(NOW) == timedelta(days=2)


def test_a_denied_part_confirms_nothing_and_is_told(book: PriceBook) -> None:
    """What the account may not see is recorded as denied, with the permission."""
    denied = PermissionMissing("no", permission="savingsplans:DescribeSavingsPlansOfferingRates")
    run = collected(book, NOW, failure=denied, optional=True)
    assert (run.outcome, run.permission) == ("denied", denied.permission)
    assert collections(book.engine)[0].runs[0].permission == denied.permission


def test_what_a_complete_run_no_longer_sees_is_withdrawn_and_never_deleted(book: PriceBook) -> None:
    """The row stays, its age counts from the run that saw it last; back again, it is confirmed anew."""
    other = row(22, machine="p4d.24xlarge")
    collected(book, days_ago(4), row(55), other)
    collected(book, days_ago(3), row(55), other)
    collected(book, days_ago(2), row(55))
    gone = {o.machine: o for o in book.offers(NOW, LAST)}["p4d.24xlarge"]
    assert (gone.confirmed_at, gone.withdrawn_at) == (days_ago(3), days_ago(2))
    before = {o.machine: o for o in book.offers(days_ago(2.5), LAST)}["p4d.24xlarge"]
    assert before.withdrawn_at is None
    collected(book, days_ago(1), row(55), other)
    back = {o.machine: o for o in book.offers(NOW, LAST)}["p4d.24xlarge"]
    assert (back.observed_at, back.confirmed_at, back.withdrawn_at) == (days_ago(4), days_ago(1), None)
    assert len(book.rows()) == 2


def test_one_region_neither_confirms_nor_withdraws_another(book: PriceBook) -> None:
    """A run covers its own region and part; rows of others keep their age."""
    collected(book, days_ago(3), row(55, region="eu-west-1"), region="eu-west-1")
    collected(book, days_ago(1), row(55))
    ages = {o.region: (o.confirmed_at, o.withdrawn_at) for o in book.offers(NOW, LAST)}
    assert ages == {"eu-west-1": (days_ago(3), None), "us-east-1": (days_ago(1), None)}


def test_confirmations_after_the_moment_do_not_count(book: PriceBook) -> None:
    """As of a moment between two runs the first one's confirmation counts."""
    collected(book, days_ago(5), row(55))
    collected(book, days_ago(1), row(55))
    (offer,) = book.offers(days_ago(3), LAST)
    assert offer.confirmed_at == days_ago(5)


def test_a_late_run_adds_and_confirms_nothing_and_the_later_run_stays_right(book: PriceBook) -> None:
    """A run of an earlier moment that is stored later adds its price then; what the later run saw holds from it on."""
    collected(book, days_ago(9), row(55))
    collected(book, days_ago(3), row(55))
    late = collected(book, days_ago(6), row(50))
    assert (late.outcome, late.rows_new) == ("late", 1)
    prices = {day: book.offers(days_ago(day), LAST)[0].micro_usd_per_hour for day in (8, 5, 2)}
    assert prices == {8: 55_000_000, 5: 50_000_000, 2: 55_000_000}


def test_back_fill_does_not_overrule_a_later_complete_run(book: PriceBook) -> None:
    """An imported row of a moment before a run that saw another price holds until that run."""
    collected(book, days_ago(9), row(55))
    collected(book, days_ago(3), row(55))
    book.import_rows([row(48, days=6)], recorded_at=NOW)
    prices = {day: book.offers(days_ago(day), LAST)[0].micro_usd_per_hour for day in (8, 5, 2)}
    assert prices == {8: 55_000_000, 5: 48_000_000, 2: 55_000_000}
    assert book.import_rows([row(48, days=6)], recorded_at=NOW).new == 0


def test_spot_history_arrives_in_any_order(book: PriceBook) -> None:
    """Rows with the provider's own moments are kept all, whatever order they come in; twice adds nothing."""
    late, early, middle = spot(21, days=1), spot(19, days=9), spot(20, days=5)
    for day, each in ((0.9, late), (0.8, early), (0.7, middle)):
        collected(book, days_ago(day), each, dated=True, part="spot")
    assert collected(book, days_ago(0.1), early, middle, late, dated=True, part="spot").rows_new == 0
    assert [price for price, *_ in seen(book)] == [19, 20, 21]


def test_a_correction_of_the_provider_counts_and_the_first_word_stays(book: PriceBook) -> None:
    """The same moment with another price: both rows are kept, the one that came last counts."""
    collected(book, days_ago(2), spot(20, days=5), dated=True, part="spot")
    collected(book, days_ago(1), spot(21, days=5), dated=True, part="spot")
    assert [price for price, *_ in seen(book)] == [20, 21]
    assert book.offers(NOW, LAST)[0].micro_usd_per_hour == 21_000_000


def test_implausible_rows_are_rejected_by_name_and_the_rest_is_stored(book: PriceBook) -> None:
    """A price of a fraction of a cent is no price of a machine; it is counted and named."""
    run = collected(book, NOW, row(55), row(0.001, machine="p4d.24xlarge"))
    assert (run.rows_seen, run.rows_rejected) == (1, 1)
    assert "p4d.24xlarge" in run.rejected[0].what


def test_the_record_of_a_run_says_who_when_what_and_how_long(book: PriceBook) -> None:
    """Asker, moment, provider, region, part, calls, rows seen, new and rejected, failure and seconds read back."""
    collected(book, NOW, row(55), calls=7, seconds=1.5, failure=ProviderUnavailable("went away"))
    (found,) = collections(book.engine)
    (run,) = found.runs
    assert (found.provider, found.asked_by, found.outcome) == ("aws", "a test", "running")
    assert (run.region, run.part, run.calls, run.rows_seen, run.rows_new, run.seconds) == (
        "us-east-1",
        "price_list",
        7,
        1,
        1,
        1.5,
    )
    assert (run.failure, run.failure_kind, run.at) == ("went away", "ProviderUnavailable", NOW)


def test_placement_scores_are_kept_for_a_day(book: PriceBook) -> None:
    """The newest score of a zone counts, for 24 hours."""
    for day, number in ((0.5, 3), (0.25, 7)):
        score = PlacementScore(region="us-east-1", zone="use1-az6", machine="p5.48xlarge", nodes=8, score=number)
        collected(book, days_ago(day), scores=(score,), part="placement_score")
    assert [s.score for s in placement_scores(book.engine, now=NOW)] == [7]
    assert placement_scores(book.engine, now=NOW + timedelta(days=1)) == []


def test_a_copied_database_exports_the_same_rows(book: PriceBook, tmp_path: Path) -> None:
    """Importing an export elsewhere gives the same export, confirmations of runs included; again adds nothing."""
    for day, usd in ((9, 55), (8, 55), (7, 50)):
        collected(book, days_ago(day), row(usd))
    collected(book, days_ago(6), spot(20, days=8), spot(21, days=7), dated=True, part="spot")
    with PriceBook.open(f"sqlite:///{tmp_path / 'copy.sqlite3'}") as copy:
        copy.import_rows(book.rows(), recorded_at=NOW)
        assert copy.rows() == book.rows()
        assert copy.import_rows(book.rows(), recorded_at=NOW).new == 0


def test_a_book_of_the_first_step_is_brought_over(tmp_path: Path) -> None:
    """Rows, their order within a moment, confirmations and import times survive the second schema step."""
    path = tmp_path / "old.sqlite3"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine, "prices", STEPS[:1])
    with engine.begin() as connection:
        connection.execute(insert(IMPORTS).values(id=1, recorded_us=1_000_000, source_file="a.csv"))
    engine.dispose()
    with sqlite3.connect(path) as raw:
        identity = json.dumps(["aws", "us-east-1", None, "p5.48xlarge", "on_demand", "linux", None, None, None])
        raw.execute(
            "INSERT INTO price_series VALUES (1, ?, 'aws', 'us-east-1', '', 'p5.48xlarge', 'on_demand', 'linux', '', NULL, NULL)",
            (identity,),
        )
        told = [(1, 98_320_000, 5_000_000), (2, 55_000_000, 5_000_000), (3, 55_040_000, 6_000_000)]
        raw.executemany(
            "INSERT INTO price_observation VALUES (?, 1, 1, ?, ?, 'USD', NULL, NULL, NULL, 'old')",
            [(number, at, micro) for number, micro, at in told],
        )
        raw.execute("INSERT INTO price_confirmation VALUES (1, 3, 9000000, 1)")
    raw.close()
    with PriceBook.open(f"sqlite:///{path}") as book:
        found = book.rows()
        assert [r.micro_usd_per_hour for r in found] == [98_320_000, 55_000_000, 55_040_000]
        assert [r.confirmed_at and r.confirmed_at.second for r in found] == [None, None, 9]
        assert {r.recorded_at and r.recorded_at.second for r in found} == {1}
        again = [replace(r, recorded_at=None) for r in found]
        assert book.import_rows(again, recorded_at=NOW).new == 0


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """A database of a later version is not touched; the message says what to do."""
    path = tmp_path / "new.sqlite3"
    PriceBook.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO schema_steps VALUES ('prices', 99, 'later')")
    raw.close()
    with pytest.raises(DatabaseUnavailable, match="newer version"):
        PriceBook.open(f"sqlite:///{path}")


ARRIVALS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(10, 14)), min_size=1, max_size=25).map(
    lambda found: [spot(usd, days=day, zone=f"use1-az{zone}") for zone, day, usd in found]
)


@given(ARRIVALS, st.integers(1, 5), st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_as_of_any_moment_the_answer_is_the_last_row_said_by_then(rows: list[PriceRow], cut: int, day: int) -> None:
    """However rows are cut into imports, the newest by then counts; of equal moments the one that came last."""
    with PriceBook.open("sqlite://") as book:
        for begun in range(0, len(rows), cut):
            book.import_rows(rows[begun : begun + cut], recorded_at=NOW)
        found = {o.zone: o.micro_usd_per_hour for o in book.offers(days_ago(day), LAST)}
    expected: dict[str | None, PriceRow] = {}
    for each in rows:
        if each.observed_at <= days_ago(day) and (
            each.zone not in expected or each.observed_at >= expected[each.zone].observed_at
        ):
            expected[each.zone] = each
    assert found == {zone: each.micro_usd_per_hour for zone, each in expected.items()}


def test_filters_restrict_what_is_read(book: PriceBook) -> None:
    """Machine and market restrict history and offers alike."""
    book.import_rows([row(55), row(22, machine="p4d.24xlarge"), spot(20, days=1)], recorded_at=NOW)
    assert len(book.rows(Filter(machine="p5.48xlarge"))) == 2
    assert [o.market for o in book.offers(NOW, LAST, Filter(machine="p5.48xlarge", market="spot"))] == [Market.SPOT]
