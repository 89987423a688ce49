"""Nodes committed: what a schedule needs, and the variables that buy it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ortools.sat.python import cp_model

from solver.problem import Problem
from solver.solution import Segment


def purchases(problem: Problem, segments: Sequence[Segment]) -> dict[str, int]:
    """Return the fewest nodes to commit for these segments, in whole lots; pools without use are left out.

    Unit costs are never negative, so no schedule gains by more.
    """
    bought = {}
    for pool in problem.pools:
        mine = [s for s in segments if s.pool == pool.id] if pool.commit is not None else []
        if pool.commit is not None and mine:
            most = max(sum(o.nodes for o in mine if o.start_s <= s.start_s < o.end_s) for s in mine)
            bought[pool.id] = -(-most // pool.commit.lot) * pool.commit.lot
    return bought


class Committed:
    """Lots bought of every commit pool of a problem, as variables of a model."""

    def __init__(self, model: cp_model.CpModel, problem: Problem) -> None:
        self.lots: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}
        self.model = model
        for pool in problem.pools:
            if pool.commit is not None:
                self.sizes[pool.id] = pool.commit.lot
                self.lots[pool.id] = model.new_int_var(0, pool.commit.max_units // pool.commit.lot, "")
        for choice in problem.choices:
            if choice.max_units is not None:
                model.add(sum(self.nodes(name) for name in choice.pools) <= choice.max_units)
            if choice.max_pools is not None:
                bought = [self._bought(problem, name) for name in choice.pools]
                model.add(sum(bought) <= choice.max_pools)

    def nodes(self, pool: str) -> Any:
        """Return the nodes committed in a pool."""
        return self.lots[pool] * self.sizes[pool]

    def _bought(self, problem: Problem, name: str) -> Any:
        bought, commit = self.model.new_bool_var(""), problem.pool(name).commit
        self.model.add(self.lots[name] <= (commit.max_units if commit else 0) * bought)
        return bought

    def limit(self, pool: str, uses: Sequence[tuple[Any, int, Any, Any]], open_units: int) -> None:
        """(C8) Uses of a pool, each (taken, nodes, length, interval), run on the nodes committed."""
        nodes, model = self.nodes(pool), self.model
        model.add_cumulative([interval for *_, interval in uses], [demand for _, demand, _, _ in uses], nodes)
        for taken, demand, _, _ in uses:
            model.add(nodes >= demand * taken)
        model.add(sum(demand * length for _, demand, length, _ in uses) <= nodes * open_units)

    def hint(self, problem: Problem, segments: Sequence[Segment]) -> None:
        """Start the next search from what these segments need."""
        bought = purchases(problem, segments)
        for name, lots in self.lots.items():
            self.model.add_hint(lots, bought.get(name, 0) // self.sizes[name])


def open_seconds(steps: Sequence[tuple[int, int]], horizon_s: int) -> int:
    """Return for how long a step function is above 0."""
    edges = [*steps, (horizon_s, 0)]
    return sum(max(0, min(stop, horizon_s) - begin) for (begin, value), (stop, _) in pairwise(edges) if value > 0)
