"""Prices of what jobs share, from a linear program on slots several times longer than the grid (HiGHS).

Whatever it leaves out or averages makes its prices less sharp, never the bound wrong: solver.certificate re-evaluates
them on the true problem. Units inside: dollars, hours, a job's work is 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

from solver.certificate import Certificate
from solver.engine.quiet import silenced
from solver.large.grid import Bools, Grid, Ints, JobOptions

DOLLAR = 3_600_000_000
HOUR = 3600
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Rows:
    """A linear program under construction: columns with cost and bounds, rows with bounds, entries."""

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    entries: list[tuple[Floats, Floats, Floats]] = field(default_factory=list)

    def column(self, cost: float, upper: float) -> int:
        """Add one column and return its number."""
        self.cost.append(cost)
        self.upper.append(upper)
        return len(self.cost) - 1

    def row(self, lower: float, upper: float) -> int:
        """Add one row and return its number."""
        self.row_lower.append(lower)
        self.row_upper.append(upper)
        return len(self.row_lower) - 1

    def add(self, rows: Any, columns: Any, values: Any) -> None:
        """Add entries, given as equally long arrays or as single numbers."""
        r, c, v = np.broadcast_arrays(*(np.atleast_1d(np.asarray(part)) for part in (rows, columns, values)))
        self.entries.append((r.astype(np.float64), c.astype(np.float64), v.astype(np.float64)))


class CoarseModel:
    """The linear program of a grid over coarse slots; `bounds` are the grid slots at which a coarse slot begins."""

    def __init__(self, grid: Grid, bounds: Sequence[int], choices: Sequence[Bools]) -> None:
        self.grid = grid
        self.bounds = np.array(bounds)
        self.sizes = np.diff(self.bounds)
        self.hours = self.sizes * grid.grid_s / HOUR
        self.rows = Rows()
        self.work: list[int] = []
        self.pool_contended, self.quota_contended = grid.contended()
        self.pool_rows = self._node_rows(grid.capacity, self.pool_contended)
        self.quota_rows = self._node_rows(grid.limit, self.quota_contended)
        self.commit_rows, self.commit_columns = self._commits()
        self.waits: dict[tuple[str, str], Ints] = {}
        self.columns: list[tuple[Ints, Ints]] = []
        for options, chosen in zip(grid.jobs, choices, strict=True):
            self._job(options, chosen)
        self._waits()

    def sums(self, rows: Ints | Bools) -> Floats:
        """Add values of grid slots up over coarse slots."""
        return np.add.reduceat(rows.astype(np.float64), self.bounds[:-1], axis=-1)

    def _node_rows(self, limits: Ints, contended: Bools) -> Ints:
        """Add a row of node-hours where jobs can use up what there is; -1 elsewhere."""
        if not len(limits):
            return np.zeros((0, len(self.sizes)), dtype=np.int64)
        room = self.sums(limits) * (self.grid.grid_s / HOUR)
        needed = np.logical_or.reduceat(contended, self.bounds[:-1], axis=1)
        found = np.full(room.shape, -1, dtype=np.int64)
        for i, k in zip(*np.nonzero(needed), strict=True):
            found[i, k] = self.rows.row(-np.inf, float(room[i, k]))
        return found

    def _nodes(self, lines: Ints, columns: Ints, nodes: Ints) -> None:
        limited = lines >= 0
        if limited.any():
            self.rows.add(lines[limited], columns[limited], nodes[limited])

    def _commits(self) -> tuple[dict[int, Ints], dict[int, int]]:
        rows, columns = {}, {}
        for p, pool in enumerate(self.grid.problem.pools):
            if pool.commit is None:
                continue
            columns[p] = self.rows.column(pool.commit.unit_cost * HOUR / DOLLAR, pool.commit.most)
            rows[p] = np.array([self.rows.row(-np.inf, 0.0) for _ in self.sizes])
            opened = self.sums((self.grid.capacity[p] > 0).astype(np.int64)) * self.grid.grid_s / HOUR
            self.rows.add(rows[p], columns[p], -opened)
        return rows, columns

    def _job(self, options: JobOptions, chosen: Bools) -> None:
        """Add a column of hours for every chosen option and coarse slot."""
        grid, rows = self.grid, self.rows
        slots_open = self.sums(options.open)
        where = chosen & (slots_open > 0)
        o, k = np.nonzero(where)
        price = self.sums(options.open * grid.price[options.pool])[o, k] / slots_open[o, k]
        hours = slots_open[o, k] * grid.grid_s / HOUR
        first = len(rows.cost)
        columns = np.arange(first, first + len(o))
        rows.cost.extend((options.nodes[o] * price * HOUR / DOLLAR).tolist())
        rows.upper.extend(hours.tolist())
        work = rows.row(1.0, np.inf)
        self.work.append(work)
        rows.add(work, columns, options.rate[o] * HOUR / options.job.work)
        times = np.array([rows.row(-np.inf, float(hours)) for hours in self.hours])
        self.columns.append((columns, k))
        rows.add(times[k], columns, 1.0)
        self._nodes(self.pool_rows[options.pool[o], k], columns, options.nodes[o])
        for q, members in enumerate(grid.members):
            inside = np.isin(options.pool[o], members)
            if inside.any():
                self._nodes(self.quota_rows[q, k[inside]], columns[inside], options.nodes[o][inside])
        for p, lines in self.commit_rows.items():
            inside = options.pool[o] == p
            if inside.any():
                rows.add(lines[k[inside]], columns[inside], options.nodes[o][inside])

    def _waits(self) -> None:
        """Shares begun (rising) and open (falling) of jobs in chains, which exclude each other."""
        index = {options.job.id: i for i, options in enumerate(self.grid.jobs)}
        begun: dict[str, list[int]] = {}
        still: dict[str, list[int]] = {}
        for options in self.grid.jobs:
            for link in options.job.after:
                begun.setdefault(options.job.id, self._shares(index[options.job.id], 0.0, rising=True))
                hold = self.grid.jobs[index[link.job]].job.hold_cost_h * HOUR / DOLLAR
                still.setdefault(link.job, self._shares(index[link.job], hold, rising=False))
                lag = link.lag_s // self.grid.grid_s
                rows = []
                for k in range(len(self.sizes)):
                    earlier = int(np.searchsorted(self.bounds, self.bounds[k] - lag, side="right")) - 1
                    rows.append(self.rows.row(-np.inf, 1.0))
                    self.rows.add(rows[-1], begun[options.job.id][k], 1.0)
                    if earlier >= 0:
                        self.rows.add(rows[-1], still[link.job][earlier], 1.0)
                self.waits[options.job.id, link.job] = np.array(rows)

    def _shares(self, job: int, hold: float, *, rising: bool) -> list[int]:
        """Add the shares of a job by coarse slot; its hours of a slot are at most its share of the slot."""
        used, where = self.columns[job]
        columns = [self.rows.column(hold * float(hours), 1.0) for hours in self.hours]
        for k, column in enumerate(columns):
            row = self.rows.row(-np.inf, 0.0)
            self.rows.add(row, column, -float(self.hours[k]))
            self.rows.add(row, used[where == k], 1.0)
            if k:
                order = self.rows.row(-np.inf, 0.0)
                lesser, greater = (columns[k - 1], column) if rising else (column, columns[k - 1])
                self.rows.add(order, [lesser, greater], [1.0, -1.0])
        return columns

    def solve(self, seconds: float) -> "Duals | None":
        """Return the prices of the rows; None where no solution was found."""
        rows = self.rows
        r, c, v = (np.concatenate([entry[i] for entry in rows.entries]) for i in range(3))
        order = np.lexsort((r, c))
        linear = highspy.HighsLp()
        linear.num_col_, linear.num_row_ = len(rows.cost), len(rows.row_lower)
        linear.col_cost_ = np.array(rows.cost)
        linear.col_lower_ = np.zeros(len(rows.cost))
        linear.col_upper_ = np.array(rows.upper)
        linear.row_lower_, linear.row_upper_ = np.array(rows.row_lower), np.array(rows.row_upper)
        linear.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        linear.a_matrix_.start_ = np.searchsorted(c[order], np.arange(len(rows.cost) + 1)).astype(np.int32)
        linear.a_matrix_.index_ = r[order].astype(np.int32)
        linear.a_matrix_.value_ = v[order]
        with silenced():
            return self._solved(linear, seconds)

    def _solved(self, linear: highspy.HighsLp, seconds: float) -> "Duals | None":
        engine = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (
            ("log_to_console", False),
            ("output_flag", False),
            ("solver", "ipm"),
            ("run_crossover", "off"),
            ("threads", 1),
            ("time_limit", seconds),
        ):
            engine.setOptionValue(name, value)
        engine.passModel(linear)
        engine.run()
        solution = engine.getSolution()
        if not solution.dual_valid:
            return None
        return Duals(self, np.array(solution.row_dual), engine.getInfo().objective_function_value)


class Duals:
    """Prices of a solved coarse model, on its slots, in micro-USD per node-hour."""

    def __init__(self, model: CoarseModel, row_dual: Floats, value: float) -> None:
        self.model = model
        self.value_usd = value
        self.row_dual = row_dual

    def _prices(self, rows: Ints, per: float | Floats = 1.0) -> Ints:
        """Return rows' prices >= 0 in micro-USD per unit of the row (a node-hour), per `per` of them."""
        dual = np.where(rows >= 0, self.row_dual[rows], 0.0)
        return np.rint(np.maximum(0.0, -dual) / per * 1e6).astype(np.int64)

    def certificate(self, edges: Sequence[int]) -> Certificate:
        """Spread the prices over the grid slots that begin at `edges` (the last is the end)."""
        grid, model = self.model.grid, self.model
        at = np.searchsorted(model.bounds, np.array(edges[:-1]), side="right") - 1

        first = np.array(edges[:-1])

        def named(names: Sequence[str], prices: Ints, where: Bools | None = None) -> dict[str, tuple[int, ...]]:
            fine = prices[:, at] if where is None else prices[:, at] * where[:, first]
            return {name: tuple(row.tolist()) for name, row in zip(names, fine, strict=True) if row.any()}

        problem = grid.problem
        commits = list(model.commit_rows)
        waits = list(model.waits)
        work = np.maximum(0.0, self.row_dual[model.work])
        return Certificate(
            edges_s=tuple(edge * grid.grid_s for edge in edges),
            theta={o.job.id: int(dual * DOLLAR / o.job.work * 2**20) for o, dual in zip(grid.jobs, work, strict=True)},
            pool=named([pool.id for pool in problem.pools], self._prices(model.pool_rows), model.pool_contended),
            quota=named([quota.id for quota in problem.quotas], self._prices(model.quota_rows), model.quota_contended)
            if problem.quotas
            else {},
            commit={problem.pools[p].id: self._commit(p, at, edges) for p in commits},
            wait={
                pair: tuple(self._prices(model.waits[pair], model.hours)[at].tolist())
                for pair in waits
                if (self.row_dual[model.waits[pair]] < 0).any()
            },
        )

    def _commit(self, p: int, at: Ints, edges: Sequence[int]) -> tuple[int, ...]:
        """Spread a commit's prices over the slots in which its pool is open, in all not above the commit's cost."""
        grid = self.model.grid
        prices = self._prices(self.model.commit_rows[p])[at] * (grid.capacity[p, np.array(edges[:-1])] > 0)
        commit = grid.problem.pools[p].commit
        paid = int((prices * np.diff(np.array(edges)) * grid.grid_s).sum())
        cost = (commit.unit_cost if commit is not None else 0) * HOUR
        return tuple((int(price) * cost // paid if paid > cost else int(price)) for price in prices)
