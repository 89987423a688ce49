"""ISO weeks: Monday 00:00 UTC to the next Monday."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from advisor.errors import UsageInvalid

SHAPE = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
FIRST_YEAR, LAST_YEAR = 2000, 2200
SEVEN_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week by its first moment."""

    begin: datetime

    @property
    def end(self) -> datetime:
        """The first moment of the next week."""
        return self.begin + SEVEN_DAYS

    def __str__(self) -> str:
        year, number, _ = self.begin.isocalendar()
        return f"{year}-W{number:02d}"


def week_of(at: datetime) -> Week:
    """Return the week that holds a moment."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Week(midnight - timedelta(days=midnight.weekday()))


def week_named(text: str) -> Week:
    """Read a week like 2026-W48.

    Raises:
        UsageInvalid: there is no such week.
    """
    match = SHAPE.fullmatch(text)
    wrong = UsageInvalid(f"week {text[:40]!r}: there is no such ISO week; write it like 2026-W48")
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise wrong
    try:
        return Week(datetime.fromisocalendar(int(match[1]), int(match[2]), 1).replace(tzinfo=UTC))
    except ValueError:
        raise wrong from None
