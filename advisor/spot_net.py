"""The safety net under spot: until when a job may use it and still finish by its moment (contract, Arithmetic).

A job that must be done by some moment uses spot only until the last moment from which the whole job, started afresh on
its fastest non-spot option, would still make that moment. The moment is its own deadline, or what the deadlines of
its successors leave it on their fastest non-spot options, whichever is earlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.configurations import Configuration
from advisor.places import Grid
from advisor.plan.schema import Job

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Net:
    """A job's last moment on spot, in seconds from the plan's start.

    `free`: nothing must be done by any moment. `none`: no non-spot option makes the moment, so no spot.
    """

    kind: Literal["free", "until", "none"]
    seconds: int = 0
    due_seconds: int = 0


def spot_nets(
    jobs: Sequence[Job],
    configurations: Mapping[str, Sequence[Configuration]],
    grid: Grid,
    limits: Mapping[str, int],
) -> dict[str, Net]:
    """Return each job's net; `limits` gives the tightest limit on nodes of a place by its key."""
    due, latest = _moments(jobs, configurations, grid, limits)
    nets = {}
    for job in jobs:
        moment, start = due[job.name], latest[job.name]
        if moment is None:
            nets[job.name] = Net("free")
        elif start is None:
            nets[job.name] = Net("none", due_seconds=moment)
        else:
            nets[job.name] = Net("until", start, moment)
    return nets


def _moments(
    jobs: Sequence[Job],
    configurations: Mapping[str, Sequence[Configuration]],
    grid: Grid,
    limits: Mapping[str, int],
) -> tuple[dict[str, int | None], dict[str, int | None]]:
    """Return by when each job must be done, and its latest fresh start off spot; successors are settled first."""
    by_name = {job.name: job for job in jobs}
    waiting = {job.name: [other.name for other in jobs if job.name in other.after] for job in jobs}
    due: dict[str, int | None] = {}
    latest: dict[str, int | None] = {}
    while len(due) < len(jobs):
        name = next(n for n in by_name if n not in due and all(s in due for s in waiting[n]))
        job = by_name[name]
        moments = [start for s in waiting[name] if (start := latest[s]) is not None]
        if job.deadline is not None:
            moments.append(grid.floor(job.deadline) * HOUR)
        moment = due[name] = min(moments, default=None)
        latest[name] = None if moment is None else latest_start(job, configurations[name], moment, grid, limits)
    return due, latest


def latest_start(
    job: Job, options: Sequence[Configuration], due_seconds: int, grid: Grid, limits: Mapping[str, int]
) -> int | None:
    """Return the last grid start from which the whole job in one segment ends by the moment, or None.

    Other jobs are left aside; limits, cluster sizes and windows are respected.
    """
    best: int | None = None
    for option in options:
        place = option.place
        # What would have to be bought first is no net: nobody has paid for it.
        if place.is_spot or place.purchase is not None or option.nodes > limits.get(place.key, option.nodes):
            continue
        length = whole_job_seconds(job, option, grid)
        for first, end in _windows(option, grid):
            start = (min(end * HOUR, due_seconds) - length) // HOUR * HOUR
            if start >= first * HOUR and (best is None or start > best):
                best = start
    return best


def whole_job_seconds(job: Job, option: Configuration, grid: Grid) -> int:
    """Return startup + tokens / tokens_per_second, rounded up to the end grid, in seconds."""
    step = grid.end_minutes * 60
    length = option.start_seconds + -(-job.tokens // option.tokens_per_second)
    return -(-length // step) * step


def _windows(option: Configuration, grid: Grid) -> list[tuple[int, int]]:
    """Return the spans of hours in which the place has enough nodes for the option."""
    steps = option.place.capacity
    if steps is None:
        return [(0, grid.hours)]
    spans: list[tuple[int, int]] = []
    ends = [hour for hour, _ in steps[1:]] + [grid.hours]
    for (first, nodes), end in zip(steps, ends, strict=True):
        if nodes < option.nodes:
            continue
        if spans and spans[-1][1] == first:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((first, end))
    return spans
