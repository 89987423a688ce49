"""Charts as shapes: x in percent of the width, y in pixels, so that text keeps its size on every screen.

A template draws them as SVG. Nothing here rounds money; lengths are drawn to a hundredth of a percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from advisor.outputs.digest import Sum
from advisor.outputs.phrases import usd
from advisor.outputs.timeline import STEP_HOURS, WORDS, Kind, first_tick, kind_of, span
from advisor.recommendation import PriceHistory, Recommendation

# As many dates as stay apart on a phone: with hours, of a day, of a month.
MOST_TICKS = ((24, "%b %d %H:%M", 4), (28 * 24, "%b %d", 7), (10**9, "%b %Y", 5))
# A label of one or two digits has room in a bar from this share of the chart on, on a phone too.
LABEL_SHARE = 6.0
PRICE_HEIGHT = 84.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar, a tick or a marker: from `x` over `width` percent, with its label and what a pointer shows."""

    x: float
    width: float
    kind: str
    label: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One job's bars over time."""

    job: str
    pause: Mark | None
    bars: list[Mark]
    deadline: Mark | None


@dataclass(frozen=True, slots=True)
class TimeChart:
    """Tracks above one axis, and what the colours mean."""

    tracks: list[Track]
    ticks: list[Mark]
    legend: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A named amount and its length in percent of the longest; `note` stands beside it."""

    name: str
    amount: str
    width: float
    note: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A straight line of a step chart."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class PriceChart:
    """How a price moved: lines, axis, and its least, most and last value."""

    steps: list[Step]
    ticks: list[Mark]
    least: str
    most: str
    last: str
    moves: int
    floor: float
    end: Step


def time_chart(answer: Recommendation) -> TimeChart:
    """Draw each job's segments over time, jobs in order of their start."""
    start, end = span(answer)
    used: dict[Kind, None] = {}
    tracks = []
    for job in sorted(answer.jobs, key=lambda job: (job.start, job.finish)):
        mine = sorted((s for s in answer.segments if s.job == job.job), key=lambda s: s.start)
        bars = []
        for segment in mine:
            x, width = _share(segment.start, start, end), _length(segment.start, segment.end, start, end)
            used[kind_of(segment)] = None
            words = f"{segment.nodes} nodes, {segment.start:%b %d %H:%M} to {segment.end:%b %d %H:%M} UTC"
            label = str(segment.nodes) if width >= LABEL_SHARE else ""
            bars.append(Mark(x, width, kind_of(segment), label, words))
        pause = None
        if any(before.end < after.start for before, after in pairwise(mine)):
            pause = Mark(bars[0].x, round(bars[-1].x + bars[-1].width - bars[0].x, 2), "pause", "")
            used["pause"] = None
        deadline = None
        if job.deadline is not None:
            kind: Kind = "deadline" if job.deadline <= end else "later"
            used[kind] = None
            at = f"deadline {job.deadline:%b %d %H:%M} UTC"
            deadline = Mark(_share(min(job.deadline, end), start, end), 0, kind, "", at)
        tracks.append(Track(job.job, pause, bars, deadline))
    return TimeChart(tracks, _ticks(start, end), [(kind, words) for kind, words in WORDS.items() if kind in used])


def sum_bars(groups: Sequence[Sum]) -> list[Bar]:
    """Draw sums of lines, in the order given."""
    most = max((group.cost for group in groups), default=Decimal(0))
    return [Bar(group.name, usd(group.cost), _of(group.cost, most)) for group in groups]


def amount_bars(amounts: Sequence[tuple[str, Decimal | None, str, str]]) -> list[Bar]:
    """Draw (name, amount, note, kind); an amount that is unknown has no bar."""
    most = max((amount for _, amount, _, _ in amounts if amount is not None), default=Decimal(0))
    return [
        Bar(name, "" if amount is None else usd(amount), 0.0 if amount is None else _of(amount, most), note, kind)
        for name, amount, note, kind in amounts
    ]


def price_chart(history: PriceHistory, as_of: datetime) -> PriceChart:
    """Draw a price as steps from its first point to `as_of`, from zero to its highest value."""
    points = [(point.at, Decimal(point.usd_per_hour.amount)) for point in history.points]
    begin = points[0][0] if points[0][0] < as_of else as_of - timedelta(days=1)
    most = max(value for _, value in points)

    def y(value: Decimal) -> float:
        return round(float(Decimal(str(PRICE_HEIGHT)) * (1 - value / most)) + 6, 2)

    steps = []
    for (at, value), (later, following) in pairwise([*points, (as_of, points[-1][1])]):
        x1, x2 = _share(max(at, begin), begin, as_of), _share(later, begin, as_of)
        steps.append(Step(x1, y(value), x2, y(value)))
        if following != value:
            steps.append(Step(x2, y(value), x2, y(following)))
    values = [value for _, value in points]
    end = Step(100.0, y(values[-1]), 100.0, y(values[-1]))
    return PriceChart(
        steps,
        _ticks(begin, as_of),
        usd(min(values)),
        usd(most),
        usd(values[-1]),
        len(values) - 1,
        PRICE_HEIGHT + 6,
        end,
    )


def _share(at: datetime, start: datetime, end: datetime) -> float:
    return round(100 * ((at - start) / (end - start)), 2)


def _length(begin: datetime, finish: datetime, start: datetime, end: datetime) -> float:
    """Return a bar's width, never less than can be seen."""
    return max(0.4, round(_share(finish, start, end) - _share(begin, start, end), 2))


def _of(amount: Decimal, most: Decimal) -> float:
    return round(float(100 * max(amount, Decimal(0)) / most), 2) if most > 0 else 0.0


def _ticks(start: datetime, end: datetime) -> list[Mark]:
    """Set at most a handful of dates, so that they stay apart on a phone."""
    for hours in STEP_HOURS:
        shape, most = next((shape, most) for below, shape, most in MOST_TICKS if hours < below)
        if end - start <= timedelta(hours=hours) * most:
            break
    ticks, at = [], first_tick(start.astimezone(UTC), hours)
    while at <= end:
        x = _share(at, start, end)
        if x <= 88:
            ticks.append(Mark(x, 0, "tick", at.strftime(shape)))
        at += timedelta(hours=hours)
    return ticks
