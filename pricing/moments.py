"""Moments and lengths of time: RFC 3339 in UTC with Z at the edges, aware datetimes inside."""

import re
from datetime import UTC, datetime, timedelta

SHAPE = re.compile(r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*([Zz]|[+-]\d{2}:\d{2})$")


def moment(text: str) -> datetime:
    """Read an RFC 3339 moment; an offset other than Z is converted to UTC.

    Raises:
        ValueError: the text is no moment with an offset, with an example of what is.
    """
    match = SHAPE.match(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no moment; write it like 2026-12-01T00:00:00Z")
    date, clock, offset = match.groups()
    try:
        read = datetime.fromisoformat(f"{date}T{clock[:15]}{'+00:00' if offset in 'Zz' else offset}")
        return read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:40]!r} is no moment ({error}); write it like 2026-12-01T00:00:00Z") from None


def moment_text(at: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with Z; fractions of a second only where there are any."""
    utc = at.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else "") + "Z"


def hour_ceiling(at: datetime) -> datetime:
    """Return the first full hour at or after the moment."""
    floor = at.replace(minute=0, second=0, microsecond=0)
    return floor if floor == at else floor + timedelta(hours=1)
