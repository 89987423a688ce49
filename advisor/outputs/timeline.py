"""The chart of a plan over time: one bar per job, marked by how its nodes are paid for, deadlines, a date axis.

Pure text in cells of one column each; the terminal adds colour, Markdown puts it in a code block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

from advisor.recommendation import Recommendation, Segment

Kind = Literal["owned", "on_demand", "spot", "commitment", "other", "pause", "deadline", "later", "nodes", "blank"]
WORDS: dict[Kind, str] = {
    "owned": "owned",
    "on_demand": "on-demand",
    "spot": "spot",
    "commitment": "commitment",
    "other": "other market",
    "pause": "pause",
    "deadline": "deadline",
    "later": "deadline after the chart",
}
STEP_HOURS = (1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24, 91 * 24, 182 * 24, 364 * 24, 728 * 24)


@dataclass(frozen=True, slots=True)
class Cell:
    """One character of a bar; `under` is the kind of the bar that a node count stands on."""

    character: str
    kind: Kind
    under: Kind | None = None


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a chart."""

    bars: Mapping[Kind, str]
    rule: str
    tick: str
    divide: str


UNICODE = Glyphs(
    bars={
        "owned": "█",
        "on_demand": "▓",
        "spot": "░",
        "commitment": "▚",
        "other": "▤",
        "pause": "·",
        "deadline": "◆",
        "later": "▸",
        "blank": " ",
    },
    rule="─",
    tick="┬",
    divide="│",
)
ASCII = Glyphs(
    bars={
        "owned": "#",
        "on_demand": "=",
        "spot": "~",
        "commitment": "%",
        "other": "+",
        "pause": ".",
        "deadline": "!",
        "later": ">",
        "blank": " ",
    },
    rule="-",
    tick="+",
    divide="|",
)


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars by job in order of their start, the axis below them, and what the characters mean."""

    bars: list[tuple[str, list[Cell]]]
    rule: str
    dates: str
    legend: list[tuple[Cell, str]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Time mapped to `cells` columns; one more stands at the end for a deadline."""

    start: datetime
    end: datetime
    cells: int

    def cell(self, at: datetime) -> int:
        """Return the column in which the moment falls."""
        return (at - self.start) * self.cells // (self.end - self.start)


def kind_of(segment: Segment) -> Kind:
    """Say how the nodes of a segment are paid for."""
    if segment.kind == "local":
        return "owned"
    known: dict[str | None, Kind] = {"on_demand": "on_demand", "spot": "spot", "commitment": "commitment"}
    return known.get(segment.market, "other")


def timeline(answer: Recommendation, width: int, glyphs: Glyphs = UNICODE) -> Chart:
    """Draw the plan's segments in `width` columns, at least 24."""
    scale = _scale(answer, max(24, width) - 1)
    jobs = sorted(answer.jobs, key=lambda job: (job.start, job.finish))
    bars = []
    for job in jobs:
        mine = [segment for segment in answer.segments if segment.job == job.job]
        bars.append((job.job, _bar(mine, job.deadline, scale, glyphs)))
    rule, dates = _axis(scale, glyphs)
    used = {cell.kind for _, cells in bars for cell in cells} | {kind_of(segment) for segment in answer.segments}
    legend = [(Cell(glyphs.bars[kind], kind), words) for kind, words in WORDS.items() if kind in used]
    return Chart(bars, rule, dates, legend)


def span(answer: Recommendation) -> tuple[datetime, datetime]:
    """Span the work and its deadlines; deadlines further away than the work is long are left to a marker."""
    start = min([answer.start, *(segment.start for segment in answer.segments)])
    finish = max(segment.end for segment in answer.segments)
    longest = finish + (finish - start)
    due = [job.deadline for job in answer.jobs if job.deadline is not None and job.deadline <= longest]
    return start, max([finish, *due])


def _scale(answer: Recommendation, cells: int) -> Scale:
    return Scale(*span(answer), cells)


def _bar(segments: Sequence[Segment], deadline: datetime | None, scale: Scale, glyphs: Glyphs) -> list[Cell]:
    cells = [Cell(" ", "blank")] * (scale.cells + 1)
    if segments:
        first, last = scale.cell(min(s.start for s in segments)), scale.cell(max(s.end for s in segments))
        cells[first:last] = [Cell(glyphs.bars["pause"], "pause")] * (last - first)
    for segment in sorted(segments, key=lambda s: s.start - s.end):
        begin = min(scale.cell(segment.start), scale.cells - 1)
        end = max(begin + 1, scale.cell(segment.end))
        cells[begin:end] = _block(segment, end - begin, glyphs)
    _divide(cells, segments, scale, glyphs)
    if deadline is not None:
        _mark(cells, deadline, scale, glyphs)
    return cells


def _block(segment: Segment, length: int, glyphs: Glyphs) -> list[Cell]:
    """Fill a segment's columns, its node count in the middle where there is room."""
    kind = kind_of(segment)
    block = [Cell(glyphs.bars[kind], kind)] * length
    label = f" {segment.nodes} "
    if length >= len(label) + 2:
        begin = (length - len(label)) // 2
        block[begin : begin + len(label)] = [Cell(character, "nodes", kind) for character in label]
    return block


def _divide(cells: list[Cell], segments: Sequence[Segment], scale: Scale, glyphs: Glyphs) -> None:
    """Draw a line where a segment follows another of its kind, which would look like one."""
    ordered = sorted(segments, key=lambda s: s.start)
    for before, after in pairwise(ordered):
        column = scale.cell(after.start)
        if kind_of(before) == kind_of(after) and 0 < column < scale.cells and cells[column - 1].kind == kind_of(after):
            cells[column] = Cell(glyphs.divide, kind_of(after))


def _mark(cells: list[Cell], deadline: datetime, scale: Scale, glyphs: Glyphs) -> None:
    """Set the deadline behind everything that ends before it, though they may share a column."""
    if deadline > scale.end:
        cells[-1] = Cell(glyphs.bars["later"], "later")
        return
    work = max((i + 1 for i, cell in enumerate(cells) if cell.kind != "blank"), default=0)
    cells[max(scale.cell(deadline), work)] = Cell(glyphs.bars["deadline"], "deadline")


def _axis(scale: Scale, glyphs: Glyphs) -> tuple[str, str]:
    """Draw the rule with its ticks and the dates below them, as dense as they stay apart."""
    span = scale.end - scale.start
    years = scale.start.year != scale.end.year
    for hours in STEP_HOURS:
        shape = ("%Y-%m-%d" if years else "%b %d") + ("" if hours >= 24 else " %H:%M")
        room = len(scale.start.strftime(shape)) + 2
        if timedelta(hours=hours) * scale.cells >= span * room:
            break
    rule, dates = [glyphs.rule] * (scale.cells + 1), ""
    at = first_tick(scale.start.astimezone(UTC), hours)
    while at <= scale.end:
        column, label = scale.cell(at), at.strftime(shape)
        if len(dates) + bool(dates) <= column <= scale.cells + 1 - len(label):
            rule[column] = glyphs.tick
            dates = dates.ljust(column) + label
        at += timedelta(hours=hours)
    return "".join(rule), dates


def first_tick(start: datetime, hours: int) -> datetime:
    """Return the first midnight, or the first whole step of its day, at or after the start."""
    unit = timedelta(hours=min(hours, 24))
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - (midnight - start) // unit * unit
