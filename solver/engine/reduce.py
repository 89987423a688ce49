"""What can be settled before any search: windows along chains, options without a slot, options another one dominates.

Everything here is exact: no schedule of lower cost is lost. What cannot hold for a single job is reported at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from solver.problem import Job, Option, Pool, Problem, Steps, pieces
from solver.solution import Reason

MANY_OPTIONS = 150
ALL_OPTIONS = 15_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of seconds in which an option may run."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Reduced:
    """The problem with tighter windows and fewer options, and what is impossible already."""

    problem: Problem
    impossible: tuple[Reason, ...]


def reduce(problem: Problem) -> Reduced:
    """Tighten windows, drop options that cannot run or are dominated, and name jobs that cannot be done at all.

    Of very many options (`MANY_OPTIONS` of a job) none is compared with the others; of more (`ALL_OPTIONS` of all
    jobs) only the windows are tightened.
    """
    if sum(len(job.options) for job in problem.jobs) > ALL_OPTIONS:
        tightened, reasons = tighten(problem)
        return Reduced(tightened, tuple(reasons))
    opened = tuple(with_open_options(job, problem) for job in problem.jobs)
    reasons = [
        Reason(f"jobs[{i}].options", f"no option of {job.id} can run: none has the nodes and the time")
        for i, job in enumerate(opened)
        if not job.options
    ]
    if reasons:
        return Reduced(problem, tuple(reasons))
    tightened, reasons = tighten(replace(problem, jobs=opened))
    if reasons:
        return Reduced(problem, tuple(reasons))
    trimmed = tuple(with_open_options(job, tightened) for job in tightened.jobs)
    if max(len(job.options) for job in trimmed) > MANY_OPTIONS:
        return Reduced(replace(tightened, jobs=trimmed), ())
    kept = tuple(replace(job, options=undominated(job, tightened)) for job in trimmed)
    return Reduced(replace(tightened, jobs=kept), ())


def spans(job: Job, option: Option, problem: Problem) -> list[Span]:
    """Return the stretches of the job's window in which pool and quotas have the option's nodes."""
    limits = [problem.pool(option.pool).capacity]
    limits += [quota.limit for quota in problem.quotas if option.pool in quota.pools]
    commit = problem.pool(option.pool).commit
    if commit is not None:
        limits.append(((0, commit.most),))
    end = job.deadline_s if option.deadline_s is None else min(job.deadline_s, option.deadline_s)
    end -= end % problem.end_grid_s
    found = [Span(job.release_s, end)] if end > job.release_s else []
    for limit in limits:
        found = [part for span in found for part in _cut(span, limit, option.nodes, problem.horizon_s)]
    return found


def _cut(span: Span, limit: Steps, nodes: int, horizon_s: int) -> list[Span]:
    """Keep the parts of a span in which the step function allows so many nodes."""
    parts: list[Span] = []
    for begin, end, value in pieces(limit, horizon_s):
        start, stop = max(begin, span.start_s), min(end, span.end_s)
        if value < nodes or stop <= start:
            continue
        if parts and parts[-1].end_s == start:
            parts[-1] = Span(parts[-1].start_s, stop)
        else:
            parts.append(Span(start, stop))
    return parts


def with_open_options(job: Job, problem: Problem) -> Job:
    """Keep the options that can make progress somewhere: a span longer than their start, at a rate above 0."""
    ample = _ample_nodes(problem)
    long_enough = job.deadline_s - job.release_s
    options = tuple(
        option
        for option in job.options
        if option.rate > 0
        and (
            (option.deadline_s is None and option.nodes <= ample[option.pool] and option.start_s < long_enough)
            or any(s.end_s - s.start_s > option.start_s for s in spans(job, option, problem))
        )
    )
    return replace(job, options=options)


def _ample_nodes(problem: Problem) -> dict[str, int]:
    """Return the nodes that every pool has at every second."""
    least = {pool.id: min(value for _, value in pool.capacity) for pool in problem.pools}
    for pool in problem.pools:
        if pool.commit is not None:
            least[pool.id] = min(least[pool.id], pool.commit.most)
    for quota in problem.quotas:
        for name in quota.pools:
            least[name] = min(least[name], *(value for _, value in quota.limit))
    return least


def shortest_s(job: Job, end_grid_s: int) -> int:
    """Return a lower bound of first start to last end: the whole work at the highest rate after the shortest start."""
    seconds = -(-job.work // max(o.rate for o in job.options)) + min(o.start_s for o in job.options)
    return -(-seconds // end_grid_s) * end_grid_s


def tighten(problem: Problem) -> tuple[Problem, list[Reason]]:
    """Move releases after predecessors and deadlines before successors, each job taken at its shortest."""
    jobs = {job.id: job for job in problem.jobs}
    order = _in_order(problem.jobs)
    index = {job.id: i for i, job in enumerate(problem.jobs)}
    grid = problem.grid_s
    for name in order:
        for link in jobs[name].after:
            before = jobs[link.job]
            earliest = before.release_s + shortest_s(before, problem.end_grid_s) + link.lag_s
            release = max(jobs[name].release_s, -(-earliest // grid) * grid)
            jobs[name] = replace(jobs[name], release_s=release)
        job = jobs[name]
        ends = job.release_s + shortest_s(job, problem.end_grid_s)
        if ends > job.deadline_s:
            late = ends - job.deadline_s
            chain = " after its predecessors" if job.after else ""
            says = f"{job.id} cannot end before {ends} s{chain}, {late} s after its deadline of {job.deadline_s} s"
            return problem, [Reason(f"jobs[{index[name]}].deadline_s", says)]
    for name in reversed(order):
        job = jobs[name]
        latest = (job.deadline_s - shortest_s(job, problem.end_grid_s)) // grid * grid
        for link in job.after:
            before = jobs[link.job]
            jobs[link.job] = replace(before, deadline_s=min(before.deadline_s, max(0, latest - link.lag_s)))
    return replace(problem, jobs=tuple(jobs[job.id] for job in problem.jobs)), []


def _in_order(jobs: Sequence[Job]) -> list[str]:
    """Return the jobs' names, predecessors first."""
    after = {job.id: {link.job for link in job.after} for job in jobs}
    order: list[str] = []
    while len(order) < len(jobs):
        order.append(next(name for name in after if name not in order and after[name] <= set(order)))
    return order


def undominated(job: Job, problem: Problem) -> tuple[Option, ...]:
    """Drop options that another one can always replace at no loss."""
    ceilings = {pool.id: _ceiling(pool.id, problem) for pool in problem.pools}
    kept = list(job.options)
    for option in reversed(job.options):  # of equals the first one stays
        rivals = (other for other in kept if other is not option)
        if any(_dominates(other, option, job, problem, ceilings) for other in rivals):
            kept.remove(option)
    return tuple(kept)


def _ceiling(pool: str, problem: Problem) -> int:
    """Return the most nodes that all jobs together can use in a pool at one moment."""
    return sum(max((o.nodes for o in job.options if o.pool == pool), default=0) for job in problem.jobs)


def _dominates(a: Option, b: Option, job: Job, problem: Problem, ceilings: dict[str, int]) -> bool:
    """Whether a segment with option b can become one with a: no slower, no dearer, no scarcer, as long open."""
    if a.rate < b.rate or a.start_s > b.start_s or not _open_as_long(a, b):
        return False
    if a.pool == b.pool:
        return a.nodes <= b.nodes
    pool_a, pool_b = problem.pool(a.pool), problem.pool(b.pool)
    return (
        pool_a.commit is None
        and pool_a.min_bill_s <= max(pool_b.min_bill_s, problem.end_grid_s)
        and (pool_a.region == pool_b.region or not any(job.move_cost.values()))
        and _no_riskier(a, pool_a, b, pool_b, job, problem)
        and min(value for _, value in pool_a.capacity) >= ceilings[a.pool]
        and _quotas_no_tighter(a, b, problem)
        and (pool_a.region == pool_b.region or job.stage_cost.get(pool_a.region, 0) == 0)
        and all(b.pool in (e.pools or ()) for e in problem.budgets if e.pools is not None and a.pool in e.pools)
        and _never_dearer(a, pool_a, b, pool_b)
    )


def _no_riskier(a: Option, pool_a: Pool, b: Option, pool_b: Pool, job: Job, problem: Problem) -> bool:
    limits = (job.max_interrupts_ppm, problem.max_interrupts_ppm)
    counts = "risk" in problem.objectives or any(limit is not None for limit in limits)
    return not counts or pool_a.interrupts_ppm_nh * a.nodes <= pool_b.interrupts_ppm_nh * b.nodes


def _open_as_long(a: Option, b: Option) -> bool:
    return a.deadline_s is None or (b.deadline_s is not None and a.deadline_s >= b.deadline_s)


def _quotas_no_tighter(a: Option, b: Option, problem: Problem) -> bool:
    return all(b.pool in quota.pools and a.nodes <= b.nodes for quota in problem.quotas if a.pool in quota.pools)


def _never_dearer(a: Option, pool_a: Pool, b: Option, pool_b: Pool) -> bool:
    moments = {at for at, _ in pool_a.price} | {at for at, _ in pool_b.price}
    return all(a.nodes * _at(pool_a.price, m) <= b.nodes * _at(pool_b.price, m) for m in moments)


def _at(steps: Steps, moment: int) -> int:
    return [value for at, value in steps if at <= moment][-1]
