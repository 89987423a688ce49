"""What a plan of the interval model costs: variables with weights in 1/3600 micro-USD, and when each is paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ortools.sat.python import cp_model

from solver.problem import Job, Option, Pool, Problem, pieces

HOUR = 3600
Term = tuple[Any, int]


@dataclass(frozen=True, slots=True)
class Paid:
    """Weight x variable is paid somewhere in [begin_s, end_s)."""

    variable: Any
    weight: int
    begin_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Times:
    """The variables of a segment with one option: taken or not; start, end and length in units of end_grid_s."""

    taken: Any
    begins: Any
    end: Any
    length: Any
    longest: int


class RunCost:
    """Writes nodes x price x billed time for uses of one problem."""

    def __init__(self, model: cp_model.CpModel, problem: Problem) -> None:
        self.model = model
        self.problem = problem
        self.unit = problem.end_grid_s

    def paid(self, job: Job, option: Option, times: Times) -> list[Paid]:
        """Return the cost of a use; where the price changes or a budget's window cuts, each overlap by itself.

        Overlaps are at least min(ends) - max(starts) and add up to the billed length, so each is exactly the overlap.
        """
        pool = self.problem.pool(option.pool)
        billed, beyond = self._billed(pool, times)
        periods = self._periods(job, pool, beyond)
        if len(periods) == 1:
            begin_s, stop_s, price = periods[0]
            return [Paid(billed, option.nodes * price * self.unit, begin_s, stop_s)]
        overlaps = [
            Paid(self._overlap(times, billed, begin, stop), option.nodes * price * self.unit, begin, stop)
            for begin, stop, price in periods
        ]
        self.model.add(sum(part.variable for part in overlaps) == billed)
        return overlaps

    def _billed(self, pool: Pool, times: Times) -> tuple[Any, int]:
        """Return the billed length, and by how many seconds it may reach beyond the end."""
        if pool.min_bill_s <= self.unit:
            return times.length, 0
        least = pool.min_bill_s // self.unit
        billed = self.model.new_int_var(0, max(times.longest, least), "")
        self.model.add_max_equality(billed, [times.length, least * times.taken])
        return billed, pool.min_bill_s

    def _periods(self, job: Job, pool: Pool, beyond: int) -> list[tuple[int, int, int]]:
        end = self.problem.horizon_s + beyond
        cuts = {
            edge
            for budget in self.problem.budgets
            if budget.has_window
            and (budget.pools is None or pool.id in budget.pools)
            and (budget.jobs is None or job.id in budget.jobs)
            for edge in (budget.from_s, budget.to_s)
            if edge is not None
        }
        found = []
        for begin, stop, price in pieces(pool.price, end):
            edges = sorted({begin, stop} | {cut for cut in cuts if begin < cut < stop})
            found += [(left, right, price) for left, right in pairwise(edges)]
        return found

    def _overlap(self, times: Times, billed: Any, begin_s: int, stop_s: int) -> Any:
        model, begin, stop = self.model, begin_s // self.unit, stop_s // self.unit
        latest = (self.problem.horizon_s + self.problem.grid_s) // self.unit + times.longest + stop
        overlap = model.new_int_var(0, stop - begin, "")
        model.add(overlap <= (stop - begin) * times.taken)
        upper, lower = (model.new_int_var(0, latest, "") for _ in range(2))
        ends = times.end if billed is times.length else times.begins + billed
        model.add_min_equality(upper, [ends, stop])
        model.add_max_equality(lower, [times.begins, begin])
        model.add(overlap >= upper - lower).only_enforce_if(times.taken)
        return overlap


def staged(model: cp_model.CpModel, job: Job, inside: Mapping[str, Sequence[Any]]) -> list[Term]:
    """Return the staging cost: `inside` gives, for every region, whether each segment runs there."""
    terms = []
    for region, places in inside.items():
        price = job.stage_cost.get(region, 0)
        if price:
            used = model.new_bool_var("")
            for place in places:
                model.add(place <= used)
            terms.append((used, price * HOUR))
    return terms


def moved(model: cp_model.CpModel, job: Job, taken: Sequence[Any], inside: Mapping[str, Sequence[Any]]) -> list[Term]:
    """Return the cost of leaving regions: a region is left where a segment runs in it and the next one does not."""
    terms = []
    for region, places in inside.items():
        price = job.move_cost.get(region, 0)
        if price == 0 or len(inside) == 1:
            continue
        for k in range(len(taken) - 1):
            left = model.new_bool_var("")
            model.add(places[k] + taken[k + 1] - places[k + 1] - 1 <= left)
            terms.append((left, price * HOUR))
    return terms
