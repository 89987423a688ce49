"""The chart: who runs when, to the column."""

from datetime import datetime

import pytest
from answer_builders import answer, at, job_result, rented, segment, segment_lines

from advisor.outputs.timeline import ASCII, Chart, timeline
from advisor.recommendation import Segment


def chart(*segments: Segment, width: int = 41, deadline: datetime | None = None) -> Chart:
    """Draw segments of one job."""
    lines = [one for part in segments for one in segment_lines(part, "somewhere", {"compute": "1"})]
    names = dict.fromkeys(part.job for part in segments)
    jobs = [job_result(name, list(segments), lines, deadline=deadline) for name in names]
    return timeline(answer(list(segments), lines, jobs), width, ASCII)


def bar(drawn: Chart, index: int = 0) -> str:
    """Return a bar as text."""
    return "".join(cell.character for cell in drawn.bars[index][1]).rstrip()


def test_columns_are_time():
    """40 h in 40 columns: each hour is one column, a pause shows, and the count of nodes stands in the middle."""
    drawn = chart(segment("a", 0, 10, nodes=4), segment("a", 12, 40, nodes=16, **rented("spot")))

    assert bar(drawn) == "### 4 ####..~~~~~~~~~~~~ 16 ~~~~~~~~~~~~"


@pytest.mark.parametrize(
    ("fields", "character"),
    [
        ({}, "#"),
        (rented("on_demand"), "="),
        (rented("spot"), "~"),
        (rented("commitment", commitment="block"), "%"),
        (rented("flex_start"), "+"),
    ],
)
def test_each_kind_has_its_character(fields: dict, character: str):
    """How nodes are paid for shows without colour, and the legend explains every character that occurs."""
    drawn = chart(segment("a", 0, 4, **fields))

    assert bar(drawn).startswith(character)
    assert character in {cell.character for cell, _ in drawn.legend}


def test_segments_of_one_kind_are_told_apart():
    """Where a segment follows another of its kind, a line stands between them."""
    drawn = chart(segment("a", 0, 20, nodes=4), segment("a", 20, 40, nodes=2))

    assert bar(drawn) == "######## 4 #########|####### 2 #########"


def test_short_segment_is_never_lost():
    """A segment of one hour in a plan of months keeps one column."""
    drawn = chart(segment("a", 0, 1999), segment("a", 1999, 2000, **rented("spot")))

    assert bar(drawn).endswith("#~")


def test_deadline_stands_behind_the_work():
    """A deadline at the very end of the work has a column of its own; one far away is marked at the edge."""
    assert bar(chart(segment("a", 0, 40), deadline=at(40))).endswith("#!")
    assert bar(chart(segment("a", 0, 20), deadline=at(40))).endswith("# " + " " * 19 + "!")
    assert bar(chart(segment("a", 0, 40), deadline=at(4000))).endswith("#>")


@pytest.mark.parametrize("hours", [1, 5, 30, 100, 700, 3_000, 17_000, 80_000])
def test_axis_has_dates(hours: int):
    """Whatever the length of a plan, its axis has at least one date and dates never touch."""
    drawn = chart(segment("a", 0, hours), width=60)

    assert drawn.dates.strip()
    assert len(drawn.dates) <= 60
    assert len(drawn.rule) == 60
    assert drawn.rule.count("+") == len([label for label in drawn.dates.split("  ") if label.strip()])


def test_bars_are_in_order_of_start():
    """The job that starts first stands first, whatever the order of the document."""
    drawn = chart(segment("late", 10, 20), segment("early", 0, 5))

    assert [name for name, _ in drawn.bars] == ["early", "late"]
