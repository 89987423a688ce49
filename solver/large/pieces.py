"""The plans that people make without a planner: every job in one piece, as soon as it can, on the node of their choice.

They are always among the starts of a search, so no answer is dearer than they are.
"""

from typing import Literal

import numpy as np

from solver.large.assemble import Assembler, Schedule
from solver.large.plan import serves
from solver.solution import Segment

Choice = Literal["cheapest", "scarcest"]


def one_piece(plans: Assembler, choice: Choice) -> Schedule:
    """Place job after job in one segment each: cheapest per token now, or first where a node-hour costs least.

    Jobs that fit nowhere stay out.
    """
    schedule = plans.empty()
    plans.caution = 0.0
    for job in plans.order([o.job.id for o in plans.grid.jobs], shuffled=False):
        found = _first_fit(plans, schedule, job, choice)
        if found is not None:
            plans.remember(job, (found,))
            plans.put(schedule, job, (found,))
    return schedule


def _first_fit(plans: Assembler, schedule: Schedule, job: str, choice: Choice) -> Segment | None:
    grid = plans.grid
    options = grid.jobs[plans.index[job]]
    window = plans.window(schedule, options.job)
    if window is None:
        return None
    fits = options.open & (plans.room(schedule)[options.pool] >= options.nodes[:, None])
    seconds = [options.job.work / rate for rate in options.rate]
    needed = [
        -(-(int(start) - (-options.job.work // int(rate))) // grid.unit) * grid.unit
        for start, rate in zip(options.start_s, options.rate, strict=True)
    ]
    for slot in range(window[0], -(-window[1] // grid.grid_s)):
        price = grid.price[options.pool, slot].astype(np.float64)
        rank = price * options.nodes * np.array(seconds)
        if choice == "scarcest":
            rank = price * 1e12 - options.rate
        for o in np.argsort(rank, kind="stable"):
            start_s = slot * grid.grid_s
            end_s = start_s + needed[o]
            if end_s > window[1] or not fits[o, slot : -(-end_s // grid.grid_s)].all():
                continue
            pool = grid.problem.pools[options.pool[o]].id
            segment = Segment(job=job, pool=pool, nodes=int(options.nodes[o]), start_s=start_s, end_s=end_s)
            if serves(options.job, (segment,), plans.ppm):
                return segment
    return None
