"""What a plan's segments become if jobs run at other speeds than planned: held longer, or released earlier.

A job stays on its planned nodes in its planned segments. Too slow, it keeps its last nodes until the work is done, and
jobs that come after it start as much later; fast, it ends where the work is done, and the others start as planned.
Whether nodes are still free later is not asked: what is added is what they would cost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from advisor.configurations import Configuration
from advisor.formulate import Ledger
from pricing.money import cents, half_even
from solver import Segment

HOUR = 3600
Rate = Callable[[Configuration], int]


@dataclass(frozen=True, slots=True)
class Held:
    """A job at another speed: seconds more than planned by segment (fewer where negative), and its finish.

    `later_seconds` also holds what it waits for others.
    """

    added_seconds: Mapping[Segment, int]
    later_seconds: int
    finish: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """When a job finishes and what that adds to its cost, in cents, at both ends of the 80 % interval."""

    early: datetime
    late: datetime
    added_cents_early: int
    added_cents_late: int


def held(segments: Sequence[Segment], ledger: Ledger, rate: Rate) -> Mapping[str, Held]:
    """Run every job of a plan at the tokens per second that `rate` gives its configurations."""
    found: dict[str, Held] = {}
    waiting = list(ledger.plan.jobs)
    while waiting:
        job = next(j for j in waiting if all(name in found for name in j.after))
        waiting.remove(job)
        mine = sorted((s for s in segments if s.job == job.name), key=lambda s: s.start_s)
        end, added = _run(job.tokens, mine, ledger, rate)
        behind = [last_end(name, segments) + found[name].later_seconds - mine[0].start_s for name in job.after]
        later = max(0, *behind, 0) + end - mine[-1].end_s
        found[job.name] = Held(added, later, ledger.grid.moment(mine[-1].end_s + later))
    return found


def _run(tokens: int, mine: Sequence[Segment], ledger: Ledger, rate: Rate) -> tuple[int, dict[Segment, int]]:
    """Return the second in which the work is done, on the end grid, and the seconds more than planned by segment."""
    step = ledger.grid.end_minutes * 60
    left, end = tokens, 0
    added: dict[Segment, int] = {}
    for segment in mine:
        choice = ledger.configurations[segment.job, segment.pool, segment.nodes]
        speed = rate(choice)
        needs = choice.start_seconds + -(-left // speed) if left > 0 else 0
        ends = segment.start_s + -(-needs // step) * step
        if segment is not mine[-1]:
            ends = min(ends, segment.end_s)
        if left > 0:
            end = ends
        left -= speed * max(0, ends - segment.start_s - choice.start_seconds)
        added[segment] = ends - segment.end_s
    return end, added


def last_end(job: str, segments: Sequence[Segment]) -> int:
    """Return the second in which a job's last segment ends."""
    return max(segment.end_s for segment in segments if segment.job == job)


def line_cents(segment: Segment, ledger: Ledger, longer_s: int = 0, dearer: Decimal = Decimal(0)) -> int:
    """Add the lines of a segment as the recommendation writes them, each part in cents; `dearer` is a share on spot."""
    place = ledger.places[segment.pool]
    hours = segment.nodes * Fraction(segment.end_s - segment.start_s + longer_s, HOUR)
    factor = 1 + Fraction(dearer) if place.is_spot else Fraction(1)
    return sum(cents(hours * half_even(price.micro_usd_per_hour * factor)) for price in place.prices)


def _added_cents(job: Held, ledger: Ledger) -> int:
    return sum(line_cents(s, ledger, more) - line_cents(s, ledger) for s, more in job.added_seconds.items())


def spreads(segments: Sequence[Segment], ledger: Ledger) -> Mapping[str, Spread]:
    """Return the 80 % interval of each job that runs, or waits for one that runs, at an estimated speed."""
    choices = {(s.job, s.pool, s.nodes): ledger.configurations[s.job, s.pool, s.nodes] for s in segments}
    unsure = {choice.job for choice in choices.values() if choice.low is not None}
    if not unsure:
        return {}
    behind = {job.name: job.after for job in ledger.plan.jobs}
    for _ in behind:
        unsure |= {name for name, after in behind.items() if unsure.intersection(after)}
    slow = held(segments, ledger, lambda choice: choice.low or choice.tokens_per_second)
    fast = held(segments, ledger, lambda choice: choice.high or choice.tokens_per_second)
    return {
        name: Spread(
            early=fast[name].finish,
            late=slow[name].finish,
            added_cents_early=_added_cents(fast[name], ledger),
            added_cents_late=_added_cents(slow[name], ledger),
        )
        for name in unsure
    }
