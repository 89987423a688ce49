"""The relaxation by periods: how long each option runs between two changes of anything, in whatever order.

Periods lie between the changes of prices, capacities, quotas and windows. What is left out: the order inside a period,
starts on the grid, which nodes run at the same second, and more than one start of an option in one stretch. So every
plan is a solution, at no lower cost, of no fewer segments and with no earlier finish than here.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from solver.engine.reduce import Span, spans
from solver.engine.rows import LinearModel, Terms
from solver.problem import Budget, Job, Option, Problem, Steps, pays_at
from solver.verify import value_at

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Run:
    """An option in one stretch in which it may run: used or not, units of time in all and by period.

    `unused` are the units that a minimum bill charges beyond them, None without such a bill.
    """

    job: str
    option: Option
    used: int
    length: int
    by_period: dict[int, int]
    unused: int | None = None


@dataclass(slots=True)
class JobRows:
    """One job: its runs, first start and finish, and the cost beside running."""

    runs: list[Run]
    first: int
    finish: int
    beside: Terms = field(default_factory=list)
    beside_constant: int = 0


class PeriodModel:
    """Builds the rows of a reduced problem; costs are in 1/3600 micro-USD, times in units of end_grid_s."""

    def __init__(self, problem: Problem, stated: Problem) -> None:
        self.problem = problem
        self.stated = {job.id: job for job in stated.jobs}
        self.unit = problem.end_grid_s
        self.edges = [edge // self.unit for edge in change_moments(problem)]
        self.periods = list(pairwise(self.edges))
        self.model = LinearModel()
        self.lots = {
            pool.id: self.model.variable(0, pool.commit.max_units // pool.commit.lot)
            for pool in problem.pools
            if pool.commit is not None
        }
        self.jobs = {job.id: self._job(job) for job in problem.jobs}
        for job in problem.jobs:
            for link in job.after:
                before, lag = self.jobs[link.job].finish, link.lag_s // self.unit
                self.model.at_most([(before, 1), (self.jobs[job.id].first, -1)], -lag)
        self._limits()
        self.cost, self.constant = self._spent(Budget(id="", pools=None, jobs=None, limit=0))
        for budget in problem.budgets:
            terms, constant = self._spent(budget)
            self.model.at_most(terms, budget.limit * HOUR - constant)
        self._choices()
        self.risk = self._interruptions()
        self.count: Terms = [(run.used, 1) for rows in self.jobs.values() for run in rows.runs]
        self.finishes: Terms = [(rows.finish, 1) for rows in self.jobs.values()]
        self.last: Terms = [(self._latest(), 1)]

    def _latest(self) -> int:
        last = self.model.variable(0, self.edges[-1], whole=False)
        for rows in self.jobs.values():
            self.model.at_most([(rows.finish, 1), (last, -1)], 0)
        return last

    def _job(self, job: Job) -> JobRows:
        model = self.model
        runs = [self._run(job, option, span) for option in job.options for span in spans(job, option, self.problem)]
        done = [(run.length, -run.option.rate * self.unit) for run in runs]
        lost = [(run.used, run.option.rate * run.option.start_s) for run in runs]
        model.at_most(done + lost, -job.work)
        if job.max_segments is not None:
            model.at_most([(run.used, 1) for run in runs], job.max_segments)
        release, deadline = job.release_s // self.unit, job.deadline_s // self.unit
        first = model.variable(release, deadline, whole=False)
        finish = model.variable(release, deadline, whole=False)
        model.at_most([(run.length, 1) for run in runs] + [(first, 1), (finish, -1)], 0)
        for k, (begin, end) in enumerate(self.periods):
            model.at_most([(run.by_period[k], 1) for run in runs if k in run.by_period], end - begin)
        rows = JobRows(runs, first, finish)
        self._in_time(job, rows)
        self._beside(job, rows)
        return rows

    def _run(self, job: Job, option: Option, span: Span) -> Run:
        model, unit = self.model, self.unit
        begin, end = span.start_s // unit, span.end_s // unit
        enough = -(-(job.work + option.rate * option.start_s) // (option.rate * unit))
        longest, least = min(end - begin, enough), option.start_s // unit + 1
        used = model.variable(0, 1 if longest >= least else 0)
        length = model.variable(0, longest)
        model.at_most([(length, 1), (used, -longest)], 0)
        model.at_most([(length, -1), (used, least)], 0)
        within = [k for k, (start, stop) in enumerate(self.periods) if start < end and stop > begin]
        unused = self._unused(option, used, length)
        if len(within) == 1:
            return Run(job.id, option, used, length, {within[0]: length}, unused)
        parts = {k: self._part(self.periods[k], begin, end, longest) for k in within}
        model.at_most([(length, 1)] + [(part, -1) for part in parts.values()], 0)
        model.at_most([(length, -1)] + [(part, 1) for part in parts.values()], 0)
        return Run(job.id, option, used, length, parts, unused)

    def _unused(self, option: Option, used: int, length: int) -> int | None:
        least = self.problem.pool(option.pool).min_bill_s
        if least <= self.unit:
            return None
        unused = self.model.variable(0, least // self.unit, whole=False)
        self.model.at_most([(used, least // self.unit), (length, -1), (unused, -1)], 0)
        return unused

    def _part(self, period: tuple[int, int], begin: int, end: int, longest: int) -> int:
        inside = min(period[1], end) - max(period[0], begin)
        return self.model.variable(0, min(longest, inside), whole=False)

    def _in_time(self, job: Job, rows: JobRows) -> None:
        """A job that runs after an edge ends after it by at least so long; one that runs before starts so early."""
        is_before = any(link.job == job.id for other in self.problem.jobs for link in other.after)
        if not (is_before or job.after or job.hold_cost_h):
            return
        model = self.model
        release, deadline = job.release_s // self.unit, job.deadline_s // self.unit
        for edge in self.edges:
            if not release < edge < deadline:
                continue
            later = self._parts(rows, edge, self.edges[-1])
            runs_later = model.variable(0, 1)
            model.at_most([*later, (runs_later, edge - deadline)], 0)
            model.at_most([*later, (runs_later, edge - release), (rows.finish, -1)], -release)
            earlier = self._parts(rows, 0, edge)
            runs_earlier = model.variable(0, 1)
            model.at_most([*earlier, (runs_earlier, release - edge)], 0)
            model.at_most([*earlier, (runs_earlier, deadline - edge), (rows.first, 1)], deadline)

    def _parts(self, rows: JobRows, begin: int, end: int) -> Terms:
        chosen = {k for k, period in enumerate(self.periods) if begin <= period[0] and period[1] <= end}
        return [(part, 1) for run in rows.runs for k, part in run.by_period.items() if k in chosen]

    def _beside(self, job: Job, rows: JobRows) -> None:
        """Staging of every region used, leaving all of them but one, and holding from the stated release."""
        regions = {option.pool: self.problem.pool(option.pool).region for option in job.options}
        lasts: Terms = []
        for region in dict.fromkeys(regions.values()):
            stage, move = job.stage_cost.get(region, 0), job.move_cost.get(region, 0)
            if not (stage or move):
                continue
            visited = self.model.variable(0, 1, whole=False)
            for run in rows.runs:
                if regions[run.option.pool] == region:
                    self.model.at_most([(run.used, 1), (visited, -1)], 0)
            rows.beside.append((visited, stage * HOUR))
            if move:
                left, last = (self.model.variable(0, 1, whole=False) for _ in range(2))
                self.model.at_most([(visited, 1), (last, -1), (left, -1)], 0)
                rows.beside.append((left, move * HOUR))
                lasts.append((last, 1))
        self.model.at_most(lasts, 1)
        if job.hold_cost_h:
            rows.beside.append((rows.finish, job.hold_cost_h * self.unit))
            rows.beside_constant = -job.hold_cost_h * self.stated[job.id].release_s

    def _limits(self) -> None:
        """(C7) as node-time of every pool and quota in every period, where it can bind."""
        limits: list[tuple[tuple[str, ...], Steps]] = [((pool.id,), pool.capacity) for pool in self.problem.pools]
        limits += [(quota.pools, quota.limit) for quota in self.problem.quotas]
        runs = [run for rows in self.jobs.values() for run in rows.runs]
        for pool in self.problem.pools:
            if pool.commit is not None:
                self._on_committed(pool.commit.lot, self.lots[pool.id], [r for r in runs if r.option.pool == pool.id])
        for names, steps in limits:
            mine = [run for run in runs if run.option.pool in names]
            for k, (begin, end) in enumerate(self.periods):
                here = [run for run in mine if k in run.by_period]
                most: dict[str, int] = {}
                for run in here:
                    most[run.job] = max(most.get(run.job, 0), run.option.nodes)
                nodes = value_at(steps, begin * self.unit)
                if sum(most.values()) > nodes:
                    self._limit(here, k, nodes, end - begin)

    def _on_committed(self, lot: int, lots: int, runs: list[Run]) -> None:
        """(C8) as node-time of every period, and as nodes of every run used."""
        for run in runs:
            self.model.at_most([(run.used, run.option.nodes), (lots, -lot)], 0)
        for k, (begin, end) in enumerate(self.periods):
            here = [(run.by_period[k], run.option.nodes) for run in runs if k in run.by_period]
            if here:
                self.model.at_most([*here, (lots, lot * (begin - end))], 0)

    def _choices(self) -> None:
        commits = {pool.id: pool.commit for pool in self.problem.pools if pool.commit is not None}
        for choice in self.problem.choices:
            if choice.max_units is not None:
                sold = [(self.lots[name], commits[name].lot) for name in choice.pools]
                self.model.at_most(sold, choice.max_units)
            if choice.max_pools is not None:
                bought = {name: self.model.variable(0, 1) for name in choice.pools}
                for name, variable in bought.items():
                    self.model.at_most([(self.lots[name], 1), (variable, -commits[name].max_units)], 0)
                self.model.at_most([(variable, 1) for variable in bought.values()], choice.max_pools)

    def _interruptions(self) -> Terms:
        """(C9) limits on expected interruptions; returns their sum over all jobs in ppm x nodes x units."""
        ppm = {pool.id: pool.interrupts_ppm_nh for pool in self.problem.pools}
        total: Terms = []
        for job in self.problem.jobs:
            risk = [(run.length, ppm[run.option.pool] * run.option.nodes) for run in self.jobs[job.id].runs]
            total += risk
            if job.max_interrupts_ppm is not None:
                self.model.at_most(risk, job.max_interrupts_ppm * HOUR // self.unit)
        if self.problem.max_interrupts_ppm is not None:
            self.model.at_most(total, self.problem.max_interrupts_ppm * HOUR // self.unit)
        return total

    def _limit(self, runs: list[Run], period: int, nodes: int, length: int) -> None:
        """Nodes counted in lots of `lot`, rounded down: valid for any lot, and says which gangs exclude each other."""
        for lot in sorted({run.option.nodes for run in runs} | {1}):
            terms = [(run.by_period[period], run.option.nodes // lot) for run in runs]
            self.model.at_most(terms, nodes // lot * length)

    def _spent(self, entry: Budget) -> tuple[Terms, int]:
        """Return what a budget counts, as in the checker: terms in 1/3600 micro-USD and a constant.

        What a minimum bill charges beyond a run counts at the least price, and in no window.
        """
        terms: Terms = []
        constant = 0
        for name, rows in self.jobs.items():
            if entry.jobs is not None and name not in entry.jobs:
                continue
            for run in rows.runs:
                if entry.pools is None or run.option.pool in entry.pools:
                    terms += self._run_cost(run, entry)
            if entry.pools is None and not entry.has_window:
                terms += rows.beside
                constant += rows.beside_constant
        for pool in self.problem.pools if entry.jobs is None else ():
            counts_here = entry.pools is None or pool.id in entry.pools
            if pool.commit is not None and counts_here and entry.covers(pays_at(pool), pays_at(pool) + 1):
                terms.append((self.lots[pool.id], pool.commit.lot * pool.commit.unit_cost * HOUR))
        return terms, constant

    def _run_cost(self, run: Run, entry: Budget) -> Terms:
        price, nodes = self.problem.pool(run.option.pool).price, run.option.nodes * self.unit
        terms = [
            (part, nodes * value_at(price, self.edges[k] * self.unit))
            for k, part in run.by_period.items()
            if entry.covers(self.edges[k] * self.unit, self.edges[k + 1] * self.unit)
        ]
        if run.unused is not None and not entry.has_window:
            terms.append((run.unused, nodes * min(value for _, value in price)))
        return terms


def change_moments(problem: Problem) -> list[int]:
    """Return the seconds at which anything changes, from 0 to the horizon, on the end grid."""
    steps: list[Steps] = [pool.price for pool in problem.pools] + [pool.capacity for pool in problem.pools]
    steps += [quota.limit for quota in problem.quotas]
    moments = {at for step in steps for at, _ in step} | {0, problem.horizon_s}
    moments |= {edge for budget in problem.budgets for edge in (budget.from_s, budget.to_s) if edge is not None}
    for job in problem.jobs:
        moments |= {job.release_s, job.deadline_s} | {o.deadline_s for o in job.options if o.deadline_s is not None}
    unit = problem.end_grid_s
    return sorted({moment // unit * unit for moment in moments if 0 <= moment <= problem.horizon_s})
