"""Collections by the clock: APScheduler fires, a lease in the database says which of several processes collects.

A slot is a moment at which the cron expression fires. It is collected once, whoever holds the lease then; a slot that
passed while nobody ran is caught up with at the next start, once, however many were missed. A collection never
overlaps with the next: slots that come while one runs are left out.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from sqlalchemy import Engine

from pricing.collection_records import last_started
from pricing.errors import PricingError
from pricing.lease import Lease, holder_of, this_program

LEASE = "collections by the clock"
ASKED_BY = "schedule"
RENEWED_EVERY_SECONDS = 20
JITTER_SECONDS = 30
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=62), timedelta(days=1500))
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """What the clock says: the expression, its next slot, the process that collects, and when it last began."""

    cron: str | None
    next_at: datetime | None
    runner: str | None
    last_started_at: datetime | None


def cron_trigger(cron: str, jitter_seconds: int | None = None) -> Any:
    """Read five fields of cron, in UTC; weekdays are cron's (0 and 7 are Sunday), which APScheduler counts otherwise.

    Raises:
        ValueError: the expression is none, with what is.
    """
    from apscheduler.triggers.cron import CronTrigger

    example = "write five fields: minute hour day month weekday, such as 17 * * * *"
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(f"{cron[:60]!r} is no cron expression; {example}")
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError(f"{cron[:60]!r} restricts both day and weekday, which means one or the other; {example}")
    try:
        minute, hour, day, month = fields[:4]
        week = _weekdays(fields[4].lower())
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=week, timezone=UTC, jitter=jitter_seconds
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{cron[:60]!r} is no cron expression ({error}); {example}") from None


def _weekdays(field: str) -> str:
    """Name the weekdays of a field one by one; sun is 0 and 7."""
    days: list[str] = []
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if match is None:
            raise ValueError(f"weekday {part!r}")
        first, last, step = match.groups()
        begin = 0 if first == "*" else _weekday(first)
        end = 6 if first == "*" else (_weekday(last) if last else (6 if step else begin))
        if last and end == 0 and begin > 0:
            end = 7
        if end < begin or (step and int(step) < 1):
            raise ValueError(f"weekday {part!r}")
        days += [WEEKDAYS[day % 7] for day in range(begin, end + 1, int(step or 1))]
    return ",".join(dict.fromkeys(days))


def _weekday(word: str) -> int:
    if word.isdigit() and int(word) <= 7:
        return int(word)
    if word in WEEKDAYS:
        return WEEKDAYS.index(word)
    raise ValueError(f"weekday {word!r}")


def latest_slot(trigger: Any, now: datetime) -> datetime | None:
    """Return the last moment up to now at which a trigger without jitter fires, None where there is none."""
    for back in LOOK_BACK:
        found: datetime | None = None
        following = trigger.get_next_fire_time(None, now - back)
        while following is not None and following <= now:
            found, following = following, trigger.get_next_fire_time(following, following + timedelta(microseconds=1))
        if found is not None:
            return found
    return None


def schedule_state(engine: Engine, cron: str | None) -> ScheduleState:
    """Say what the clock of a database says."""
    now = datetime.now(UTC)
    held = holder_of(engine, LEASE)
    return ScheduleState(
        cron=cron,
        next_at=None if cron is None else cron_trigger(cron).get_next_fire_time(None, now),
        runner=None if held is None else held[0],
        last_started_at=last_started(engine, ASKED_BY),
    )


class CollectionSchedule:
    """Collects by the clock while it runs: `start` and `stop`, or `run` until it is stopped."""

    def __init__(
        self,
        engine: Engine,
        cron: str,
        collect: Callable[[str], object],
        *,
        jitter_seconds: int = JITTER_SECONDS,
        holder: str | None = None,
    ) -> None:
        """`collect` is called with who asks, in a thread of its own; what it raises is logged, and the clock goes on.

        Raises:
            ValueError: `cron` is no cron expression.
        """
        from apscheduler.schedulers.background import BackgroundScheduler

        self._slots = cron_trigger(cron)
        self._trigger = cron_trigger(cron, jitter_seconds or None)
        self._engine = engine
        self._collect = collect
        self._lease = Lease(engine, LEASE, holder=holder, seconds=RENEWED_EVERY_SECONDS * 4)
        self._holds = False
        self._stopped = Event()
        self._scheduler = BackgroundScheduler(timezone=UTC)

    def start(self) -> None:
        """Begin; where a slot has passed since the last collection, it is caught up with at once."""
        # misfire_grace_time None: however late (a sleeping laptop), a slot is run; coalesced, so it is run once.
        common = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self._slot, self._trigger, id="collect", **common)
        now = datetime.now(UTC)
        self._scheduler.add_job(
            self._renew, "interval", seconds=RENEWED_EVERY_SECONDS, id="renew", next_run_time=now, **common
        )
        self._scheduler.start()

    def stop(self) -> None:
        """End after the collection that runs, and let another process take over."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        try:
            self._lease.release()
        except PricingError as error:
            log.warning("%s", error)

    def end(self) -> None:
        """Ask `run` to come to its end; may be called from a signal."""
        self._stopped.set()

    def run(self) -> None:
        """Start, wait until `end` is called, and stop."""
        self.start()
        try:
            while not self._stopped.wait(1.0):
                pass
        finally:
            self.stop()

    @property
    def next_at(self) -> datetime | None:
        """The next slot."""
        found: datetime | None = self._slots.get_next_fire_time(None, datetime.now(UTC))
        return found

    def _renew(self) -> None:
        """Take or keep the lease; where it is newly ours, look whether a slot was missed."""
        held = self._hold()
        if held and not self._holds and self._due():
            self._scheduler.modify_job("collect", next_run_time=datetime.now(UTC))
        self._holds = held

    def _hold(self) -> bool:
        try:
            return self._lease.hold()
        except PricingError as error:
            log.warning("%s", error)
            return False

    def _due(self) -> bool:
        """Whether the latest slot has not been collected by anybody; where nothing ever was, it is due."""
        slot, last = latest_slot(self._slots, datetime.now(UTC)), last_started(self._engine, ASKED_BY)
        return last is None or (slot is not None and last < slot)

    def _slot(self) -> None:
        if not self._hold():
            return
        try:
            if self._due():
                self._collect(f"{ASKED_BY}, {this_program()}")
        except Exception:  # the clock outlives whatever one collection meets
            log.exception("a scheduled collection failed")
