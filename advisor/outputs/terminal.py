"""A recommendation in the terminal: the answer first, then what runs where and when, what it costs, and why.

Good in 80 columns, without colour and without Unicode; numbers are never cut.
"""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from advisor.outputs import terminal_tables as tables
from advisor.outputs.digest import (
    bundled_prices,
    excluded_rows,
    headline,
    next_steps,
    price_ages,
    savings_phrase,
    stopped,
)
from advisor.outputs.page import Page
from advisor.outputs.phrases import clock, counted
from advisor.outputs.timeline import ASCII, UNICODE, Kind, timeline
from advisor.recommendation import Recommendation, Relief

STYLES: dict[Kind, str] = {
    "owned": "green",
    "on_demand": "blue",
    "spot": "yellow",
    "commitment": "magenta",
    "other": "cyan",
    "pause": "dim",
    "deadline": "bold red",
    "later": "bold red",
    "blank": "",
}


def render(recommendation: Recommendation, console: Console) -> None:
    """Print the whole recommendation."""
    page = Page(console)
    _answer(page, recommendation)
    if recommendation.total is None:
        _conflict(page, recommendation)
    else:
        tables.segments(page, recommendation)
        _chart(page, recommendation)
        tables.jobs(page, recommendation)
        tables.lines(page, recommendation)
        tables.categories(page, recommendation)
        _comparisons(page, recommendation)
        if recommendation.sensitivity:
            page.heading("If the world is less kind", "the same nodes held until the work is done, or planned again")
            tables.sensitivity(page, recommendation)
        _idle(page, recommendation)
    _notes(page, recommendation)


def render_explanation(
    recommendation: Recommendation, reliefs: Sequence[Relief], unpriced: Sequence[str], console: Console
) -> None:
    """Print why there is no plan, or what each requirement of the plan costs and why the alternatives lost."""
    page = Page(console)
    _answer(page, recommendation)
    if recommendation.total is None:
        _conflict(page, recommendation)
        return
    page.heading("What the requirements cost", "each relaxed alone, priced by planning again")
    dear = [relief for relief in reliefs if Decimal(relief.without.saves.amount) > 0]
    if dear:
        tables.reliefs(page, dear)
    free = [relief.path for relief in reliefs if relief not in dear]
    if free:
        page.bullets([f"cost nothing: {', '.join(free)}"])
    if unpriced:
        page.bullets([f"not priced in the time given (--time-limit): {', '.join(unpriced)}"], "yellow")
    _comparisons(page, recommendation)


def _answer(page: Page, answer: Recommendation) -> None:
    first, *rest = headline(answer)
    good = {"optimal": "green", "feasible": "yellow"}.get(answer.status, "red")
    paragraphs = [[page.text(first, f"bold {good}"), *(page.text(phrase) for phrase in rest)]]
    if saved := savings_phrase(answer.savings):
        paragraphs.append([page.text(saved)])
    if answer.total is not None:
        paragraphs.append([page.text(price_ages(answer))])
    if bundled := bundled_prices(answer):
        paragraphs.append([page.text(phrase, "yellow") for phrase in bundled])
    if answer.infeasibility is not None and answer.infeasibility.conflict:
        paragraphs.append([page.text(f"in the way: {', '.join(one.path for one in answer.infeasibility.conflict)}")])
    origin = [answer.plan.name, f"as of {clock(answer.as_of)} UTC", answer.id, *filter(None, [stopped(answer)])]
    notes = [page.text(f"{counted(len(answer.warnings), 'warning')} below", "yellow")] if answer.warnings else []
    paragraphs.append([*(page.text(phrase, "dim") for phrase in origin), *notes])
    page.panel(paragraphs, good)


def _chart(page: Page, answer: Recommendation) -> None:
    """Draw the timeline; a name that is too long for the margin stands above its bar."""
    names = [page.text(job.job) for job in answer.jobs]
    most = 16 if page.width < 100 else 28
    margin = max((name.cell_len for name in names if name.cell_len <= most), default=0) + 2
    chart = timeline(answer, min(page.width, 140) - margin - 1, ASCII if page.is_ascii else UNICODE)
    page.heading("Timeline", "UTC; the numbers are nodes")
    for job, cells in chart.bars:
        name = page.text(f" {job}")
        if name.cell_len > margin:
            page.print(name)
            name = Text()
        name.pad_right(margin - name.cell_len)
        bar = [(cell.character, f"{STYLES[cell.under]} reverse" if cell.under else STYLES[cell.kind]) for cell in cells]
        row = Text.assemble(name, *bar)
        row.rstrip()
        page.print(row)
    page.print(Text(" " * margin + chart.rule, "dim"))
    page.print(Text(" " * margin + chart.dates))
    legend = [Text.assemble((cell.character, STYLES[cell.kind]), f" {words}") for cell, words in chart.legend]
    page.print(Text.assemble(" " * margin, Text("   ").join(legend)))


def _comparisons(page: Page, answer: Recommendation) -> None:
    page.heading("Alternatives")
    if answer.savings is None:
        page.bullets(["all on-demand: no such plan was found, so no saving is claimed"])
    tables.alternatives(page, answer)


def _idle(page: Page, answer: Recommendation) -> None:
    if not answer.idle:
        return
    page.heading("Idle nodes you own", "beside the total, not in it")
    tables.idle(page, answer)


def _conflict(page: Page, answer: Recommendation) -> None:
    """Say what cannot hold together, what would repair it, and what to do next."""
    why = answer.infeasibility
    if why is not None and why.conflict:
        page.heading("What stands in the way", "paths in the plan document")
        tables.conflict(page, why.conflict)
    if why is not None and why.repairs:
        page.heading("Changes that make a plan possible", "each alone, priced by planning again")
        tables.repairs(page, why.repairs)
    page.heading("Next")
    page.bullets(next_steps(answer))


def _notes(page: Page, answer: Recommendation) -> None:
    if answer.warnings:
        page.heading("Warnings")
        page.bullets(answer.warnings, "yellow")
    if answer.excluded:
        rows, hidden = excluded_rows(answer.excluded)
        page.heading("Not considered", counted(len(answer.excluded), "exclusion"))
        tables.excluded(page, rows)
        if hidden:
            page.print(page.text(f" and {hidden:,} more, all in recommendation.json", "dim"))
    if answer.assumptions:
        page.heading("Assumptions")
        page.bullets(answer.assumptions)
    page.console.print()
    page.print(page.text(f"All files of this answer: advisor plans show {answer.id} --out DIR", "dim"))
