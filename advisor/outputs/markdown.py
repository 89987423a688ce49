"""`report.md`: the whole recommendation, answer first, in Markdown that GitHub renders; nothing is left out.

User texts are escaped: a name with pipes, backticks or tags shows as it was typed.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from advisor.outputs.digest import (
    alternative_note,
    bundled_prices,
    by_category,
    by_job,
    first_missed,
    headline,
    interval_words,
    next_steps,
    price_ages,
    proof,
    replanned_words,
    savings_phrase,
    segment_costs,
    stopped,
)
from advisor.outputs.phrases import (
    age,
    clock,
    grouped,
    hours,
    layout,
    one_line,
    percent_at_most,
    runs_on,
    usd,
    usd_difference,
    usd_trimmed,
)
from advisor.outputs.timeline import timeline
from advisor.recommendation import Recommendation

CHART_CELLS = 88
# Punctuation that Markdown or GitHub could read as markup; an underscore or a colon only where it can be some.
SPECIAL = re.compile(r"([\\`*\[\]|~$#]|(?<![^\W_])_|_(?![^\W_])|(?<!\d):(?=[\w+-]+:)|^[-+](?=\s)|(?<=^\d)[.)])")


def report_markdown(recommendation: Recommendation) -> str:
    """Write the report."""
    sections = [_answer(recommendation)]
    if recommendation.total is None:
        sections += [_conflict(recommendation)]
    else:
        sections += [
            _segments(recommendation),
            _timeline(recommendation),
            _jobs(recommendation),
            _lines(recommendation),
            _check(recommendation),
            _alternatives(recommendation),
            _sensitivity(recommendation),
            _idle(recommendation),
        ]
    sections += [
        _bullets("Warnings", recommendation.warnings),
        _excluded(recommendation),
        _bullets("Assumptions", recommendation.assumptions),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def escaped(text: str) -> str:
    """Return user text that Markdown shows as it was typed, in a table or outside."""
    plain = one_line(text).strip().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", plain)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; a header that ends in `>` is a column of figures."""
    names = [header.removesuffix(">") for header in headers]
    rule = ["---:" if header.endswith(">") else "---" for header in headers]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [names, rule, *rows])


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])


def _bullets(title: str, texts: Sequence[str]) -> str:
    return _section(title, "\n".join(f"- {escaped(text)}" for text in texts)) if texts else ""


def _answer(answer: Recommendation) -> str:
    parts = [f"# {escaped(answer.plan.name)}", f"**{' · '.join(headline(answer))}**"]
    if saved := savings_phrase(answer.savings):
        parts.append(f"{saved[0].upper()}{saved[1:]}.")
    if answer.total is not None:
        parts.append(f"P{price_ages(answer)[1:]}.")
    if bundled := bundled_prices(answer):
        parts.append(f"Reference prices that come with the product: {escaped('; '.join(bundled))}.")
    origin = [f"As of {clock(answer.as_of)} UTC", f"made {clock(answer.created_at)} UTC by {escaped(answer.software)}"]
    origin += [
        *filter(None, [stopped(answer)]),
        f"seed {answer.seed}",
        f"`{answer.id}`",
        f"plan SHA-256 `{escaped(answer.plan.sha256)}`",
    ]
    parts.append(", ".join(origin) + ". All times are UTC.")
    return "\n\n".join(parts)


def _conflict(answer: Recommendation) -> str:
    why, parts = answer.infeasibility, []
    if why is not None and why.conflict:
        rows = [[escaped(one.path), escaped(one.says)] for one in why.conflict]
        parts.append("What stands in the way, by its path in the plan document:")
        parts.append(_table(["In the plan", "Says"], rows))
    if why is not None and why.repairs:
        rows = [[escaped(one.path), escaped(one.change), usd(one.total.amount)] for one in why.repairs]
        parts.append("Changes that make a plan possible, each alone, priced by planning again:")
        parts.append(_table(["In the plan", "Change", "Plan then costs>"], rows))
    parts.append("\n".join(f"- {escaped(step)}" for step in next_steps(answer)))
    return _section("Why there is no plan", *parts)


def _segments(answer: Recommendation) -> str:
    rows = [
        [
            str(number + 1),
            escaped(s.job),
            escaped(runs_on(s)),
            f"{s.nodes:,}",
            f"{s.gpus:,}",
            clock(s.start),
            clock(s.end),
            f"{s.tokens:,}",
            f"{s.tokens_per_second:,}",
            escaped(f"{s.speed_basis}: {s.speed_source}"),
            escaped(layout(s)),
            usd(cost),
        ]
        for number, (s, cost) in enumerate(zip(answer.segments, segment_costs(answer), strict=True))
    ]
    headers = ["#>", "Job", "Runs on", "Nodes>", "GPUs>", "Start", "End", "Tokens>", "Tokens/s>", "Speed from"]
    return _section("What runs where, when", _table([*headers, "Layout", "Cost>"], rows))


def _timeline(answer: Recommendation) -> str:
    """Draw the chart in a code block whose fence is longer than any run of backticks in a name."""
    chart = timeline(answer, CHART_CELLS)
    drawn = []
    for job, cells in chart.bars:
        drawn += [one_line(job), "".join(cell.character for cell in cells).rstrip()]
    drawn += [chart.rule, chart.dates, "   ".join(f"{cell.character} {words}" for cell, words in chart.legend)]
    longest = max((len(run) for line in drawn for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return _section("Timeline", "\n".join([f"{fence}text", *drawn, fence]), "The numbers in the bars are nodes.")


def _jobs(answer: Recommendation) -> str:
    rows = [
        [
            escaped(job.job),
            escaped(job.cost_center or ""),
            clock(job.start),
            clock(job.finish),
            "none" if job.deadline is None else clock(job.deadline),
            "" if job.slack_hours is None else hours(job.slack_hours),
            usd(job.cost.amount),
            usd_trimmed(job.usd_per_million_tokens),
            "unknown" if job.miss_probability is None else percent_at_most(job.miss_probability),
            "unknown" if job.expected_interruptions is None else f"{job.expected_interruptions:,.1f}",
        ]
        for job in answer.jobs
    ]
    headers = ["Job", "Cost center", "Start", "Finish", "Deadline", "Slack>", "Cost>", "$ per M tokens>"]
    unsure = {job.job: interval_words(job) for job in answer.jobs}
    notes = "\n".join(f"- {escaped(f'{name}: {words}')}" for name, words in unsure.items() if words)
    return _section("Jobs", _table([*headers, "Miss probability>", "Interruptions>"], rows), notes)


def _lines(answer: Recommendation) -> str:
    rows = [
        [
            escaped(group.name),
            line.category,
            escaped(line.description),
            grouped(line.quantity),
            escaped(line.unit),
            usd(line.unit_price.amount),
            usd(line.cost.amount),
            escaped(line.basis),
            escaped(line.source),
            "" if line.observed_at is None else clock(line.observed_at),
            "" if line.confirmed_at is None else clock(line.confirmed_at),
            "" if line.known_at is None else age(answer.as_of - line.known_at),
        ]
        for group in by_job(answer)
        for line in group.lines
    ]
    headers = ["Job", "Category", "Description", "Quantity>", "Unit", "Unit price>", "Cost>", "Basis", "Source"]
    note = (
        "A line is quantity x unit price, rounded half-even to cents. Prices without a date stand in the plan. "
        "Age counts from the later of first seen and confirmed."
    )
    return _section("Cost lines", note, _table([*headers, "First seen", "Confirmed", "Age"], rows))


def _check(answer: Recommendation) -> str:
    """Show both ways to add the lines up, each to the same total."""
    total = "" if answer.total is None else usd(answer.total.amount)
    parts = ["Multiply any line above by hand; then add the lines by job or by category. Both give the total."]
    for header, groups in (("Job", by_job(answer)), ("Category", by_category(answer))):
        rows = [[escaped(group.name), str(len(group.lines)), usd(group.cost)] for group in groups]
        rows.append(["**total**", str(len(answer.lines)), f"**{total}**"])
        parts.append(_table([header, "Lines>", "Sum>"], rows))
    return _section("Check this total by hand", *parts)


def _sensitivity(answer: Recommendation) -> str:
    if not answer.sensitivity:
        return ""
    rows = [
        [
            escaped(one.case),
            usd_difference(Decimal(one.as_planned.added.amount)),
            escaped(first_missed(one)),
            escaped(replanned_words(one)),
        ]
        for one in answer.sensitivity
    ]
    said = "Held as planned: the same nodes until the work is done. Planned again: solved anew."
    table = _table(["Case", "Held as planned >", "First deadline missed", "Planned again"], rows)
    return f"## If the world is less kind\n\n{said}\n\n{table}"


def _alternatives(answer: Recommendation) -> str:
    plan = Decimal(answer.total.amount) if answer.total else Decimal(0)
    rows = []
    if saved := answer.savings:
        other = Decimal(saved.total.amount)
        note = escaped(proof(saved.status, saved.gap))
        rows.append([saved.against, usd(other), usd_difference(other - plan), clock(saved.finish), note])
    for one in answer.alternatives:
        amount = None if one.total is None else Decimal(one.total.amount)
        rows.append(
            [
                escaped(one.description),
                "" if amount is None else usd(amount),
                "" if amount is None else usd_difference(amount - plan),
                "" if one.finish is None else clock(one.finish),
                escaped(alternative_note(one)),
            ]
        )
    unsaved = "" if answer.savings else "No plan on on-demand offers alone was found, so no saving is claimed."
    table = _table(["Plan", "Total>", "Difference to this plan>", "Finish", "Note"], rows) if rows else ""
    return _section("Alternatives", unsaved, table)


def _idle(answer: Recommendation) -> str:
    rows = [
        [
            escaped(one.cluster),
            grouped(one.node_hours),
            "unknown" if one.cost is None else usd(one.cost.amount),
            escaped(one.reason or ""),
        ]
        for one in answer.idle
    ]
    if not rows:
        return ""
    table = _table(["Cluster", "Node-hours>", "Cost>", "Note"], rows)
    return _section("Idle nodes you own", "Beside the total, not in it.", table)


def _excluded(answer: Recommendation) -> str:
    rows = [[escaped(one.what), escaped(one.reason)] for one in answer.excluded]
    return _section("Not considered", _table(["What", "Why"], rows)) if rows else ""
