"""Minimises a linear model fast, in floating point, with HiGHS: a lower bound made safe, and where to look for a plan.

Rows are scaled to 1 and tolerances are 1e-9, so a row may be missed by 1e-9 of its size; the bound gives way by more
than that costs (`give`, and 1e-8 of itself). Nothing else is taken from here on trust: that there is no solution at
all is proved again in integers (engine/exact).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ortools.math_opt.python import mathopt
from ortools.math_opt.solvers import highs_pb2

from solver.engine.quiet import silenced
from solver.engine.rows import LinearModel, Terms

TOLERANCE = 1e-9
RELATIVE_GIVE = 1e-8


@dataclass(frozen=True, slots=True)
class FloatingBound:
    """A lower bound (None where none was reached), variables' values (None without a solution), what stopped it."""

    bound: float | None
    values: list[float] | None
    is_infeasible: bool
    out_of_time: bool


def _parameters(seconds: float, nodes: int, seed: int, gap: float) -> mathopt.SolveParameters:
    highs = highs_pb2.HighsOptionsProto()
    for name in ("mip_feasibility_tolerance", "primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        highs.double_options[name] = TOLERANCE
    highs.string_options["parallel"] = "off"
    highs.int_options["threads"] = 1
    return mathopt.SolveParameters(
        time_limit=timedelta(seconds=seconds),
        node_limit=nodes,
        random_seed=seed,
        relative_gap_tolerance=TOLERANCE,
        absolute_gap_tolerance=gap,
        highs=highs,
    )


def minimise(
    model: LinearModel,
    objective: Terms,
    more: Sequence[tuple[Terms, int]],
    *,
    give: float,
    seconds: float,
    nodes: int,
    seed: int,
) -> FloatingBound:
    """Minimise the objective under the model's rows and `more` of the form (terms, limit)."""
    scale = max([abs(weight) for _, weight in objective], default=1) or 1
    built, variables = _build(model, [(row.terms, row.limit) for row in model.rows] + list(more))
    built.minimize(mathopt.fast_sum(variables[number] * (weight / scale) for number, weight in objective))
    parameters = _parameters(seconds, nodes, seed, give / 2 / scale)
    with silenced():
        result = mathopt.solve(built, mathopt.SolverType.HIGHS, params=parameters)
    reason, limit = result.termination.reason, result.termination.limit
    ended = mathopt.TerminationReason
    if reason in {ended.INFEASIBLE, ended.INFEASIBLE_OR_UNBOUNDED}:
        return FloatingBound(None, None, is_infeasible=True, out_of_time=False)
    reached = result.best_objective_bound() * scale
    bound = reached - abs(reached) * RELATIVE_GIVE - give if math.isfinite(reached) else None
    values = None
    if result.solutions and result.has_primal_feasible_solution():
        values = result.variable_values(variables)
    return FloatingBound(bound, values, is_infeasible=False, out_of_time=limit == mathopt.Limit.TIME)


def _build(model: LinearModel, rows: Sequence[tuple[Terms, int]]) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    built = mathopt.Model()
    variables = [
        built.add_variable(lb=lower, ub=upper, is_integer=whole)
        for lower, upper, whole in zip(model.lower, model.upper, model.whole, strict=True)
    ]
    for terms, limit in rows:
        size = max([abs(limit), *(abs(weight) for _, weight in terms)], default=1) or 1
        row = built.add_linear_constraint(ub=limit / size)
        for number, weight in terms:
            row.set_coefficient(variables[number], weight / size)
    return built, variables
