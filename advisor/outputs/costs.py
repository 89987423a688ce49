"""`costs.csv`: one row per cost line, with its segment and the origin of its price.

There is no total row, so that a sum over `cost_usd` is the plan's total. A text cell that a spreadsheet would
run as a formula gets an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from advisor.outputs.phrases import one_line
from advisor.recommendation import Line, Recommendation, Segment
from pricing.moments import moment_text

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
PLACE_COLUMNS = ("kind", "cluster", "provider", "region", "zone", "machine", "market", "commitment", "nodes", "gpus")
COLUMNS = (
    "recommendation",
    "plan",
    "as_of",
    "job",
    "cost_center",
    "category",
    "description",
    "segment",
    *PLACE_COLUMNS,
    "start",
    "end",
    "quantity",
    "unit",
    "unit_price_usd",
    "cost_usd",
    "basis",
    "source",
    "observed_at",
    "confirmed_at",
    "age_hours",
)
# Columns of numbers and of moments: nothing in them comes from a user, and a minus is a sign.
NUMBER_COLUMNS = ("segment", "nodes", "gpus", "quantity", "unit_price_usd", "cost_usd", "age_hours")
MOMENT_COLUMNS = ("as_of", "start", "end", "observed_at", "confirmed_at")
PLAIN_COLUMNS = frozenset(("recommendation", "category", *NUMBER_COLUMNS, *MOMENT_COLUMNS))


def costs_csv(recommendation: Recommendation) -> str:
    """Write the cost lines as CSV: header first, UTF-8 text, lines ending in a line feed."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in cost_rows(recommendation):
        writer.writerow({name: cell if name in PLAIN_COLUMNS else safe(cell) for name, cell in row.items()})
    return stream.getvalue()


def cost_rows(recommendation: Recommendation) -> Iterator[dict[str, str]]:
    """Yield a row per cost line, by column: texts as they were typed, what is absent empty or left out."""
    centers = {job.job: job.cost_center for job in recommendation.jobs}
    for line in recommendation.lines:
        row = {
            "recommendation": recommendation.id,
            "plan": recommendation.plan.name,
            "as_of": moment_text(recommendation.as_of),
            "cost_center": centers.get(line.job or "") or "",
            **_line_cells(line, recommendation.as_of),
        }
        if line.segment is not None:
            row |= {"segment": str(line.segment + 1), **_segment_cells(recommendation.segments[line.segment])}
        yield row


def safe(text: str | None) -> str:
    """Return a text cell of one line that no spreadsheet takes for a formula; what is absent is empty."""
    shown = one_line(text or "")
    return f"'{shown}" if (text or "").lstrip(" ").startswith(FORMULA_STARTS) else shown


def _line_cells(line: Line, as_of: datetime) -> dict[str, str]:
    seen, confirmed, known = line.observed_at, line.confirmed_at, line.known_at
    return {
        "job": line.job or "",
        "category": line.category,
        "description": line.description,
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price_usd": line.unit_price.amount,
        "cost_usd": line.cost.amount,
        "basis": line.basis,
        "source": line.source,
        "observed_at": "" if seen is None else moment_text(seen),
        "confirmed_at": "" if confirmed is None else moment_text(confirmed),
        "age_hours": "" if known is None else f"{(as_of - known).total_seconds() / 3600:.2f}",
    }


def _segment_cells(segment: Segment) -> dict[str, str]:
    place = {name: getattr(segment, name) for name in PLACE_COLUMNS}
    cells = {name: "" if value is None else str(value) for name, value in place.items()}
    return cells | {"start": moment_text(segment.start), "end": moment_text(segment.end)}
