"""Whole schedules out of plans of single jobs: greedy insertion, then jobs taken out and planned again.

Every plan that is ever made is kept; solver.engine.select finds the best combination among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
import numpy.typing as npt

from solver.engine.reduce import shortest_s
from solver.large.grid import Grid, Ints
from solver.large.plan import Wish, best_plan, serves
from solver.problem import Job, Problem
from solver.solution import Segment
from solver.verify import HOUR, beside_n3600, run_n3600

Floats = npt.NDArray[np.float64]
Plan = tuple[Segment, ...]
# Times the shortest duration of a successor that a job leaves it beyond what it needs.
RESERVED = 3
# Plans kept of one job.
MOST_PLANS = 120


@dataclass(slots=True)
class Schedule:
    """Plans by job and the nodes they use: [pool, slot], [quota, slot]."""

    plans: dict[str, Plan]
    used: Ints
    shared: Ints

    def copy(self) -> "Schedule":
        """Return an independent copy."""
        return Schedule(dict(self.plans), self.used.copy(), self.shared.copy())


@dataclass(slots=True)
class Guidance:
    """Surcharges that steer plans: per pool and slot, per finish and per first start by job ([slots + 1])."""

    price: Floats
    finish: dict[str, Floats] = field(default_factory=dict)
    begin: dict[str, Floats] = field(default_factory=dict)


class Assembler:
    """Plans single jobs into schedules of one grid; counts the elements it went through as `work`."""

    def __init__(self, grid: Grid, stated: Problem, seed: int) -> None:
        self.grid = grid
        self.stated = stated
        self.random = Random(seed)
        self.pools = {pool.id: pool for pool in stated.pools}
        self.ppm = {pool.id: pool.interrupts_ppm_nh for pool in stated.pools}
        self.releases = {job.id: job for job in stated.jobs}
        self.index = {options.job.id: i for i, options in enumerate(grid.jobs)}
        self.after: dict[str, list[tuple[str, int]]] = {o.job.id: [] for o in grid.jobs}
        for options in grid.jobs:
            for link in options.job.after:
                self.after[link.job].append((options.job.id, link.lag_s))
        self.unit = np.array([0.0 if p.commit is None else float(p.commit.unit_cost * HOUR) for p in stated.pools])
        self.caution = 1.0
        self.reserve: dict[str, int] = {}
        for name in reversed(self.order([o.job.id for o in grid.jobs], shuffled=False)):
            self.reserve[name] = max(
                (
                    self.reserve[later] + RESERVED * self._shortest(later) + 4 * grid.grid_s
                    for later, _ in self.after[name]
                ),
                default=0,
            )
        self.known: dict[str, dict[Plan, int]] = {o.job.id: {} for o in grid.jobs}
        self.work = 0.0
        self.base = grid.price.astype(np.float64)

    def _shortest(self, job: str) -> int:
        return shortest_s(self.grid.jobs[self.index[job]].job, self.grid.unit)

    def empty(self) -> Schedule:
        """Return the schedule without plans."""
        return Schedule({}, np.zeros_like(self.grid.capacity), np.zeros_like(self.grid.limit))

    def cost_of(self, job: str, plan: Sequence[Segment]) -> int:
        """Return what a plan costs by itself, without commits, in 1/3600 micro-USD."""
        return sum(run_n3600(self.pools[s.pool], s) for s in plan) + beside_n3600(self.pools, self.releases[job], plan)

    def cost(self, schedule: Schedule) -> int:
        """Return the cost of all plans and of the nodes committed for them."""
        total = sum(self.known[job][plan] for job, plan in schedule.plans.items())
        return total + sum(int(self.unit[p]) * units for p, units in self.bought(schedule).items())

    def bought(self, schedule: Schedule) -> dict[int, int]:
        """Return the nodes to commit by pool, in whole lots."""
        found = {}
        for p in np.flatnonzero(self.unit > 0):
            commit = self.stated.pools[p].commit
            lot = 1 if commit is None else commit.lot
            found[int(p)] = -(-int(schedule.used[p].max()) // lot) * lot
        return found

    def put(self, schedule: Schedule, job: str, plan: Plan, sign: int = 1) -> None:
        """Add a plan's nodes, or take them out with sign -1."""
        grid = self.grid.grid_s
        for s in plan:
            p = self.grid.pool_of[s.pool]
            window = slice(s.start_s // grid, -(-s.end_s // grid))
            schedule.used[p, window] += sign * s.nodes
            for q in self.grid.quotas_of[p]:
                schedule.shared[q, window] += sign * s.nodes
        if sign > 0:
            schedule.plans[job] = plan
        else:
            del schedule.plans[job]

    def room(self, schedule: Schedule) -> Ints:
        """Return the nodes still free by pool and slot, quotas respected."""
        free = self.grid.capacity - schedule.used
        left = self.grid.limit - schedule.shared
        for p, quotas in enumerate(self.grid.quotas_of):
            for q in quotas:
                np.minimum(free[p], left[q], out=free[p])
        return free

    def insert(
        self, schedule: Schedule, job: str, guidance: Guidance, strength: float, noise: float = 0.0, buckets: int = 200
    ) -> bool:
        """Plan a job into what is free; False where it does not fit."""
        window = self.window(schedule, self.grid.jobs[self.index[job]].job)
        if window is None:
            return False
        wish = self._wish(job, window, guidance, strength, noise, buckets)
        return self._planned(schedule, job, replace(wish, room=self.room(schedule), bought=self._unused(schedule)))

    def imagine(self, job: str, guidance: Guidance, strength: float, noise: float) -> None:
        """Plan a job as if it had all nodes to itself at these prices, and keep the plan for the choice."""
        options = self.grid.jobs[self.index[job]]
        window = options.job.release_s // self.grid.grid_s, options.job.deadline_s
        wish = self._wish(job, window, guidance, strength, noise, 200)
        self._planned(self.empty(), job, replace(wish, room=self.grid.least, bought=np.zeros_like(self.grid.capacity)))

    def _wish(
        self, job: str, window: tuple[int, int], guidance: Guidance, strength: float, noise: float, buckets: int
    ) -> Wish:
        options, slots = self.grid.jobs[self.index[job]], self.grid.slots
        price = self.base
        if strength:
            price = price + strength * guidance.price
        if noise:
            factors = [1.0 + noise * self.random.random() for _ in self.stated.pools]
            price = price * np.array(factors)[:, None]
        finish = np.arange(slots + 1, dtype=np.float64) * (options.job.hold_cost_h * self.grid.grid_s)
        if strength and job in guidance.finish:
            finish = finish + strength * guidance.finish[job]
        begin = strength * guidance.begin[job] if strength and job in guidance.begin else np.zeros(slots + 1)
        nothing = np.zeros((0, 0), dtype=np.int64)
        return Wish(
            first=window[0], last=-(-window[1] // self.grid.grid_s), deadline_s=window[1], price=price,
            room=nothing, bought=nothing, unit=self.unit, finish=finish, begin=begin, buckets=buckets,
            most_options=16 if buckets <= 200 else 24,
        )  # fmt: skip

    def _planned(self, schedule: Schedule, job: str, wish: Wish) -> bool:
        options = self.grid.jobs[self.index[job]]
        for _ in range(5):
            plan = best_plan(self.grid, options, wish)
            slots = min(wish.last - wish.first, 260)
            self.work += slots * wish.buckets * min(len(options.pool), wish.most_options)
            if plan is None:
                return False
            found = tuple(plan)
            if serves(options.job, found, self.ppm):
                self.remember(job, found)
                self.put(schedule, job, found)
                return True
            if options.job.max_interrupts_ppm is not None and len(found) <= (options.job.max_segments or len(found)):
                return False
            wish = replace(wish, segment=max(4 * wish.segment, 0.003 * self.cost_of(job, found)))
        return False

    def remember(self, job: str, plan: Plan) -> None:
        """Keep a plan for the choice; the dearest one goes where there are too many."""
        known = self.known[job]
        known.setdefault(plan, self.cost_of(job, plan))

    def forget(self, kept: Mapping[str, Plan]) -> None:
        """Drop the dearest plans of every job that has too many, never those of a schedule."""
        for job, known in self.known.items():
            if len(known) > MOST_PLANS:
                ranked = sorted(known.items(), key=lambda entry: entry[1])
                self.known[job] = dict(ranked[: MOST_PLANS * 3 // 4])
                if job in kept:
                    self.known[job][kept[job]] = known[kept[job]]

    def _unused(self, schedule: Schedule) -> Ints:
        unused = -schedule.used
        for p, units in self.bought(schedule).items():
            unused[p] += units
        return unused

    def window(self, schedule: Schedule, job: Job) -> tuple[int, int] | None:
        """Return first slot and deadline between what is planned before and after.

        Where nothing is planned after it, a job leaves its successors more time than they need at their fastest.
        """
        grid, release, deadline = self.grid.grid_s, job.release_s, job.deadline_s
        for link in job.after:
            if link.job in schedule.plans:
                release = max(release, schedule.plans[link.job][-1].end_s + link.lag_s)
        for later, lag in self.after[job.id]:
            if later in schedule.plans:
                deadline = min(deadline, schedule.plans[later][0].start_s - lag)
        if deadline == job.deadline_s:
            spare = deadline - release - shortest_s(job, self.grid.unit)
            deadline -= max(0, min(int(self.caution * self.reserve[job.id]), spare // 2)) // grid * grid
        first = -(-release // grid)
        return (first, deadline) if first * grid < deadline else None

    def order(self, jobs: Sequence[str], *, shuffled: bool) -> list[str]:
        """Return jobs predecessors first; otherwise the largest first, or at random."""
        rank = {job: self._size(job) for job in jobs}
        if shuffled:
            rank = {job: self.random.random() for job in jobs}
        waiting, done = set(jobs), []
        while waiting:
            ready = [
                job
                for job in waiting
                if not any(link.job in waiting for link in self.grid.jobs[self.index[job]].job.after)
            ]
            chosen = max(ready, key=lambda job: (rank[job], job))
            waiting.remove(chosen)
            done.append(chosen)
        return done

    def _size(self, job: str) -> float:
        """Return the share of its window that a job takes at its fastest: the least free ones go first."""
        options = self.grid.jobs[self.index[job]]
        window = max(1, options.job.deadline_s - options.job.release_s)
        return float(options.job.work / options.rate.max() / window)

    def greedy(
        self,
        guidance: Guidance,
        strength: float,
        first: Sequence[str] = (),
        *,
        shuffled: bool = False,
        caution: float = 1.0,
        buckets: int = 200,
    ) -> Schedule:
        """Insert all jobs, `first` (with predecessors) before the others; some may stay out.

        `caution` is the share of the time reserved for successors that jobs leave them.
        """
        schedule = self.empty()
        self.caution = caution
        ahead = {name for job in first for name in self.chain(job)}
        jobs = [o.job.id for o in self.grid.jobs]
        order = self.order([j for j in jobs if j in ahead], shuffled=shuffled)
        order += self.order([j for j in jobs if j not in ahead], shuffled=shuffled)
        for job in order:
            self.insert(schedule, job, guidance, strength, buckets=buckets)
        return schedule

    def chain(self, job: str) -> set[str]:
        """Return a job and everything before and after it."""
        found, waiting = set(), [job]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [link.job for link in self.grid.jobs[self.index[name]].job.after]
                waiting += [later for later, _ in self.after[name]]
        return found
