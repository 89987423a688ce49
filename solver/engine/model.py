"""The plan as optional intervals in CP-SAT: job x segment x option, starts on the grid, ends on the end grid.

Time is counted in units of end_grid_s, cost in units of the greatest common divisor of all cost coefficients, tokens
as they are: every constraint is exact in integers. Redundant energy rows (time of a job and its chain, node-time of a
pool and a quota) give the linear relaxation the bound that intervals alone do not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Any

from ortools.sat.python import cp_model

from solver.engine.money import HOUR, Paid, RunCost, Term, Times, moved, staged
from solver.engine.purchases import Committed, open_seconds
from solver.engine.reduce import spans
from solver.problem import Budget, Job, Option, Problem, Steps, pays_at, pieces
from solver.solution import Segment


@dataclass(frozen=True, slots=True)
class Use:
    """A segment with one option: whether it is taken, and for how long."""

    job: str
    option: Option
    taken: Any
    length: Any
    interval: Any
    cost: list[Paid]


@dataclass(frozen=True, slots=True)
class Slot:
    """The k-th segment of a job, if there is one."""

    taken: Any
    start: Any
    end: Any
    uses: list[Use]


@dataclass(frozen=True, slots=True)
class Rows:
    """One job's segments and the cost beside running: staging and holding (terms and a constant)."""

    slots: list[Slot]
    first: Any
    finish: Any
    beside: list[Term]
    beside_constant: int


class IntervalModel:
    """Builds the model of a reduced problem; `segments_of` gives each job's most segments."""

    def __init__(self, problem: Problem, segments_of: dict[str, int], stated: Problem) -> None:
        self.problem = problem
        self.stated = stated
        self.releases = {job.id: job.release_s for job in stated.jobs}
        self.unit = problem.end_grid_s
        self.per_start = problem.grid_s // problem.end_grid_s
        self.end = problem.horizon_s // self.unit
        self.model = cp_model.CpModel()
        self.run_cost = RunCost(self.model, problem)
        self.committed = Committed(self.model, problem)
        self.rows = {job.id: self._job(job, segments_of[job.id]) for job in problem.jobs}
        self._precedence()
        self._capacity()
        terms, constant = self._spent(Budget(id="", pools=None, jobs=None, limit=0))
        self.scale = max(1, gcd(*(weight for _, weight in terms), constant))
        self.constant = constant
        self.cost = sum(variable * (weight // self.scale) for variable, weight in terms)
        for budget in problem.budgets:
            self._budget(budget)
        self.risk = self._interruptions()
        self.last = self._latest([rows.finish for rows in self.rows.values()])
        self.count = sum(slot.taken for rows in self.rows.values() for slot in rows.slots)
        self.finishes = sum(rows.finish for rows in self.rows.values())

    def _job(self, job: Job, most: int) -> Rows:
        model, release, deadline = self.model, job.release_s // self.unit, job.deadline_s // self.unit
        slots = [self._slot(job, release, deadline) for _ in range(most)]
        model.add(slots[0].taken == 1)
        for earlier, later in pairwise(slots):
            model.add_implication(later.taken, earlier.taken)
            model.add(later.start * self.per_start >= earlier.end).only_enforce_if(later.taken)
        done = [
            use.option.rate * (self.unit * use.length - use.option.start_s * use.taken)
            for slot in slots
            for use in slot.uses
        ]
        model.add(sum(done) >= job.work)
        finish = model.new_int_var(release, deadline, f"finish {job.id}")
        model.add_max_equality(finish, [slot.end for slot in slots])
        first = slots[0].start
        # Energy of the job: what it runs fits between its first start and its finish (C3, C4, C6 in the relaxation).
        model.add(sum(use.length for slot in slots for use in slot.uses) <= finish - first * self.per_start)
        beside, constant = self._beside(job, slots, finish)
        return Rows(slots, first, finish, beside, constant)

    def _slot(self, job: Job, release: int, deadline: int) -> Slot:
        model = self.model
        taken = model.new_bool_var("")
        start = model.new_int_var(release // self.per_start, max(release, deadline - 1) // self.per_start, "")
        end = model.new_int_var(release, deadline, "")
        uses = [self._use(job, option, start, end) for option in job.options]
        model.add(sum(use.taken for use in uses) == taken)
        model.add(start * self.per_start == release).only_enforce_if(~taken)
        model.add(end == release).only_enforce_if(~taken)
        return Slot(taken, start, end, uses)

    def _use(self, job: Job, option: Option, start: Any, end: Any) -> Use:
        model, unit = self.model, self.unit
        open_spans = spans(job, option, self.problem)
        first, last = open_spans[0].start_s // unit, open_spans[-1].end_s // unit
        longest = max(span.end_s - span.start_s for span in open_spans) // unit
        least = option.start_s // unit + 1
        taken = model.new_bool_var("")
        length = model.new_int_var(0, longest, "")
        model.add(length <= longest * taken)
        model.add(length >= least * taken)
        begins = start * self.per_start
        model.add(length == end - begins).only_enforce_if(taken)
        model.add(begins >= first).only_enforce_if(taken)
        model.add(end <= last).only_enforce_if(taken)
        interval = model.new_optional_interval_var(begins, length, end, taken, "")
        cost = self.run_cost.paid(job, option, Times(taken, begins, end, length, longest))
        return Use(job.id, option, taken, length, interval, cost)

    def _beside(self, job: Job, slots: Sequence[Slot], finish: Any) -> tuple[list[Term], int]:
        """Staging of every region used, moves, and holding from the stated release to the finish."""
        regions = {option.pool: self.problem.pool(option.pool).region for option in job.options}
        inside = {
            region: [sum(use.taken for use in slot.uses if regions[use.option.pool] == region) for slot in slots]
            for region in dict.fromkeys(regions.values())
        }
        terms = staged(self.model, job, inside)
        terms += moved(self.model, job, [slot.taken for slot in slots], inside)
        if job.hold_cost_h == 0:
            return terms, 0
        terms.append((finish, job.hold_cost_h * self.unit))
        return terms, -job.hold_cost_h * self.releases[job.id]

    def _precedence(self) -> None:
        for job in self.problem.jobs:
            for link in job.after:
                before = self.rows[link.job]
                begins = self.rows[job.id].first * self.per_start
                self.model.add(begins >= before.finish + link.lag_s // self.unit)

    def _uses(self) -> list[Use]:
        return [use for rows in self.rows.values() for slot in rows.slots for use in slot.uses]

    def _capacity(self) -> None:
        """(C7) as cumulative constraints, with the node-time of the whole horizon as a redundant row."""
        uses = self._uses()
        for pool in self.problem.pools:
            mine = [use for use in uses if use.option.pool == pool.id]
            self._limit(mine, pool.capacity)
            if pool.commit is not None and mine:
                demands = [(use.taken, use.option.nodes, use.length, use.interval) for use in mine]
                opened = open_seconds(pool.capacity, self.problem.horizon_s) // self.unit
                self.committed.limit(pool.id, demands, opened)
        for quota in self.problem.quotas:
            self._limit([use for use in uses if use.option.pool in quota.pools], quota.limit)

    def _limit(self, uses: list[Use], limit: Steps) -> None:
        per_job: dict[str, int] = {}
        for use in uses:
            per_job[use.job] = max(per_job.get(use.job, 0), use.option.nodes)
        periods = pieces(limit, self.problem.horizon_s)
        most = max(value for _, _, value in periods)
        if not uses or min(value for _, _, value in periods) >= sum(per_job.values()):
            return
        intervals, demands = [use.interval for use in uses], [use.option.nodes for use in uses]
        for begin, stop, value in periods:
            if value < most:
                size = (stop - begin) // self.unit
                intervals.append(self.model.new_fixed_size_interval_var(begin // self.unit, size, ""))
                demands.append(most - value)
        self.model.add_cumulative(intervals, demands, most)
        room = sum(value * ((stop - begin) // self.unit) for begin, stop, value in periods)
        self.model.add(sum(use.option.nodes * use.length for use in uses) <= room)

    def _spent(self, entry: Budget) -> tuple[list[Term], int]:
        """Return what a budget counts, as in the checker: terms in 1/3600 micro-USD and a constant."""
        terms: list[Term] = []
        constant = 0
        for name, rows in self.rows.items():
            if entry.jobs is not None and name not in entry.jobs:
                continue
            for use in (use for slot in rows.slots for use in slot.uses):
                if entry.pools is None or use.option.pool in entry.pools:
                    terms += [(part.variable, part.weight) for part in use.cost if entry.covers(*_when(part))]
            if entry.pools is None and not entry.has_window:
                terms += rows.beside
                constant += rows.beside_constant
        for pool in self.problem.pools if entry.jobs is None else ():
            counts_here = entry.pools is None or pool.id in entry.pools
            if pool.commit is not None and counts_here and entry.covers(pays_at(pool), pays_at(pool) + 1):
                lot = pool.commit.lot * pool.commit.unit_cost
                terms.append((self.committed.lots[pool.id], lot * HOUR))
        return terms, constant

    def _interruptions(self) -> Any:
        """(C9) limits on expected interruptions; returns their sum over all jobs in ppm x nodes x units."""
        ppm = {pool.id: pool.interrupts_ppm_nh for pool in self.problem.pools}
        risks = []
        for job in self.problem.jobs:
            uses = [use for slot in self.rows[job.id].slots for use in slot.uses]
            risks.append(sum(ppm[use.option.pool] * use.option.nodes * use.length for use in uses))
            if job.max_interrupts_ppm is not None:
                self.model.add(risks[-1] <= job.max_interrupts_ppm * HOUR // self.unit)
        if self.problem.max_interrupts_ppm is not None:
            self.model.add(sum(risks) <= self.problem.max_interrupts_ppm * HOUR // self.unit)
        return sum(risks)

    def _budget(self, entry: Budget) -> None:
        terms, constant = self._spent(entry)
        room = entry.limit * HOUR - constant
        weights = [weight for _, weight in terms if weight]
        scale = max(1, gcd(*weights)) if weights else 1
        self.model.add(sum(variable * (weight // scale) for variable, weight in terms) <= room // scale)

    def _latest(self, finishes: Sequence[Any]) -> Any:
        last = self.model.new_int_var(0, self.end, "last finish")
        self.model.add_max_equality(last, finishes)
        return last

    def segments(self, solver: cp_model.CpSolver) -> tuple[Segment, ...]:
        """Read the schedule from a solution, in the jobs' order and in time order."""
        found = []
        for name, rows in self.rows.items():
            for slot in rows.slots:
                for use in slot.uses:
                    if solver.boolean_value(use.taken):
                        start = solver.value(slot.start) * self.problem.grid_s
                        end = solver.value(slot.end) * self.unit
                        found.append(
                            Segment(job=name, pool=use.option.pool, nodes=use.option.nodes, start_s=start, end_s=end)
                        )
        return tuple(found)

    def hint(self, segments: Sequence[Segment]) -> None:
        """Start the next search from a schedule whose options this model has."""
        model = self.model
        model.clear_hints()  # type: ignore[no-untyped-call]
        self.committed.hint(self.problem, segments)
        for job in self.problem.jobs:
            mine = sorted((s for s in segments if s.job == job.id), key=lambda s: s.start_s)
            rows = self.rows[job.id]
            model.add_hint(rows.finish, mine[-1].end_s // self.unit)
            for k, slot in enumerate(rows.slots):
                self._hint_slot(slot, mine[k] if k < len(mine) else None, job.release_s)

    def _hint_slot(self, slot: Slot, segment: Segment | None, release_s: int) -> None:
        model = self.model
        start, end = (release_s, release_s) if segment is None else (segment.start_s, segment.end_s)
        model.add_hint(slot.taken, segment is not None)
        model.add_hint(slot.start, start // self.problem.grid_s)
        model.add_hint(slot.end, end // self.unit)
        for use in slot.uses:
            taken = segment is not None and (segment.pool, segment.nodes) == (use.option.pool, use.option.nodes)
            model.add_hint(use.taken, taken)
            model.add_hint(use.length, (end - start) // self.unit if taken else 0)


def _when(part: Paid) -> tuple[int, int]:
    return part.begin_s, part.end_s
