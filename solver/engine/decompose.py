"""A whole problem by decomposition: prices bound it, plans of single jobs fill it, a choice among plans mends it.

All limits are counted in elements that were gone through, so that the same question has the same answer; the wall
clock only ends what takes too long.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solver.certificate import Certificate, Shared
from solver.engine.clock import Clock
from solver.engine.polish import polish
from solver.engine.purchases import purchases
from solver.engine.select import select
from solver.large.assemble import Assembler, Guidance, Schedule
from solver.large.bound import Bounder
from solver.large.grid import Grid
from solver.large.pieces import one_piece
from solver.large.replan import again, related
from solver.problem import Problem
from solver.solution import ONE_CENT_UUSD, Progress, Segment
from solver.verify import Schedule as Checked
from solver.verify import spent_n3600, violations

HOUR = 3600
Listener = Callable[[Progress], None]
# Elements granted per second of the limit; 15 to 40 million a second were done on a core that others shared.
ELEMENTS_PER_SECOND = 10e6
# Elements that one deterministic second of CP-SAT, and one column of the coarse model, stand for.
ELEMENTS_PER_WORK = 40e6
ELEMENTS_PER_COLUMN = 1500
# Rounds of replanning between two choices among plans.
ROUNDS_PER_CHOICE = 25
# By how much of its cost a schedule may get dearer in one step, at the beginning.
HEAT = 0.02
# Jobs planned again exactly after each choice, and deterministic seconds for each time.
POLISHED = (1, 2, 3)
POLISH_WORK = 0.4
# How strongly prices count where jobs are planned at the prices alone.
IMAGINED = (0.8, 1.1)
# Coarse slots of the first and of finer prices, each with its share of the work after which it is tried.
FINER = ((28, 0.0), (60, 0.12), (170, 0.35))
# Columns up to which finer prices are tried.
MOST_COLUMNS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposed:
    """The best schedule (None without one) and its cost, the bound with its certificate, in 1/3600 micro-USD."""

    segments: tuple[Segment, ...] | None
    cost_n3600: int
    bound_n3600: int
    certificate: Certificate | None


class Decomposition:
    """One run over a problem whose windows are tightened already."""

    def __init__(self, problem: Problem, stated: Problem, clock: Clock, seed: int, listen: Listener | None) -> None:
        self.stated, self.clock, self.seed, self.listen = stated, clock, seed, listen
        self.grid = Grid(problem)
        self.jobs = [o.job.id for o in self.grid.jobs]
        self.plans = Assembler(self.grid, stated, seed)
        self.total = clock.limit_s * ELEMENTS_PER_SECOND
        self.spent = 0.0
        step = max(1, self.grid.slots // 240)
        edges = sorted({*self.grid.changes(), *range(0, self.grid.slots, step), self.grid.slots})
        self.bounder = Bounder(self.grid, {job.id: job.release_s for job in stated.jobs}, edges)
        self.guidance = Guidance(np.zeros(self.grid.price.shape))
        self.begun = False
        self.finer = list(FINER)
        self.best = self.plans.empty()
        self.best_key = self.key(self.best)

    @property
    def work(self) -> float:
        """Elements gone through so far."""
        return self.plans.work + self.spent

    @property
    def is_over(self) -> bool:
        """Whether work or wall time is used up, or nothing is left to gain."""
        missing, excess, cost = self.best_key
        proved = not missing and not excess and cost - self.bounder.bound_n3600 < ONE_CENT_UUSD * HOUR
        return proved or self.work >= self.total or self.clock.is_over

    def key(self, schedule: Schedule) -> tuple[int, int, int]:
        """Return what is minimised: jobs missing, money and counts over the limits, cost."""
        return len(self.jobs) - len(schedule.plans), self._excess(schedule), self.plans.cost(schedule)

    def _excess(self, schedule: Schedule) -> int:
        stated = self.stated
        if not (stated.budgets or stated.choices or stated.max_interrupts_ppm is not None):
            return 0
        segments = self.segments(schedule)
        commits = purchases(stated, segments)
        checked = Checked(segments, commits)
        over = sum(max(0, spent_n3600(stated, checked, b) - b.limit * HOUR) for b in stated.budgets)
        if over == 0 and len(schedule.plans) == len(self.jobs):
            over = len(violations(stated, segments, commits))
        return over

    def segments(self, schedule: Schedule) -> tuple[Segment, ...]:
        """Return all segments in the jobs' order."""
        return tuple(s for job in self.jobs for s in schedule.plans.get(job, ()))

    def take(self, schedule: Schedule) -> bool:
        """Keep a schedule that is no worse; tell the listener of a better one."""
        key = self.key(schedule)
        if key > self.best_key:
            return False
        is_better = key < self.best_key
        self.best, self.best_key = schedule, key
        if is_better and key[:2] == (0, 0):
            self._tell()
        return True

    def _tell(self) -> None:
        if self.listen is not None:
            missing, excess, cost = self.best_key
            best = cost // HOUR if not missing and not excess else None
            bound = max(0, self.bounder.bound_n3600 // HOUR)
            self.listen(Progress(phase="plans", best_uusd=best, bound_uusd=bound))

    def advance(self, share: float) -> None:
        """Go on until this share of the work is used: greedy, prices, plans again and again, finer prices."""
        if not self.begun:
            self.begun = True
            for choice in ("cheapest", "scarcest"):
                self.take(one_piece(self.plans, choice))
            self._greedy(0.0)
        limit = share * self.total
        while not self.is_over and (self.work < limit or self.finer[:1] == [FINER[0]]):
            if self.finer and self.work >= self.finer[0][1] * self.total:
                self._price(self.finer.pop(0)[0])
                self._greedy(1.0)
                self._greedy(0.5)
                self._imagine()
            self._improve(limit)
            if not self.is_over:
                self._choose()
            if not self.is_over:
                self._polish()

    def found(self) -> Decomposed:
        """Return the best schedule and the bound."""
        missing, excess, cost = self.best_key
        return Decomposed(
            segments=self.segments(self.best) if not missing and not excess else None,
            cost_n3600=cost,
            bound_n3600=self.bounder.bound_n3600,
            certificate=self.bounder.best,
        )

    def _greedy(self, strength: float) -> None:
        """Insert all jobs; where some stay out, try again with those first."""
        first: list[str] = []
        for attempt in range(6):
            caution = (0.15, 0.5, 1.0)[attempt % 3]
            schedule = self.plans.greedy(self.guidance, strength, first, shuffled=attempt > 3, caution=caution)
            self.take(schedule)
            missing = [job for job in self.jobs if job not in schedule.plans]
            if not missing or self.is_over:
                return
            first = [*missing, *(job for job in first if job not in missing)]

    def _price(self, count: int) -> None:
        """Find prices on about `count` coarse slots and steer by them."""
        slots = self.grid.slots
        step = max(1, round(slots / count))
        changes = self.grid.changes()
        even = {*range(0, slots, step), slots}
        bounds = sorted(even | set(changes)) if len(changes) <= 2 * count else sorted(even)
        self.spent += ELEMENTS_PER_COLUMN * self.bounder.coarse(bounds, MOST_COLUMNS, self.clock)
        certificate = self.bounder.best
        if certificate is None:
            return
        shared = Shared(self.grid, certificate, self.bounder.releases)
        edges = np.array(certificate.edges_s) // self.grid.grid_s
        price = np.repeat(shared.surcharge.astype(np.float64), np.diff(edges), axis=1)
        every = np.arange(slots + 1)
        finish, begin = {}, {}
        for options in self.grid.jobs:
            hold = options.job.hold_cost_h * (every * self.grid.grid_s - self.bounder.releases[options.job.id])
            finish[options.job.id] = np.interp(every, edges, shared.open[options.job.id]) - hold
            begin[options.job.id] = np.interp(every, edges, shared.begun[options.job.id])
        self.guidance = Guidance(price, finish, begin)
        self._tell()

    def _improve(self, limit: float) -> None:
        """Plan related jobs again, many times; a slightly dearer schedule may be the way to a cheaper one."""
        most, random = min(6, len(self.jobs)), self.plans.random
        current, key = self.best, self.best_key
        for _ in range(ROUNDS_PER_CHOICE):
            if self.is_over or self.work >= limit:
                return
            count = random.choice((1, 2, 2, 3, 3, 4, 5, 6))
            noise = random.choice((0.05, 0.2, 0.5))
            trial = again(self.plans, current, self.guidance, min(count, most), noise)
            found = self.key(trial)
            heat = HEAT * (1.0 - self.work / self.total) * random.random()
            # While jobs are left out, dearer schedules of the others are welcome: they may make room.
            is_near = found[:2] == key[:2] and (found[0] > 0 or found[2] <= key[2] * (1.0 + heat))
            if found <= key or is_near:
                current, key = trial, found
                self.take(trial)

    def _imagine(self) -> None:
        """Plan every job at the prices alone, in several ways, and choose among all plans."""
        for strength in IMAGINED:
            for job in self.jobs:
                if self.is_over:
                    return
                self.plans.imagine(job, self.guidance, strength, 0.0)
        self._choose()

    def _polish(self) -> None:
        """Plan a few related jobs again together and exactly."""
        missing, excess, _ = self.best_key
        if missing or excess or self.stated.budgets:
            return
        for count in POLISHED:
            chosen = self.plans.order(related(self.plans, self.best, min(count, len(self.jobs))), shuffled=False)
            trial = polish(self.plans, self.best, chosen, self.clock, work=POLISH_WORK, seed=self.seed)
            self.spent += POLISH_WORK * ELEMENTS_PER_WORK
            if trial is not None:
                self.take(trial)
            if self.is_over:
                return

    def _choose(self) -> None:
        """Find the best combination of the plans known so far."""
        self.plans.forget(self.best.plans)
        if any(not plans for plans in self.plans.known.values()):
            return
        found = select(
            self.stated, self.plans.known, self.best.plans,
            work=max(0.3, 0.02 * self.clock.limit_s), seconds=self.clock.left_s, seed=self.seed,
        )  # fmt: skip
        self.spent += found.work * ELEMENTS_PER_WORK
        if found.plans is not None:
            schedule = self.plans.empty()
            for job, plan in found.plans.items():
                self.plans.put(schedule, job, plan)
            self.take(schedule)
