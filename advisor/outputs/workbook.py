"""`costs.xlsx`: the cost lines as a workbook for finance: numbers are numbers, moments are moments (UTC).

The bytes depend on the recommendation alone: the moment of writing, which the library notes twice, is taken out.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from advisor.outputs.costs import COLUMNS, MOMENT_COLUMNS, NUMBER_COLUMNS, cost_rows
from advisor.outputs.digest import by_category, by_job
from advisor.outputs.phrases import one_line
from advisor.outputs.terraform import zipped
from advisor.recommendation import Recommendation
from pricing.moments import moment, moment_text

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MONEY, UNIT_PRICE, MOMENT = "#,##0.00", "#,##0.00####", "yyyy-mm-dd hh:mm"
FORMATS = {"unit_price_usd": UNIT_PRICE, "cost_usd": MONEY} | dict.fromkeys(MOMENT_COLUMNS, MOMENT)
WIDEST = 60
WRITTEN_AT = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</)")


def costs_xlsx(recommendation: Recommendation) -> bytes:
    """Write the workbook: summary, cost lines, jobs, and what the numbers rest on."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    _fill(book.create_sheet("Summary"), ["what", "value"], _summary(recommendation))
    _fill(book.create_sheet("Costs"), COLUMNS, _cost_cells(recommendation))
    _fill(book.create_sheet("Jobs"), JOB_COLUMNS, _jobs(recommendation))
    _fill(book.create_sheet("Assumptions"), ["kind", "text"], _basis(recommendation))
    stream = io.BytesIO()
    book.save(stream)
    at = moment_text(recommendation.as_of).encode()
    with zipfile.ZipFile(stream) as written:
        parts = {name: WRITTEN_AT.sub(rb"\g<1>" + at + rb"\g<3>", written.read(name)) for name in written.namelist()}
    return zipped(parts)


JOB_COLUMNS = (
    "job",
    "cost_center",
    "start",
    "finish",
    "deadline",
    "slack_hours",
    "cost_usd",
    "usd_per_million_tokens",
    "miss_probability",
)


def _summary(recommendation: Recommendation) -> Iterable[Sequence[Any]]:
    total, bound = recommendation.total, recommendation.lower_bound
    yield "plan", recommendation.plan.name
    yield "recommendation", recommendation.id
    yield "prices as of, UTC", recommendation.as_of
    yield "status", recommendation.status
    yield "total, USD", None if total is None else Decimal(total.amount)
    yield "no plan can cost less than, USD", None if bound is None else Decimal(bound.amount)
    yield from ((f"of it for {group.name}, USD", group.cost) for group in by_job(recommendation))
    yield from ((f"of it {group.name}, USD", group.cost) for group in by_category(recommendation))


def _cost_cells(recommendation: Recommendation) -> Iterable[Sequence[Any]]:
    for row in cost_rows(recommendation):
        yield [_cell(name, row.get(name, "")) for name in COLUMNS]


def _cell(name: str, text: str) -> Any:
    if not text:
        return None
    if name in NUMBER_COLUMNS:
        return Decimal(text)
    return moment(text) if name in MOMENT_COLUMNS else text


def _jobs(recommendation: Recommendation) -> Iterable[Sequence[Any]]:
    for job in recommendation.jobs:
        yield [
            job.job,
            job.cost_center,
            job.start,
            job.finish,
            job.deadline,
            job.slack_hours,
            Decimal(job.cost.amount),
            Decimal(job.usd_per_million_tokens),
            job.miss_probability,
        ]


def _basis(recommendation: Recommendation) -> Iterable[Sequence[Any]]:
    yield from (("warning", text) for text in recommendation.warnings)
    yield from (("assumption", text) for text in recommendation.assumptions)
    yield from (("excluded", f"{one.what}: {one.reason}") for one in recommendation.excluded)


def _fill(sheet: "Worksheet", columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table: header in bold and frozen, columns as wide as what is in them, up to a width."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    widths = [len(name) for name in columns]
    for column, name in enumerate(columns, start=1):
        sheet.cell(1, column, name).font = Font(bold=True)
    for number, row in enumerate(rows, start=2):
        for index, value in enumerate(row):
            _write(sheet.cell(number, index + 1), value, columns[index])
            widths[index] = max(widths[index], len(str(value)))
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = min(width, WIDEST) + 2
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _write(cell: Any, value: Any, column: str) -> None:
    """Set a cell; a text is a text whatever it begins with, so no formula comes from a user."""
    if isinstance(value, str):
        cell.value = one_line(value)
        cell.data_type = "s"
    elif hasattr(value, "tzinfo"):
        cell.value = value.astimezone(UTC).replace(tzinfo=None)
        cell.number_format = MOMENT
    elif value is not None:
        cell.value = value
        cell.number_format = FORMATS.get(column, MONEY if column == "value" else "General")
