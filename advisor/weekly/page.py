"""The weekly report as one HTML file: no script, nothing from elsewhere, every text escaped."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from advisor.weekly import words
from advisor.weekly.document import WeeklyReport


def weekly_html(report: WeeklyReport) -> str:
    """Write the report."""
    environment = Environment(
        loader=PackageLoader("advisor.weekly", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    moved, left = words.shown_moves(report)
    return environment.get_template("weekly.html").render(
        report=report,
        headline=words.headline(report),
        period=words.period(report),
        left=left,
        tables={
            "moves": (words.MOVE_HEADS, [words.move_cells(move) for move in moved]),
            "plans": (words.PLAN_HEADS, [words.plan_cells(plan) for plan in report.plans]),
            "months": (words.MONTH_HEADS, words.month_cells(report)),
            "old": (words.OLD_HEADS, words.old_cells(report)),
        },
    )
