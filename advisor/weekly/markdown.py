"""The weekly report in Markdown; user texts are escaped as in `report.md`."""

from collections.abc import Sequence

from advisor.outputs.markdown import escaped
from advisor.weekly.document import WeeklyReport
from advisor.weekly.words import (
    MONTH_HEADS,
    MOVE_HEADS,
    OLD_HEADS,
    PLAN_HEADS,
    headline,
    month_cells,
    move_cells,
    old_cells,
    period,
    plan_cells,
    shown_moves,
)


def weekly_markdown(report: WeeklyReport) -> str:
    """Write the report."""
    moved, left = shown_moves(report)
    others = f"{left:,} other prices stood still or moved less." if left else ""
    sections = [
        f"# Planning report {report.week}",
        f"**{escaped(headline(report))}**",
        escaped(period(report)),
        _section("Price moves", _table(MOVE_HEADS, [move_cells(move) for move in moved]), others),
        _section("Open plans", _table(PLAN_HEADS, [plan_cells(plan) for plan in report.plans]), *_reasons(report)),
        _section("Cost still to come, by job and month", _table(MONTH_HEADS, month_cells(report))),
        _section("Prices too old to plan with", _table(OLD_HEADS, old_cells(report)), _limit(report)),
        _section("How to read this", "\n".join(f"- {escaped(note)}" for note in report.notes)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _reasons(report: WeeklyReport) -> list[str]:
    return [
        f"- {escaped(plan.plan)} (`{plan.id}`): {escaped(f'{plan.why} {plan.rests_on}'.strip())}"
        for plan in report.plans
    ]


def _limit(report: WeeklyReport) -> str:
    return f"Too old is more than {report.max_age_hours:g} hours (ADVISOR\\_PRICE\\_MAX\\_AGE\\_HOURS)."


def _section(title: str, table: str, *parts: str) -> str:
    shown = [table or "None.", *(parts if table else ())]
    return "\n\n".join([f"## {title}", *(part for part in shown if part)])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; a head that ends in `>` is a column of figures."""
    if not rows:
        return ""
    names = [head.removesuffix(">") for head in heads]
    rule = ["---:" if head.endswith(">") else "---" for head in heads]
    lines = [names, rule, *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
