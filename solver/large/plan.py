"""The best plan of one job into what is left of pools and quotas: a dynamic program over (slot, option, work done).

Work is counted in parts. Over the slots from the window's start each option gains the parts of a rounded-down running
total, so a segment's sum is off by less than one part; every start pays one more, so a plan never does too little.
The last segment may end inside a slot, other segments change at slots; ends are cut exactly afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solver.large.bound import hull, spread
from solver.large.grid import Grid, Ints, JobOptions
from solver.problem import Job
from solver.solution import Segment

HOUR = 3600
FAR = 1e30
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is sought for.

    `first` and `last` are grid slots; `price` and `room` by pool and grid slot ([pool, slot], price with surcharges
    per node-second, room for the job's nodes with quotas in it); `bought` by pool and slot the nodes already committed
    and unused, `unit` the cost of one more; `finish` the cost of finishing by the slot's edge, `begin` of first
    starting at it; `segment` a price per segment; `deadline_s` the moment by which the last segment ends.
    """

    first: int
    last: int
    deadline_s: int
    price: Floats
    room: Ints
    bought: Ints
    unit: Floats
    finish: Floats
    begin: Floats
    segment: float = 0.0
    buckets: int = 600
    most_options: int = 24


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The options worth looking at: indices into the job's options, by region, and where they may run."""

    index: Ints
    region: Ints
    firsts: Ints
    regions: Ints
    open: Bools
    price: Floats


def best_plan(grid: Grid, options: JobOptions, wish: Wish) -> list[Segment] | None:
    """Return segments in time order that do the work, or None where none fit."""
    if wish.last <= wish.first:
        return None
    bounds = _bounds(grid, options, wish)
    chosen = _choose(options, wish, bounds)
    if chosen is None:
        return None
    steps = _Steps(grid, options, wish, chosen, bounds)
    found = steps.run()
    return None if found is None else cut(grid, options, found)


def _bounds(grid: Grid, options: JobOptions, wish: Wish) -> Ints:
    """Return the grid slots at which something that matters changes, and enough between them."""
    count = wish.last - wish.first
    if count <= 260:
        return np.arange(wish.first, wish.last + 1)
    window = slice(wish.first, wish.last)
    pools = np.unique(options.pool)
    rows = np.concatenate([wish.room[pools, window], grid.price[pools, window]])
    moments = np.flatnonzero(np.any(rows[:, 1:] != rows[:, :-1], axis=0)) + 1 + wish.first
    even = np.arange(wish.first, wish.last, max(1, count // 160))
    return np.unique(np.concatenate([[wish.first, wish.last], moments, even]))


def _choose(options: JobOptions, wish: Wish, bounds: Ints) -> _Chosen | None:
    starts = bounds[:-1]
    is_open = options.open[:, starts] & (wish.room[options.pool][:, starts] >= options.nodes[:, None])
    usable = np.flatnonzero(is_open.any(axis=1))
    if not len(usable):
        return None
    price = wish.price[options.pool[usable]][:, starts] * options.nodes[usable, None]
    rate = options.rate[usable].astype(np.float64)
    open_here = is_open[usable]
    if len(usable) > wish.most_options:
        size = np.diff(bounds)
        hits: Floats = hull(price, rate, open_here, spread(price, rate, open_here, 14)) @ (1.0 * size)
        layer = open_here & (hits == 0)[:, None]
        if layer.any():
            hits = hits + 0.2 * (hull(price, rate, layer, spread(price, rate, layer, 7)) @ size)
        order = np.argsort(np.negative(hits), kind="stable")[: wish.most_options]
        kept = np.sort(order[hits[order] > 0])
        usable, price, open_here = usable[kept], price[kept], open_here[kept]
    regions, region = np.unique(options.region[usable], return_inverse=True)
    firsts = np.flatnonzero(np.diff(region, prepend=-1))
    return _Chosen(usable, region, firsts, regions, open_here, price)


class _Steps:
    """The dynamic program: least costs by state before slot k, `running[k]` by option and `idle[k]` by region."""

    def __init__(self, grid: Grid, options: JobOptions, wish: Wish, chosen: _Chosen, bounds: Ints) -> None:
        self.grid, self.options, self.wish, self.chosen, self.bounds = grid, options, wish, chosen, bounds
        job = options.job
        self.rate = options.rate[chosen.index].astype(np.float64)
        self.part = job.work / wish.buckets
        self.seconds = np.diff(bounds) * grid.grid_s
        lost = np.ceil(self.rate * options.start_s[chosen.index] / self.part).astype(np.int64) + 1
        passed = (bounds - bounds[0]) * grid.grid_s
        self.gain = np.diff(np.floor(self.rate[:, None] * passed / self.part).astype(np.int64), axis=1)
        # A start goes below the work done so far; states below the first one are work still owed.
        self.below = int(lost.max(initial=0))
        self.size = wish.buckets + self.below
        # One state more, never reached, stands for "no such number of buckets".
        self.lost = self._shifted(lost)
        names = [options.region_names[r] for r in chosen.regions]
        self.stage = np.array([job.stage_cost.get(name, 0) * HOUR for name in names], dtype=np.float64)
        self.move = np.array([job.move_cost.get(name, 0) * HOUR for name in names], dtype=np.float64)
        pools, nodes = options.pool[chosen.index], options.nodes[chosen.index]
        missing = np.maximum(0, nodes[:, None] - wish.bought[pools][:, bounds[:-1]])
        self.entry = np.where(wish.unit[pools] > 0, wish.unit[pools], 0.0)[:, None] * missing + wish.segment
        self.by_length: dict[int, tuple[Ints, Ints, Floats, int]] = {}
        self.cost = np.where(chosen.open, chosen.price * self.seconds, FAR)

    def _shifted(self, by: Ints) -> Ints:
        """Return, for every option, the index of each state `by` buckets further on; `size` where there is none."""
        index = np.arange(self.size)[None] + by[:, None]
        return np.where((index >= 0) & (index < self.size), index, self.size)

    def _of_length(self, seconds: int) -> tuple[Ints, Ints, Floats, int]:
        """Return for a slot of this length where states come from (least gain, one more), and finishing seconds.

        The last number is the first state from which any option finishes.
        """
        if seconds not in self.by_length:
            gain = np.floor(self.rate * seconds / self.part).astype(np.int64)
            need = (self.wish.buckets - np.arange(self.size) + self.below)[None] * self.part / self.rate[:, None]
            units = np.ceil(need / self.grid.unit - 1e-9) * self.grid.unit
            first = min(self.size - 1, max(0, self.size - int(gain.max(initial=0)) - 2))
            finish_s = np.where(units <= seconds, units, FAR)
            self.by_length[seconds] = (self._shifted(-gain), self._shifted(-gain - 1), finish_s, first)
        return self.by_length[seconds]

    def _source(self, k: int) -> Ints:
        """Return, by option, the state before slot k of each state after it."""
        least, more, _, _ = self._of_length(int(self.seconds[k]))
        gain = np.floor(self.rate * self.seconds[k] / self.part).astype(np.int64)
        return np.where((self.gain[:, k] > gain)[:, None], more, least)

    def run(self) -> list[Segment] | None:
        """Go through the slots; return the segments of the cheapest way to finish."""
        chosen, wish, size = self.chosen, self.wish, self.size
        count, regions = len(chosen.index), len(chosen.regions)
        rows = np.arange(count)[:, None] * (size + 1)
        lost = chosen.region[:, None] * (size + 1) + self.lost
        running = np.full((count, size), FAR)
        idle = np.full((regions, size + 1), FAR)
        base = np.full((count, size + 1), FAR)
        self.running, self.idle, best = [running], [idle], (FAR, 0, 0, 0)
        begins = self.below
        for k in range(len(self.seconds)):
            enter = self._enter(idle, begins, k)
            start = enter.ravel().take(lost)
            start += self.entry[:, k, None]
            inner = base[:, :size]
            np.minimum(running, start, out=inner)
            _, _, finish_s, first = self._of_length(int(self.seconds[k]))
            edge = self.bounds[k]
            slope = (wish.finish[self.bounds[k + 1]] - wish.finish[edge]) / self.seconds[k]
            ends = finish_s[:, first:] * (chosen.price[:, k] + slope)[:, None]
            ends += inner[:, first:]
            ends[~chosen.open[:, k]] = FAR
            at = int(ends.argmin())
            value = float(ends.flat[at]) + wish.finish[edge]
            option, state = divmod(at, size - first)
            if value < best[0] and self._in_time(k, float(finish_s[option, first + state])):
                best = (value, k, option, first + state)
            running = base.ravel().take(rows + self._source(k))
            running += self.cost[:, k, None]
            self.running.append(running)
            idle = idle.copy()
            np.minimum(idle[:, :size], np.minimum.reduceat(running, chosen.firsts, axis=0), out=idle[:, :size])
            self.idle.append(idle)
        return None if best[0] >= FAR / 10 else self._back(best[1], best[2], best[3], begins)

    def _in_time(self, k: int, seconds: float) -> bool:
        return float(self.bounds[k] * self.grid.grid_s + seconds) <= self.wish.deadline_s

    def _enter(self, idle: Floats, begins: int, k: int) -> Floats:
        """Return the least cost of being ready to start in a region."""
        moved = (idle + self.move[:, None]).min(axis=0)
        enter: Floats = np.minimum(idle, moved[None] + self.stage[:, None])
        enter[:, begins] = np.minimum(enter[:, begins], self.stage + self.wish.begin[self.bounds[k]])
        return enter

    def _back(self, k: int, option: int, state: int, begins: int) -> list[Segment]:
        """Follow the best way back from the slot and state in which the job finishes."""
        segments: list[Segment] = []
        finish_s = self._of_length(int(self.seconds[k]))[2][option, state]
        end_s = int(self.bounds[k] * self.grid.grid_s + finish_s)
        while True:
            continued = self.running[k][option, state]
            lost = self.lost[option, state]
            enter = self._enter(self.idle[k], begins, k)[self.chosen.region[option], lost] + self.entry[option, k]
            if continued <= enter:
                k -= 1
                state = int(self._source(k)[option, state])
                continue
            segments.append(self._segment(option, int(self.bounds[k]) * self.grid.grid_s, end_s))
            here = self._came_from(k, self.chosen.region[option], int(lost), begins)
            if here is None:
                return segments[::-1]
            k, option = here
            end_s = int(self.bounds[k + 1]) * self.grid.grid_s
            state = int(self._source(k)[option, lost])

    def _segment(self, option: int, start_s: int, end_s: int) -> Segment:
        o = self.chosen.index[option]
        pool = self.grid.problem.pools[self.options.pool[o]].id
        return Segment(
            job=self.options.job.id, pool=pool, nodes=int(self.options.nodes[o]), start_s=start_s, end_s=end_s
        )

    def _came_from(self, k: int, region: int, state: int, begins: int) -> tuple[int, int] | None:
        """Return slot and option of the segment before the one that starts in slot k; None for the first one."""
        idle = self.idle[k]
        costs = idle[:, state] + self.move + self.stage[region]
        costs[region] = idle[region, state]
        best = int(costs.argmin())
        if state == begins and self.stage[region] + self.wish.begin[self.bounds[k]] <= costs[best]:
            return None
        value = idle[best, state]
        while k > 0 and self.idle[k - 1][best, state] == value:
            k -= 1
        inside = np.flatnonzero(self.chosen.region == best)
        return k - 1, int(inside[self.running[k][inside, state].argmin()])


def cut(grid: Grid, options: JobOptions, segments: Sequence[Segment]) -> list[Segment] | None:
    """Shorten ends where the most money is saved per token until no unit of time can go; None where work is missing."""
    job = options.job
    of = {(o.pool, o.nodes): o for o in job.options}
    chosen = [of[s.pool, s.nodes] for s in segments]
    ends = [s.end_s for s in segments]
    surplus = -job.work + sum(
        o.rate * max(0, s.end_s - s.start_s - o.start_s) for o, s in zip(chosen, segments, strict=True)
    )
    if surplus < 0:
        return None
    unit = grid.unit

    def worth(i: int) -> float:
        p = grid.pool_of[chosen[i].pool]
        slot = (ends[i] - 1) // grid.grid_s
        return float(grid.price[p, slot]) * chosen[i].nodes / chosen[i].rate

    for i in sorted(range(len(segments)), key=worth, reverse=True):
        useful = max(0, ends[i] - segments[i].start_s - chosen[i].start_s)
        if useful * chosen[i].rate <= surplus:
            surplus -= useful * chosen[i].rate
            ends[i] = segments[i].start_s
            continue
        spare = surplus // (chosen[i].rate * unit) * unit
        ends[i] -= spare
        surplus -= spare * chosen[i].rate
    kept = [
        Segment(job=s.job, pool=s.pool, nodes=s.nodes, start_s=s.start_s, end_s=end)
        for s, end in zip(segments, ends, strict=True)
        if end > s.start_s
    ]
    return joined(kept)


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """Join neighbours that are one segment."""
    found: list[Segment] = []
    for s in segments:
        last = found[-1] if found else None
        if last is not None and (last.pool, last.nodes, last.end_s) == (s.pool, s.nodes, s.start_s):
            found[-1] = Segment(job=s.job, pool=s.pool, nodes=s.nodes, start_s=last.start_s, end_s=s.end_s)
        else:
            found.append(s)
    return found


def serves(job: Job, segments: Sequence[Segment], interrupts: dict[str, int]) -> bool:
    """Whether a plan keeps the job's own limits (C9)."""
    if job.max_segments is not None and len(segments) > job.max_segments:
        return False
    if job.max_interrupts_ppm is None:
        return True
    risk = sum(interrupts[s.pool] * s.nodes * (s.end_s - s.start_s) for s in segments)
    return risk <= job.max_interrupts_ppm * HOUR
