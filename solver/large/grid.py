"""A problem on its grid: prices, capacities and options as NumPy arrays over slots of grid_s seconds.

Costs are in 1/3600 micro-USD, so a price in micro-USD per node-hour is the cost of a node-second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solver.problem import Job, Problem, Steps

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class JobOptions:
    """One job's options, sorted by region: pool, nodes, rate, start, where each may run ([option, slot])."""

    job: Job
    pool: Ints
    nodes: Ints
    rate: Ints
    start_s: Ints
    region: Ints
    region_names: list[str]
    open: Bools


class Grid:
    """Arrays of a problem; the i-th row of `price` and `capacity` is the i-th pool, of `limit` the i-th quota."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.grid_s, self.unit = problem.grid_s, problem.end_grid_s
        self.slots = problem.horizon_s // problem.grid_s
        self.pool_of = {pool.id: i for i, pool in enumerate(problem.pools)}
        self.price = self._rows([pool.price for pool in problem.pools])
        self.capacity = self._rows([pool.capacity for pool in problem.pools])
        for i, pool in enumerate(problem.pools):
            if pool.commit is not None:
                np.minimum(self.capacity[i], pool.commit.most, out=self.capacity[i])
        self.limit = self._rows([quota.limit for quota in problem.quotas])
        self.members = [np.array([self.pool_of[name] for name in quota.pools]) for quota in problem.quotas]
        self.quotas_of: list[list[int]] = [[] for _ in problem.pools]
        for q, members in enumerate(self.members):
            for p in members:
                self.quotas_of[p].append(q)
        self.least = self.capacity.copy()
        for p, quotas in enumerate(self.quotas_of):
            for q in quotas:
                np.minimum(self.least[p], self.limit[q], out=self.least[p])
        self.jobs = [self._options(job) for job in problem.jobs]

    def _rows(self, steps: Sequence[Steps]) -> Ints:
        rows = np.zeros((len(steps), self.slots), dtype=np.int64)
        for row, step in zip(rows, steps, strict=True):
            for at, value in step:
                row[at // self.grid_s :] = value
        return rows

    def _options(self, job: Job) -> JobOptions:
        regions = {pool.id: pool.region for pool in self.problem.pools}
        names = list(dict.fromkeys(regions[o.pool] for o in job.options if o.rate > 0))
        chosen = sorted((o for o in job.options if o.rate > 0), key=lambda o: names.index(regions[o.pool]))
        pool = np.array([self.pool_of[o.pool] for o in chosen])
        nodes = np.array([o.nodes for o in chosen])
        opened = self.least[pool] >= nodes[:, None]
        opened[:, : job.release_s // self.grid_s] = False
        for row, o in zip(opened, chosen, strict=True):
            last = job.deadline_s if o.deadline_s is None else min(job.deadline_s, o.deadline_s)
            row[-(-last // self.grid_s) :] = False
        return JobOptions(
            job,
            pool,
            nodes,
            np.array([o.rate for o in chosen]),
            np.array([o.start_s for o in chosen]),
            np.array([names.index(regions[o.pool]) for o in chosen]),
            names,
            opened,
        )

    def contended(self) -> tuple[Bools, Bools]:
        """Return where jobs can use up a pool, and a quota, together: [pool, slot], [quota, slot]."""
        pools = np.zeros(self.capacity.shape, dtype=np.int64)
        quotas = np.zeros(self.limit.shape, dtype=np.int64)
        for options in self.jobs:
            used = options.open * options.nodes[:, None]
            order = np.argsort(options.pool, kind="stable")
            names, firsts = np.unique(options.pool[order], return_index=True)
            most = np.maximum.reduceat(used[order], firsts, axis=0) if len(order) else used
            pools[names] += most
            for q, members in enumerate(self.members):
                inside = np.isin(names, members)
                if inside.any():
                    quotas[q] += most[inside].max(axis=0)
        return pools > self.capacity, quotas > self.limit

    def changes(self) -> list[int]:
        """Return the slots at which a price, capacity, limit or window changes, from 0 to the number of slots."""
        rows = np.concatenate([self.price, self.capacity, self.limit])
        moments = {0, self.slots, *(np.flatnonzero(np.any(rows[:, 1:] != rows[:, :-1], axis=0)) + 1).tolist()}
        for options in self.jobs:
            job = options.job
            moments |= {job.release_s // self.grid_s, job.deadline_s // self.grid_s}
            moments |= {-(-o.deadline_s // self.grid_s) for o in job.options if o.deadline_s is not None}
        return sorted(moment for moment in moments if 0 <= moment <= self.slots)
