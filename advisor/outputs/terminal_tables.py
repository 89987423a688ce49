"""The tables of the terminal report. Two layouts where they differ: about 80 columns, and from 110 on."""

from collections.abc import Sequence
from decimal import Decimal

from rich.text import Text

from advisor.outputs.digest import (
    by_category,
    by_job,
    first_missed,
    interval_words,
    origin,
    proof,
    replanned_words,
    segment_costs,
)
from advisor.outputs.page import Column, Page
from advisor.outputs.phrases import (
    clock,
    grouped,
    hours,
    percent,
    percent_at_most,
    pool,
    quantity,
    runs_on,
    short_clock,
    site,
    usd,
    usd_difference,
    usd_trimmed,
)
from advisor.recommendation import Alternative, Conflict, Excluded, JobResult, Line, Recommendation, Relief, Repair

WIDE = 110
BAR_CELLS = 24
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def _moments(answer: Recommendation) -> tuple[bool, str]:
    """Return whether all moments are of one year, and the heading's note on how they are written."""
    moments = [at for job in answer.jobs for at in (job.start, job.finish, job.deadline) if at is not None]
    years = {at.year for at in moments}
    return len(years) == 1, f"UTC, {years.pop()}" if len(years) == 1 else "UTC"


def segments(page: Page, answer: Recommendation) -> None:
    """Print what runs where and when; the numbers return in the cost lines."""
    same_year, note = _moments(answer)
    spell = short_clock if same_year else clock
    page.heading("What runs where, when", note)
    wide = page.width >= WIDE
    columns = [Column("#", figures=True), Column("Runs on"), Column("Nodes", figures=True)]
    columns += [Column("GPUs", figures=True)] if wide else []
    columns += [Column("Start", figures=True), Column("End", figures=True)]
    columns += [Column("Hours", figures=True), Column("Tokens/s", figures=True)] if wide else []
    columns += [Column("Cost", figures=True)]
    costs, last = segment_costs(answer), None
    rows: list[list[Text]] = []
    ruled: list[int] = []
    for number, segment in enumerate(answer.segments):
        if segment.job != last:
            ruled += [len(rows)] if rows else []
            rows.append([Text(), page.text(segment.job, "bold"), *[Text()] * (len(columns) - 2)])
            last = segment.job
        length = (segment.end - segment.start).total_seconds() / 3600
        speed = (
            f"{segment.speed_basis} speed" if wide else f"{segment.tokens_per_second:,} tokens/s, {segment.speed_basis}"
        )
        where = [page.text(runs_on(segment))] if wide else [page.text(pool(segment)), page.text(site(segment), "dim")]
        where.append(page.text(speed, "dim"))
        figures = [f"{segment.nodes:,}", *([f"{segment.gpus:,}"] if wide else [])]
        figures += [spell(segment.start), spell(segment.end)]
        figures += [hours(length).removesuffix(" h"), f"{segment.tokens_per_second:,}"] if wide else []
        figures += [usd(costs[number])]
        rows.append([page.text(str(number + 1), "dim"), page.stack(*where), *(page.text(f) for f in figures)])
    page.table(columns, rows, ruled=ruled)


def jobs(page: Page, answer: Recommendation) -> None:
    """Print every job's finish, slack, cost and risk."""
    same_year, note = _moments(answer)
    spell = short_clock if same_year else clock
    page.heading("Jobs", note)
    headers = ["Finish", "Deadline", "Slack", "Cost", "$/M tokens", "Miss risk"]
    merged = page.width < WIDE
    if merged:
        headers = ["Finish", "Deadline, slack", "Cost, $/M tokens", "Miss risk"]
    rows = []
    for job in answer.jobs:
        deadline = "none" if job.deadline is None else spell(job.deadline)
        slack = "" if job.slack_hours is None else hours(job.slack_hours)
        rate = usd_trimmed(job.usd_per_million_tokens)
        cells = [[spell(job.finish)], [deadline], [slack], [usd(job.cost.amount)], [rate], [_risk(job)]]
        if merged:
            cells = [cells[0], [deadline, slack], [usd(job.cost.amount), f"{rate}/M"], cells[5]]
        name = page.stack(page.text(job.job), page.text(_interruptions(job), "dim"))
        rows.append([name, *(page.stack(*(page.text(part) for part in cell)) for cell in cells)])
    page.table([Column("Job"), *(Column(header, figures=True) for header in headers)], rows)
    unsure = {job.job: interval_words(job, spell) for job in answer.jobs}
    page.bullets([f"{name}: {words}" for name, words in unsure.items() if words], "dim")


def _risk(job: JobResult) -> str:
    """Say how likely the deadline is missed."""
    if job.deadline is None:
        return ""
    return "unknown" if job.miss_probability is None else percent_at_most(job.miss_probability)


def _interruptions(job: JobResult) -> str:
    """Say how often spot nodes are expected to be taken away."""
    return f"expects {job.expected_interruptions:,.1f} interruptions" if job.expected_interruptions else ""


def lines(page: Page, answer: Recommendation) -> None:
    """Print the cost lines by job with basis, source and age; what a line shares with the one above is said once."""
    page.heading("Cost lines", "quantity x unit price; a line without an origin has the one above it")
    rows: list[list[Text]] = []
    ruled = []
    for group in by_job(answer):
        ruled += [len(rows)] if rows else []
        rows.append([page.text(group.name, "bold"), Text(), Text(), page.text(usd(group.cost), "bold")])
        above = None
        for line in group.lines:
            said = origin(line, answer.as_of)
            note = "" if said == above else said
            above = said
            what = page.stack(page.text(_subject(answer, line, line.segment)), page.text(note, "dim"))
            figures = [quantity(line), usd(line.unit_price.amount), usd(line.cost.amount)]
            rows.append([what, *(page.text(figure) for figure in figures)])
    columns = [Column("Line"), *(Column(header, figures=True) for header in ("Quantity", "Unit price", "Cost"))]
    page.table(columns, rows, ruled=ruled)


def _subject(answer: Recommendation, line: Line, number: int | None) -> str:
    """Name a line by the number of its segment, or in the document's own words."""
    if number is None:
        return f"{line.category}: {line.description}"
    return f"#{number + 1} {line.category}, {pool(answer.segments[number]).removesuffix(', owned')}"


def categories(page: Page, answer: Recommendation) -> None:
    """Print what the money goes for, with bars."""
    groups = by_category(answer)
    total = sum((group.cost for group in groups), Decimal(0))
    page.heading("By category")
    rows = []
    for group in groups:
        share = group.cost / total if total else Decimal(0)
        figures = [page.text(usd(group.cost)), page.text(percent(share))]
        rows.append([page.text(group.name), *figures, Text(_bar(share, ascii_only=page.is_ascii), "green")])
    rows.append([page.text("total", "bold"), page.text(usd(total), "bold"), Text(), Text()])
    columns = [Column("Category"), Column("Cost", figures=True), Column("Share", figures=True), Column("")]
    page.table(columns, rows)


def _bar(share: Decimal, *, ascii_only: bool) -> str:
    """Draw a share as a bar, in eighths of a column where the terminal has them; a positive one is never empty."""
    if ascii_only:
        return "#" * max(int(share > 0), round(share * BAR_CELLS))
    whole, eighths = divmod(max(int(share > 0), round(share * BAR_CELLS * 8)), 8)
    return "█" * whole + EIGHTHS[eighths]


def alternatives(page: Page, answer: Recommendation) -> None:
    """Print the other ways to do the same jobs, with their difference to the plan."""
    plan = Decimal(answer.total.amount) if answer.total else Decimal(0)
    rows = [[page.text("this plan", "bold"), page.text(usd(plan), "bold"), Text(), _finish(page, answer)]]
    if saved := answer.savings:
        other = Decimal(saved.total.amount)
        rows.append(
            [
                _named(page, saved.against, saved.status, saved.gap),
                *_totals(page, other, plan),
                page.text(clock(saved.finish)),
            ]
        )
    for one in answer.alternatives:
        name = _named(page, one.description, one.status, one.gap, one.reason)
        totals = [page.text("cannot be done", "dim"), Text()]
        if one.status == "undecided":
            totals = [page.text("not known", "dim"), Text()]
        if one.total is not None:
            totals = _totals(page, Decimal(one.total.amount), plan)
        rows.append([name, *totals, _alternative_finish(page, one)])
    columns = [Column("Plan"), *(Column(header, figures=True) for header in ("Total", "Difference", "Finish, UTC"))]
    page.table(columns, rows)


def _named(page: Page, name: str, status: str, gap: float | None, reason: str | None = None) -> Text:
    """Name a plan, and below it what must be known about its total."""
    note = reason or (proof(status, gap) if status == "feasible" else "")
    return page.stack(page.text(name), page.text(note, "dim"))


def _totals(page: Page, other: Decimal, plan: Decimal) -> list[Text]:
    return [page.text(usd(other)), page.text(usd_difference(other - plan))]


def _finish(page: Page, answer: Recommendation) -> Text:
    return page.text(clock(max(job.finish for job in answer.jobs)))


def _alternative_finish(page: Page, one: Alternative) -> Text:
    return Text() if one.finish is None else page.text(clock(one.finish))


def sensitivity(page: Page, answer: Recommendation) -> None:
    """Print what becomes of the answer in less kind cases."""
    rows = [
        [
            page.text(one.case),
            page.text(usd_difference(Decimal(one.as_planned.added.amount))),
            page.text(first_missed(one)),
            page.text(replanned_words(one)),
        ]
        for one in answer.sensitivity
    ]
    columns = [
        Column("Case"),
        Column("As planned", figures=True),
        Column("First deadline missed"),
        Column("Planned again"),
    ]
    page.table(columns, rows)


def idle(page: Page, answer: Recommendation) -> None:
    """Print the nodes that were available and unused."""
    rows = []
    for one in answer.idle:
        cost = "unknown" if one.cost is None else usd(one.cost.amount)
        name = page.stack(page.text(one.cluster), page.text(one.reason or "", "dim"))
        rows.append([name, page.text(grouped(one.node_hours)), page.text(cost)])
    page.table([Column("Cluster"), Column("Node-hours", figures=True), Column("Cost", figures=True)], rows)


def conflict(page: Page, requirements: Sequence[Conflict]) -> None:
    """Print the requirements of a conflict with their paths in the plan document."""
    rows = [[page.text(one.path, "bold"), page.text(one.says)] for one in requirements]
    page.table([Column("In the plan"), Column("Says")], rows)


def repairs(page: Page, changes: Sequence[Repair]) -> None:
    """Print the repairs, the cheapest first."""
    ordered = sorted(changes, key=lambda one: Decimal(one.total.amount))
    rows = [[page.text(o.path, "bold"), page.text(o.change), page.text(usd(o.total.amount))] for o in ordered]
    page.table([Column("In the plan"), Column("Change"), Column("Plan then costs", figures=True)], rows)


def reliefs(page: Page, priced: Sequence[Relief]) -> None:
    """Print what each requirement costs, and what one unit of relief saves."""
    rows = []
    for relief in priced:
        saves = usd(relief.without.saves.amount)
        rows.append([page.stack(page.text(relief.path, "bold"), page.text(relief.says, "dim")), page.text(saves)])
        for step in relief.steps:
            rows.append([page.text(f"  {step.change}"), page.text(usd(step.saves.amount))])
    page.table([Column("Without it, or with less of it"), Column("Saves", figures=True)], rows)


def excluded(page: Page, rows: Sequence[Excluded]) -> None:
    """Print what was not considered, and why."""
    page.table([Column("What"), Column("Why")], [[page.text(one.what), page.text(one.reason)] for one in rows])
