"""Collections by the clock: cron as cron means it, one runner of several, no overlap, catch-up after downtime."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pricing.collection_records import begin, finish
from pricing.lease import Lease, holder_of, this_program
from pricing.records import COLLECTIONS, microseconds
from pricing.schedule import ASKED_BY, LEASE, CollectionSchedule, cron_trigger, latest_slot, schedule_state
from pricing.store import PriceBook

MONDAY = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[PriceBook]:
    """Yield an empty book on a file."""
    with PriceBook.open(f"sqlite:///{tmp_path / 'book.sqlite3'}") as opened:
        yield opened


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return true()


def recording(book: PriceBook, asked: list[str], seconds: float = 0.0) -> Callable[[str], None]:
    """Return a collection that is recorded, and nothing else."""

    def collect(asked_by: str) -> None:
        asked.append(asked_by)
        number = begin(book.engine, "aws", asked_by)
        time.sleep(seconds)
        finish(book.engine, number, "complete", None, [])

    return collect


def collected_at(book: PriceBook, at: datetime) -> None:
    """Record a scheduled collection that began at a moment."""
    number = begin(book.engine, "aws", f"{ASKED_BY}, another")
    finish(book.engine, number, "complete", None, [])
    with book.engine.begin() as connection:
        mine = COLLECTIONS.update().where(COLLECTIONS.c.id == number)
        connection.execute(mine.values(started_us=microseconds(at)))


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("17 * * * *", datetime(2026, 11, 23, 13, 17, tzinfo=UTC)),
        ("0 6 * * 1", datetime(2026, 11, 30, 6, tzinfo=UTC)),  # 1 is Monday
        ("0 6 * * 0", datetime(2026, 11, 29, 6, tzinfo=UTC)),  # 0 is Sunday
        ("0 6 * * 7", datetime(2026, 11, 29, 6, tzinfo=UTC)),  # so is 7
        ("0 6 * * 5-7", datetime(2026, 11, 27, 6, tzinfo=UTC)),
        ("0 6 * * mon-fri", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("*/20 8-10 1 * *", datetime(2026, 12, 1, 8, tzinfo=UTC)),
    ],
)
def test_cron_means_what_cron_means(cron: str, expected: datetime) -> None:
    """Weekdays are cron's, times are UTC."""
    assert cron_trigger(cron).get_next_fire_time(None, MONDAY) == expected


@pytest.mark.parametrize("cron", ["", "hourly", "* * * *", "61 * * * *", "0 6 1 * 1", "0 6 * * 8", "0 6 * * fri-mon"])
def test_what_is_no_cron_expression_is_refused_with_an_example(cron: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="17"):
        cron_trigger(cron)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("17 * * * *", datetime(2026, 11, 23, 12, 17, tzinfo=UTC)),
        ("30 12 * * *", MONDAY),
        ("0 0 1 1 *", datetime(2026, 1, 1, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_latest_slot_is_the_last_moment_by_now(cron: str, expected: datetime) -> None:
    """A slot at this very moment counts; a yearly one is found too."""
    assert latest_slot(cron_trigger(cron), MONDAY) == expected


def test_a_lease_is_held_by_one_and_runs_out(book: PriceBook) -> None:
    """The second process waits until the first lets go, or its lease is over."""
    first = Lease(book.engine, "a thing", holder="host-a:1", seconds=60)
    second = Lease(book.engine, "a thing", holder="host-b:2", seconds=60)
    assert first.hold()
    assert first.hold()
    assert not second.hold()
    first.release()
    assert second.hold()
    short = Lease(book.engine, "another", holder="host-a:1", seconds=0.05)
    assert short.hold()
    time.sleep(0.1)
    assert Lease(book.engine, "another", holder="host-b:2").hold()


def test_a_lease_of_a_program_that_died_here_is_free(book: PriceBook) -> None:
    """A process of this host that no longer runs holds nothing."""
    host = this_program().rpartition(":")[0]
    assert Lease(book.engine, "a thing", holder=f"{host}:999999999").hold()
    assert holder_of(book.engine, "a thing") is None
    assert Lease(book.engine, "a thing").hold()
    assert (holder_of(book.engine, "a thing") or ("",))[0] == this_program()


def test_of_many_programs_at_once_one_gets_the_lease(book: PriceBook) -> None:
    """Eight that ask at the same moment: one holds it."""
    gate, got = threading.Barrier(8), []

    def ask(number: int) -> None:
        lease = Lease(book.engine, "a thing", holder=f"host:{number}x")
        gate.wait()
        got.append(lease.hold())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_an_empty_book_is_filled_at_once_and_a_fresh_one_is_not(book: PriceBook) -> None:
    """With a yearly schedule: nothing collected yet means collect now; collected since the last slot means wait."""
    asked: list[str] = []
    for _ in range(2):
        clock = CollectionSchedule(book.engine, "0 0 1 1 *", recording(book, asked), jitter_seconds=0)
        clock.start()
        until(lambda: len(asked) > 0)
        time.sleep(0.3)
        clock.stop()
    assert len(asked) == 1
    assert asked[0].startswith(ASKED_BY)


def test_missed_slots_are_caught_up_with_once(book: PriceBook) -> None:
    """After days of downtime an hourly schedule collects once, at once."""
    collected_at(book, datetime.now(UTC) - timedelta(days=3))
    asked: list[str] = []
    clock = CollectionSchedule(book.engine, "0 * * * *", recording(book, asked), jitter_seconds=0)
    clock.start()
    assert until(lambda: len(asked) == 1)
    time.sleep(0.3)
    clock.stop()
    assert len(asked) == 1


def test_of_two_programs_with_one_database_one_collects_and_the_other_takes_over(book: PriceBook) -> None:
    """The second one stands by; when the first stops it holds the lease."""
    asked: list[str] = []
    first = CollectionSchedule(book.engine, "0 0 1 1 *", recording(book, asked), jitter_seconds=0, holder="host-a:1x")
    second = CollectionSchedule(book.engine, "0 0 1 1 *", recording(book, asked), jitter_seconds=0, holder="host-b:2x")
    first.start()
    assert until(lambda: len(asked) == 1)
    second.start()
    time.sleep(0.3)
    assert schedule_state(book.engine, "0 0 1 1 *").runner == "host-a:1x"
    first.stop()
    assert Lease(book.engine, LEASE, holder="host-b:2x").hold()
    second.stop()
    assert len(asked) == 1


def test_a_collection_that_fails_does_not_stop_the_clock(book: PriceBook, caplog: pytest.LogCaptureFixture) -> None:
    """What a collection raises is logged, and the schedule still stands."""

    def broken(_asked_by: str) -> None:
        raise RuntimeError("as a test says")

    clock = CollectionSchedule(book.engine, "0 0 1 1 *", broken, jitter_seconds=0)
    clock.start()
    assert until(lambda: "a scheduled collection failed" in caplog.text)
    assert clock.next_at is not None
    clock.stop()


def test_an_interrupted_collection_counts_as_none(book: PriceBook) -> None:
    """A collection whose program died is caught up with: its slot is not done."""
    number = begin(book.engine, "aws", f"{ASKED_BY}, another")
    host = this_program().rpartition(":")[0]
    with book.engine.begin() as connection:
        mine = COLLECTIONS.update().where(COLLECTIONS.c.id == number)
        connection.execute(mine.values(by_program=f"{host}:999999999"))
    assert schedule_state(book.engine, "0 * * * *").last_started_at is None
