"""Minimises a linear model in integers, with CP-SAT: slower than in floating point, and right to the last unit."""

from ortools.sat.python import cp_model

from solver.engine.rows import LinearModel, Terms


def whole_bound(bound: float) -> int:
    """Make the engine's bound safe: an integer that a float carries exactly to 2^52, and with doubt beyond."""
    return round(bound) if abs(bound) < 2**52 else int(bound - abs(bound) * 1e-12)


def lower_bound(model: LinearModel, objective: Terms, *, work: float, seconds: float, seed: int) -> int | None:
    """Return a proved lower bound of the objective, or None where the rows are proved to have no solution."""
    built = cp_model.CpModel()
    variables = [built.new_int_var(lower, upper, "") for lower, upper in zip(model.lower, model.upper, strict=True)]
    for row in model.rows:
        built.add(sum(variables[number] * weight for number, weight in row.terms) <= row.limit)
    built.minimize(sum(variables[number] * weight for number, weight in objective))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = work
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(built)
    return None if status == cp_model.INFEASIBLE else whole_bound(solver.best_objective_bound)
