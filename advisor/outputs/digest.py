"""What all outputs say alike about a recommendation: its headline, the age of its prices, sums, groups.

Sums are of the document's own lines, in decimal arithmetic: nothing is rounded again.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from advisor.outputs.phrases import (
    age,
    clock,
    counted,
    date,
    hours,
    listed,
    percent,
    percent_at_most,
    site,
    usd,
    usd_difference,
)
from advisor.recommendation import (
    TOO_OLD,
    Alternative,
    Excluded,
    JobResult,
    Line,
    Recommendation,
    Savings,
    Sensitivity,
)
from pricing.offer import Market

WHOLE_PLAN = "whole plan"
MOST_EXCLUDED_ROWS = 12


@dataclass(frozen=True, slots=True)
class Sum:
    """Lines that belong together, and what they add up to."""

    name: str
    lines: tuple[Line, ...]

    @property
    def cost(self) -> Decimal:
        """Exact sum of the lines."""
        return sum((Decimal(line.cost.amount) for line in self.lines), Decimal("0.00"))


def headline(answer: Recommendation) -> list[str]:
    """Return the answer in phrases, the most important first: total, proof, deadlines."""
    if answer.total is None:
        return [no_answer(answer)]
    return [usd(answer.total.amount), proof(answer.status, answer.gap), *_deadlines(answer)]


def no_answer(answer: Recommendation) -> str:
    """Say in a few words that there is no plan, and whether that is proved."""
    if answer.status == "infeasible":
        return "No plan can meet all requirements"
    return "Undecided: no plan and no proof that there is none"


def next_steps(answer: Recommendation) -> list[str]:
    """Say what to try where there is no plan."""
    if answer.status == "undecided":
        return [
            "Give it longer: --time-limit 600.",
            "Make the question smaller: fewer node counts per job, fewer regions under placement, "
            "a coarser end_grid_minutes, or the jobs in two plans.",
        ]
    fresh = [
        "Prices were left out because they are too old: `advisor prices collect`, or --prices FILE.csv, may make "
        "the plan possible as it is."
    ]
    steps = fresh if any(one.reason.startswith(TOO_OLD) for one in answer.excluded) else []
    if answer.infeasibility is not None and answer.infeasibility.repairs:
        return ["Make one of these changes in the plan document, and plan again.", *steps]
    return ["Change what stands in the way in the plan document, and plan again.", *steps]


def proof(status: str, gap: float | None) -> str:
    """Say how good a plan is known to be."""
    if status == "optimal":
        return "proved optimal"
    return "feasible" if gap is None else f"feasible, within {percent_at_most(gap)} of the best possible"


def _deadlines(answer: Recommendation) -> list[str]:
    slack = [job.slack_hours for job in answer.jobs if job.slack_hours is not None]
    missed = sum(1 for hours in slack if hours < 0)
    if missed:
        return [f"{missed} of {counted(len(slack), 'deadline')} missed"]
    words = {0: [], 1: ["the deadline holds"], 2: ["both deadlines hold"]}
    return words.get(len(slack), [f"all {len(slack)} deadlines hold"])


def stopped(answer: Recommendation) -> str | None:
    """Say what ended the search where it was not the proof; a proved plan's comparisons may still have been cut off."""
    if answer.status == "optimal" and answer.stopped_by == "wall_time":
        return "comparisons stopped at the time limit"
    return {"work_limit": "stopped at its work limit", "wall_time": "stopped at the time limit"}.get(answer.stopped_by)


def savings_phrase(saved: Savings | None) -> str | None:
    """Say what the plan saves; a comparison that is not proved optimal is called the best found."""
    if saved is None:
        return None
    amount, other = Decimal(saved.saved.amount), Decimal(saved.total.amount)
    against = saved.against if saved.status == "optimal" else f"the best found plan of {saved.against}"
    if amount == 0:
        return f"costs the same as {against}"
    share = f" ({percent(abs(amount) / other)})" if other else ""
    return f"{usd(abs(amount))}{share} {'less' if amount > 0 else 'more'} than {against}"


def price_ages(answer: Recommendation) -> str:
    """Say how many prices of machines the total rests on and how old they were when the plan was made.

    Those of storage and transfer stand in the lines.
    """
    rows = {
        (
            None if line.segment is None else site(answer.segments[line.segment]),
            line.unit, line.unit_price.amount, line.basis, line.source, line.known_at,
        )
        for line in answer.lines
        if line.known_at and line.category not in {"storage", "egress"}
    }  # fmt: skip
    moments = sorted(at for *_, at in rows if at)
    if not moments:
        return "prices: none from a market, every rate stands in the plan document"
    said = f"prices: {counted(len(rows), 'row')}, {'seen' if moments[0] == moments[-1] else 'newest'} "
    said += f"{date(moments[-1])} ({age(answer.as_of - moments[-1])} old)"
    if moments[0] != moments[-1]:
        said += f", oldest {age(answer.as_of - moments[0])} old"
    return said


def bundled_prices(answer: Recommendation) -> list[str]:
    """Say of every bundled price that the total rests on how old it was: spot by place, the others together."""
    spot: dict[str, timedelta] = {}
    others: list[timedelta] = []
    for line in answer.lines:
        if not line.bundled or line.known_at is None:
            continue
        length = answer.as_of - line.known_at
        segment = None if line.segment is None else answer.segments[line.segment]
        if segment is not None and segment.market == Market.SPOT:
            spot[f"{site(segment)} {segment.machine}"] = length
        else:
            others.append(length)
    said = [f"bundled spot price of {place}, {age(length)} old" for place, length in spot.items()]
    if others:
        ages = dict.fromkeys(age(length) for length in (min(others), max(others)))
        said.append(f"bundled list prices, {' to '.join(ages)} old")
    return said


def origin(line: Line, as_of: datetime) -> str:
    """Say where a line's price comes from: basis, source, age; what stands in the plan document has no age."""
    basis = line.basis.replace("_", " ")
    parts = [line.source] if line.source.startswith(basis) else [basis, line.source]
    if line.bundled:
        parts.insert(0, "bundled")
    if line.known_at is not None:
        parts.append(f"{age(as_of - line.known_at)} old")
    return " · ".join(parts)


def by_job(answer: Recommendation) -> list[Sum]:
    """Group the lines by job, jobs in the document's order, what belongs to the whole plan last."""
    names = dict.fromkeys([job.job for job in answer.jobs] + [line.job for line in answer.lines if line.job])
    sums = [Sum(name, tuple(line for line in answer.lines if line.job == name)) for name in names]
    whole = tuple(line for line in answer.lines if line.job is None)
    return sums + ([Sum(WHOLE_PLAN, whole)] if whole else [])


def by_category(answer: Recommendation) -> list[Sum]:
    """Group the lines by category, the dearest first."""
    names = dict.fromkeys(line.category for line in answer.lines)
    sums = [Sum(name, tuple(line for line in answer.lines if line.category == name)) for name in names]
    return sorted(sums, key=lambda group: -group.cost)


def segment_costs(answer: Recommendation) -> list[Decimal]:
    """Return for each segment the sum of its lines."""
    costs = [Decimal("0.00")] * len(answer.segments)
    for line in answer.lines:
        if line.segment is not None:
            costs[line.segment] += Decimal(line.cost.amount)
    return costs


def excluded_rows(excluded: Iterable[Excluded], most: int = MOST_EXCLUDED_ROWS) -> tuple[list[Excluded], int]:
    """Return at most so many rows, and how many things they leave out.

    Where there are more things than rows, those with one reason share a row that counts them.
    """
    everything = list(excluded)
    if len(everything) <= most:
        return everything, 0
    counts = Counter(one.reason for one in everything)
    shown = []
    for reason, count in counts.most_common(most):
        names = [one.what for one in everything if one.reason == reason]
        what = names[0] if count == 1 else f"{count:,}: {listed(names, 2)}"
        shown.append(Excluded(what=what, reason=reason))
    return shown, len(everything) - sum(counts[row.reason] for row in shown)


def alternative_note(one: Alternative) -> str:
    """Say how good an alternative is known to be and where it differs, or why it cannot be done."""
    if one.total is None:
        return one.reason or proof(one.status, one.gap)
    return "; ".join(filter(None, [proof(one.status, one.gap), one.reason]))


def first_missed(one: Sensitivity) -> str:
    """Name the first deadline that a less kind case breaks, and by how much."""
    held = one.as_planned
    if held.first_deadline_missed is None or held.late_hours is None:
        return "none"
    return f"{held.first_deadline_missed}, by {hours(held.late_hours)}"


def interval_words(job: JobResult, spell: Callable[[datetime], str] = clock) -> str:
    """Say between what its finish and cost lie in four of five cases; "" where every speed was measured."""
    if job.finish_early is None or job.finish_late is None or job.cost_low is None or job.cost_high is None:
        return ""
    when = f"done {spell(job.finish_early)} to {spell(job.finish_late)}"
    return f"80 % interval of the estimates: {when}, {usd(job.cost_low.amount)} to {usd(job.cost_high.amount)}"


def replanned_words(one: Sensitivity) -> str:
    """Say what the plan costs when it is made again for a case."""
    again = one.replanned
    if again.total is None or again.added is None:
        return "no plan can meet all requirements" if again.status == "infeasible" else "not decided in the time given"
    note = "" if again.status == "optimal" else f", {proof(again.status, again.gap)}"
    return f"{usd(again.total.amount)} ({usd_difference(Decimal(again.added.amount))}{note})"
