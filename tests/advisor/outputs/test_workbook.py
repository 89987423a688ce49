"""`costs.xlsx`: numbers that add up, moments, texts that are no formulas, the same bytes every time."""

import io
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest
from answer_builders import no_answer, rented, rich_answer, segment
from openpyxl import load_workbook
from terraform_builders import planned

from advisor.outputs.costs import COLUMNS
from advisor.outputs.workbook import costs_xlsx


def book(answer=None):
    """Read a workbook back."""
    return load_workbook(io.BytesIO(costs_xlsx(answer or rich_answer())))


def test_costs_add_up_to_the_total():
    """The cost column holds numbers whose sum is the plan's total, which the summary and the jobs sheet repeat."""
    read, answer = book(), rich_answer()
    header, *rows = read["Costs"].iter_rows(values_only=True)
    costs = [Decimal(str(row[COLUMNS.index("cost_usd")])) for row in rows]
    summary = dict(list(read["Summary"].iter_rows(values_only=True))[1:])
    jobs = [Decimal(str(row[6])) for row in list(read["Jobs"].iter_rows(values_only=True))[1:]]

    assert header == COLUMNS
    assert sum(costs) == Decimal(answer.total.amount) == Decimal(str(summary["total, USD"]))
    assert sum(jobs) + 12000 == Decimal(answer.total.amount)


def test_moments_are_moments_and_numbers_have_formats():
    """A period is a date that a spreadsheet can count with, in UTC; money shows its cents."""
    sheet = book()["Costs"]
    start, cost = (sheet.cell(2, COLUMNS.index(name) + 1) for name in ("start", "cost_usd"))

    assert (start.value, start.is_date) == (datetime(2026, 12, 1), True)  # noqa: DTZ001  a cell knows no zone
    assert cost.number_format == "#,##0.00"
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize("name", ["=SUM(A1)", "+1", "-1", "@a", "=cmd|' /C calc'!A0"])
def test_texts_are_never_formulas(name: str):
    """A job that is called like a formula is a text, unchanged."""
    read = book(planned(segment(name, 0, 5, **rented("spot")), cost_center=name))
    cells = [cell for sheet in read for row in sheet.iter_rows() for cell in row]

    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    assert [cell.value for cell in read["Costs"]["D"][1:]] == [name]


def test_what_it_rests_on_is_there():
    """Warnings, assumptions and exclusions stand on a sheet of their own."""
    kinds = [row[0] for row in book()["Assumptions"].iter_rows(min_row=2, values_only=True)]

    assert {kind: kinds.count(kind) for kind in kinds} == {"warning": 2, "assumption": 3, "excluded": 14}


def test_no_answer_is_said():
    """Without a plan the status says so, the total is empty rather than zero, and there are no lines."""
    read = book(no_answer("infeasible"))
    summary = dict(list(read["Summary"].iter_rows(values_only=True))[1:])

    assert (summary["status"], summary["total, USD"]) == ("infeasible", None)
    assert read["Costs"].max_row == 1


def test_the_same_answer_gives_the_same_bytes():
    """No part of the archive tells when it was written."""
    parts = zipfile.ZipFile(io.BytesIO(costs_xlsx(rich_answer())))

    assert costs_xlsx(rich_answer()) == costs_xlsx(rich_answer())
    assert {one.date_time for one in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert parts.read("docProps/core.xml").count(b"2026-11-24T00:00:00Z") == 2
