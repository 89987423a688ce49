"""A lower bound that knows no segments: a linear relaxation over the whole horizon, made safe in exact fractions.

For each job alone: buy time of its options at their lowest price, without starts, within its window. With theta >= 0
the price of a token and mu >= 0 the price of a second of the window, weak duality gives

    cost_j >= theta W_j - mu (deadline_j - release_j)   where   c_o + mu >= theta rate_o  for every option o,

and holds for any theta when mu = max(0, max_o theta rate_o - c_o): no tolerance of a solver can make it invalid.
"""

from fractions import Fraction

from solver.problem import Job, Problem


def bound_without_segments(problem: Problem, stated: Problem) -> int:
    """Return a valid lower bound in 1/3600 micro-USD: the bounds of the jobs, and holding to the shortest end."""
    from solver.engine.reduce import shortest_s

    releases = {job.id: job.release_s for job in stated.jobs}
    total = 0
    for job in problem.jobs:
        held = job.release_s + shortest_s(job, problem.end_grid_s) - releases[job.id]
        total += job_bound(job, problem) + job.hold_cost_h * max(0, held)
    return total


def job_bound(job: Job, problem: Problem) -> int:
    """Return the best of the bounds at the thetas where the maximum over options changes."""
    prices = {(o.pool, o.nodes): o.nodes * min(price for _, price in problem.pool(o.pool).price) for o in job.options}
    lines = [(prices[o.pool, o.nodes], o.rate) for o in job.options]
    window = job.deadline_s - job.release_s
    thetas = {Fraction(cost, rate) for cost, rate in lines}
    thetas |= {Fraction(a[0] - b[0], a[1] - b[1]) for a in lines for b in lines if a[1] > b[1] and a[0] > b[0]}
    best = Fraction(0)
    for theta in thetas:
        over = max(Fraction(0), *(theta * rate - cost for cost, rate in lines))
        best = max(best, theta * job.work - over * window)
    return best.numerator // best.denominator
