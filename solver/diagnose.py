"""Names what breaks first in an infeasible problem: true statements, each proved by solving a smaller problem."""

from dataclasses import replace

from solver.problem import Job, Problem
from solver.solution import Infeasible, Reason, Solved
from solver.solve import solve

SECONDS_PER_QUESTION = 5.0


def diagnose(problem: Problem, seed: int = 0) -> tuple[Reason, ...]:
    """Look at each job alone, each chain alone, then at budgets, quotas and pools; report the first that says why."""
    index = {job.id: i for i, job in enumerate(problem.jobs)}
    free = replace(problem, budgets=())
    for job in problem.jobs:
        alone = replace(free, jobs=(replace(job, after=()),))
        outcome = solve(alone, time_limit_s=SECONDS_PER_QUESTION, seed=seed)
        if isinstance(outcome, Infeasible):
            window = f"between {job.release_s} s and {job.deadline_s} s"
            says = f"{job.id} cannot be done {window} even alone and without budgets"
            return outcome.conflict or (Reason(f"jobs[{index[job.id]}].deadline_s", says),)
    for job in problem.jobs:
        names = _chain(job, problem)
        if len(names) > 1:
            chain = replace(free, jobs=tuple(j for j in problem.jobs if j.id in names))
            if isinstance(solve(chain, time_limit_s=SECONDS_PER_QUESTION, seed=seed), Infeasible):
                others = ", ".join(sorted(names - {job.id}))
                says = (
                    f"{job.id} cannot be done by {job.deadline_s} s after {others}, even without other jobs and budgets"
                )
                return (Reason(f"jobs[{index[job.id]}].deadline_s", says),)
    return _shared(problem, free, seed)


def _shared(problem: Problem, free: Problem, seed: int) -> tuple[Reason, ...]:
    """Tell budgets from capacity: whatever all jobs share."""
    outcome = solve(free, time_limit_s=2 * SECONDS_PER_QUESTION, seed=seed)
    if isinstance(outcome, Solved):
        known = "the cheapest plan" if outcome.status == "optimal" else "the best plan found"
        says = f"the budgets cannot hold together: {known} without them costs {outcome.cost_uusd} uUSD in all"
        return tuple(Reason(f"budgets[{i}].limit", says) for i in range(len(problem.budgets)))
    if not isinstance(outcome, Infeasible):
        return ()
    if problem.quotas:
        unlimited = solve(replace(free, quotas=()), time_limit_s=SECONDS_PER_QUESTION, seed=seed)
        if isinstance(unlimited, Solved):
            says = (
                "the quotas leave too few nodes for all jobs together; without quotas and budgets there is a schedule"
            )
            return tuple(Reason(f"quotas[{i}].limit", says) for i in range(len(problem.quotas)))
    says = "the pools have too few nodes for all jobs together, though each job fits alone"
    return tuple(Reason(f"pools[{i}].capacity", says) for i in range(len(problem.pools)))


def _chain(job: Job, problem: Problem) -> set[str]:
    """Return a job's name and those of all its predecessors."""
    jobs = {other.id: other for other in problem.jobs}
    names, waiting = set(), [job.id]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += [link.job for link in jobs[name].after]
    return names
