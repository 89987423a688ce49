"""A few jobs of a schedule planned again together and exactly, the others as they are: the interval model on little."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from solver.engine.clock import Clock
from solver.engine.goals import COST
from solver.engine.intervals import minimise
from solver.engine.model import IntervalModel
from solver.engine.reduce import with_open_options
from solver.large.assemble import Assembler, Plan, Schedule
from solver.large.grid import Ints
from solver.problem import Job, Problem, Quota, Steps

# Known plans of a job whose options are looked at.
PLANS_SEEN = 12
MOST_OPTIONS = 10
MOST_SEGMENTS = 6


def polish(
    plans: Assembler, schedule: Schedule, chosen: Sequence[str], clock: Clock, *, work: float, seed: int
) -> Schedule | None:
    """Return the schedule with these jobs planned at the least cost into what the others leave; None without one.

    Nodes committed stay as they are. `work` is in deterministic seconds.
    """
    rest = schedule.copy()
    for job in chosen:
        plans.put(rest, job, rest.plans[job], -1)
    options = {job: [(s.pool, s.nodes) for s in schedule.plans[job]] for job in chosen}
    little = _left(plans, schedule, rest, options)
    start = [s for job in chosen for s in schedule.plans[job]]
    segments_of = {job.id: min(job.max_segments or MOST_SEGMENTS, MOST_SEGMENTS) for job in little.jobs}
    if any(len(schedule.plans[job]) > segments_of[job] for job in chosen):
        return None
    model = IntervalModel(little, segments_of, plans.stated)
    found = minimise(
        model, COST, clock, share=work / max(clock.work, 1e-9), lower=None, seed=seed, start=start, listen=None
    )
    if found.segments is None:
        return None
    for job in chosen:
        plan: Plan = tuple(sorted((s for s in found.segments if s.job == job), key=lambda s: s.start_s))
        plans.remember(job, plan)
        plans.put(rest, job, plan)
    return rest


def _left(
    plans: Assembler, schedule: Schedule, rest: Schedule, chosen: Mapping[str, Sequence[tuple[str, int]]]
) -> Problem:
    """Build the problem of the chosen jobs on the nodes that the others leave."""
    stated, grid = plans.stated, plans.grid
    free = grid.capacity - rest.used
    for p, units in plans.bought(schedule).items():
        free[p] = np.minimum(free[p], units - rest.used[p])
    jobs = tuple(_job(plans, rest, job, chosen) for job in chosen)
    used = {o.pool for job in jobs for o in job.options}
    pools = tuple(
        replace(pool, capacity=_steps(free[p], grid.grid_s), commit=None)
        for p, pool in enumerate(stated.pools)
        if pool.id in used
    )
    quotas = tuple(
        Quota(
            id=quota.id,
            pools=tuple(name for name in quota.pools if name in used),
            limit=_steps(grid.limit[q] - rest.shared[q], grid.grid_s),
        )
        for q, quota in enumerate(stated.quotas)
        if used & set(quota.pools)
    )
    little = replace(
        stated, pools=pools, jobs=jobs, quotas=quotas, budgets=(), choices=(), max_interrupts_ppm=None, objective="cost"
    )
    return replace(little, jobs=tuple(with_open_options(job, little) for job in jobs))


def _steps(row: Ints, grid_s: int) -> Steps:
    values = np.maximum(row, 0)
    changes = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist()]
    return tuple((k * grid_s, int(values[k])) for k in changes)


def _job(plans: Assembler, rest: Schedule, name: str, chosen: Mapping[str, Sequence[tuple[str, int]]]) -> Job:
    """Give a job the window that the others leave, and the options of its plan and of its cheapest known plans."""
    job = plans.grid.jobs[plans.index[name]].job
    first, deadline = plans.window(rest, job) or (0, 0)
    grid_s = plans.grid.grid_s
    known = sorted(plans.known[name].items(), key=lambda entry: entry[1])[:PLANS_SEEN]
    seen = dict.fromkeys((s.pool, s.nodes) for plan, _ in known for s in plan)
    kept = list(dict.fromkeys([*chosen[name], *seen]))[:MOST_OPTIONS]
    return replace(
        job,
        release_s=first * grid_s,
        deadline_s=deadline // plans.grid.unit * plans.grid.unit,
        options=tuple(o for o in job.options if (o.pool, o.nodes) in kept),
        after=tuple(link for link in job.after if link.job in chosen),
    )
