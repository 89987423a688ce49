"""How every output spells money, time, age and places, so that a number reads the same wherever it stands.

Nothing here rounds money: amounts arrive as decimal text and leave with every digit.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from advisor.recommendation import Line, Segment

MARKETS = {
    "on_demand": "on-demand",
    "spot": "spot",
    "reserved_1y": "1-year reserved",
    "reserved_3y": "3-year reserved",
    "savings_plan": "savings plan",
    "capacity_block": "capacity block",
    "flex_start": "flex-start",
    "commitment": "commitment",
}
# Joiners that Indic and Arabic scripts and emoji need, though Unicode does not call them printable.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """Return the text with every control character, line break and direction mark as a space.

    Sources come from files that anybody may have written: an escape sequence must not reach a terminal.
    """
    return "".join(c if c.isprintable() or c in JOINERS else " " for c in text)


def usd(amount: str | Decimal) -> str:
    """Write an amount with all its digits: "-1234.5678" becomes "-$1,234.5678"."""
    value = Decimal(amount)
    return f"{'-' if value < 0 else ''}${abs(value):,f}"


def usd_difference(amount: Decimal) -> str:
    """Write a difference with its sign; none is said in words."""
    return "the same" if amount == 0 else ("+" if amount > 0 else "") + usd(amount)


def usd_trimmed(amount: str) -> str:
    """Write a unit price without zeros behind its second place: "0.420000" becomes "$0.42"."""
    whole, _, places = usd(amount).partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def grouped(number: str) -> str:
    """Write a quantity with its thousands apart."""
    return f"{Decimal(number):,f}"


def quantity(line: Line) -> str:
    """Write a line's quantity with its unit; units that are words take a plural."""
    plural = "s" if line.unit.islower() and Decimal(line.quantity) != 1 else ""
    return f"{grouped(line.quantity)} {line.unit}{plural}"


def counted(number: int, noun: str) -> str:
    """Write "1 job", "2 jobs", "1,200 jobs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(texts: Iterable[str], most: int) -> str:
    """Write the first few texts and how many more there are."""
    known = list(texts)
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def percent(share: Decimal) -> str:
    """Write a share with one decimal: 0.116 becomes "11.6 %"."""
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_HALF_EVEN)} %"


def percent_at_most(share: float) -> str:
    """Write a share that must not look smaller than it is: rounded up to one decimal."""
    return f"{(Decimal(repr(share)) * 100).quantize(Decimal('0.1'), ROUND_CEILING)} %"


def hours(length: float) -> str:
    """Write hours with at most two decimals, and never a positive length as 0."""
    return "under 0.01 h" if 0 < length < 0.005 else f"{length:,.2f}".rstrip("0").rstrip(".") + " h"


def age(length: timedelta) -> str:
    """Write an age in words: days from two days on, hours below."""
    if length >= timedelta(days=2):
        return counted(length.days, "day")
    whole = max(length, timedelta()) // timedelta(hours=1)
    return f"{whole} h" if whole else "under 1 h"


def date(at: datetime) -> str:
    """Write the UTC date."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def clock(at: datetime) -> str:
    """Write a moment in full, to the minute, in UTC; the reader is told the zone once."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def short_clock(at: datetime) -> str:
    """Write a moment without its year, where a heading names the year."""
    return at.astimezone(UTC).strftime("%b %d %H:%M")


def pool(segment: Segment) -> str:
    """Name what runs, without its place: the owned cluster, or the machine and its market."""
    if segment.kind == "local":
        return f"{segment.cluster}, owned"
    held = f" {segment.commitment}" if segment.commitment else ""
    return f"{segment.machine} {MARKETS.get(segment.market or '', segment.market)}{held}"


def site(segment: Segment) -> str:
    """Name the place of a rented pool: provider, region, and the zone where its name does not hold the region."""
    if segment.kind == "local":
        return ""
    region, zone = segment.region or "", segment.zone or ""
    places = [segment.provider or "", zone if zone.startswith(region) and zone else region]
    if zone and not zone.startswith(region):
        places.append(zone)
    return " ".join(filter(None, places))


def runs_on(segment: Segment) -> str:
    """Name pool and place in one phrase."""
    return ", ".join(filter(None, [pool(segment), site(segment)]))


def layout(segment: Segment) -> str:
    """Write how a job is split over GPUs; dimensions of one are left out."""
    split = segment.layout
    if split is None:
        return "layout not stated"
    sizes = {"tp": split.tp, "pp": split.pp, "cp": split.cp, "ep": split.ep, "dp": split.dp}
    parts = [f"{name} {size}" for name, size in sizes.items() if size > 1 or name == "dp"]
    parts += [f"zero {split.zero_stage}", f"micro-batch {split.micro_batch}", f"recompute {split.recompute}"]
    return ", ".join(parts)
