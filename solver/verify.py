"""The checker: every rule (C1)...(C10) and the exact cost, written without any engine.

Costs are exact integers in 1/3600 micro-USD.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from solver.problem import Budget, Choice, Job, Pool, Problem, Steps, pays_at, pieces
from solver.solution import Segment

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule and where."""

    rule: str
    says: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to be checked."""

    segments: Sequence[Segment]
    commits: Mapping[str, int]

    def of(self, job: str) -> list[Segment]:
        """Return a job's segments in time order."""
        return sorted((s for s in self.segments if s.job == job), key=lambda s: (s.start_s, s.end_s))


def violations(problem: Problem, segments: Sequence[Segment], commits: Mapping[str, int]) -> list[Violation]:
    """Return every broken rule; none means that the schedule is feasible."""
    schedule = Schedule(segments, commits)
    known = _known(problem, schedule)
    return known or [broken for rule in RULES for broken in rule(problem, schedule)]


def _known(problem: Problem, schedule: Schedule) -> list[Violation]:
    jobs, pools = {j.id for j in problem.jobs}, {p.id for p in problem.pools}
    bad = [
        Violation("C2", f"unknown job or pool in {s}")
        for s in schedule.segments
        if s.job not in jobs or s.pool not in pools
    ]
    return bad + [Violation("C8", f"unknown pool {name!r} committed") for name in schedule.commits if name not in pools]


def grid(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C1) start_s is a multiple of grid_s, end_s of end_grid_s, and a segment has a length."""
    return [
        Violation("C1", f"{s} is off the grid")
        for s in schedule.segments
        if s.start_s % problem.grid_s
        or s.end_s % problem.end_grid_s
        or not 0 <= s.start_s < s.end_s <= problem.horizon_s
    ]


def option(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C2) the job has an option with exactly this pool and node count, still open at the segment's end."""
    broken = []
    for job in problem.jobs:
        options = {(o.pool, o.nodes): o for o in job.options}
        for s in schedule.of(job.id):
            chosen = options.get((s.pool, s.nodes))
            if chosen is None:
                broken.append(Violation("C2", f"{job.id} has no option of {s.nodes} nodes in {s.pool}"))
            elif chosen.deadline_s is not None and s.end_s > chosen.deadline_s:
                broken.append(
                    Violation("C2", f"{job.id} uses {s.pool} after its option's deadline_s {chosen.deadline_s}")
                )
    return broken


def window(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C3) every segment lies in [release_s, deadline_s]."""
    return [
        Violation("C3", f"{s} lies outside [{job.release_s}, {job.deadline_s}]")
        for job in problem.jobs
        for s in schedule.of(job.id)
        if s.start_s < job.release_s or s.end_s > job.deadline_s
    ]


def overlap(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C4) a job runs one segment at a time."""
    return [
        Violation("C4", f"{job.id}: {earlier} and {later} overlap")
        for job in problem.jobs
        for earlier, later in pairwise(schedule.of(job.id))
        if later.start_s < earlier.end_s
    ]


def work(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C5) the sum of rate x max(0, end - start - start_s) reaches the work."""
    broken = []
    for job in problem.jobs:
        rates = {(o.pool, o.nodes): o for o in job.options}
        done = 0
        for s in schedule.of(job.id):
            chosen = rates.get((s.pool, s.nodes))
            if chosen is not None:
                done += chosen.rate * max(0, s.end_s - s.start_s - chosen.start_s)
        if done < job.work:
            broken.append(Violation("C5", f"{job.id} does {done} of {job.work} tokens"))
    return broken


def after(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C6) the first start of a job is at least the last end of its predecessor + lag_s."""
    broken = []
    for job in problem.jobs:
        first = min((s.start_s for s in schedule.of(job.id)), default=None)
        for link in job.after:
            last = max((s.end_s for s in schedule.of(link.job)), default=0)
            if first is not None and first < last + link.lag_s:
                broken.append(
                    Violation("C6", f"{job.id} starts at {first}, before {link.job} ends and {link.lag_s} s pass")
                )
    return broken


def capacity(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C7) at every second the nodes in use in a pool, and in all pools of a quota, are within the step function."""
    broken = []
    for pool in problem.pools:
        broken += _over(f"pool {pool.id}", [s for s in schedule.segments if s.pool == pool.id], pool.capacity)
    for quota in problem.quotas:
        broken += _over(f"quota {quota.id}", [s for s in schedule.segments if s.pool in quota.pools], quota.limit)
    return broken


def _over(name: str, segments: Sequence[Segment], limit: Steps) -> list[Violation]:
    moments = sorted({s.start_s for s in segments} | {at for at, _ in limit})
    for moment in moments:
        used = sum(s.nodes for s in segments if s.start_s <= moment < s.end_s)
        allowed = value_at(limit, moment)
        if used > allowed:
            return [Violation("C7", f"{name} has {used} nodes in use at {moment} s, {allowed} allowed")]
    return []


def value_at(steps: Steps, moment: int) -> int:
    """Return the value of a step function at a second."""
    return [value for at, value in steps if at <= moment][-1]


def commit(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C8) nodes in use in a commit pool are at most the nodes committed: whole lots, at most max_units, as chosen."""
    broken = []
    for pool in problem.pools:
        units = schedule.commits.get(pool.id, 0)
        if pool.commit is None:
            if units:
                broken.append(Violation("C8", f"{pool.id} is no commit pool"))
            continue
        if not 0 <= units <= pool.commit.max_units:
            broken.append(Violation("C8", f"{pool.id}: {units} of at most {pool.commit.max_units} committed"))
        if units % pool.commit.lot:
            broken.append(Violation("C8", f"{pool.id}: {units} committed, sold in lots of {pool.commit.lot}"))
        mine = [s for s in schedule.segments if s.pool == pool.id]
        broken += [Violation("C8", v.says) for v in _over(f"commit pool {pool.id}", mine, ((0, units),))]
    return broken + [Violation("C8", says) for choice in problem.choices for says in _chosen(choice, schedule)]


def _chosen(choice: Choice, schedule: Schedule) -> list[str]:
    """At most max_pools of the listed pools have nodes committed, at most max_units nodes in all."""
    units = [schedule.commits.get(name, 0) for name in choice.pools]
    bought, total, says = sum(n > 0 for n in units), sum(units), []
    if choice.max_pools is not None and bought > choice.max_pools:
        says.append(f"choice {choice.id}: {bought} pools bought, {choice.max_pools} allowed")
    if choice.max_units is not None and total > choice.max_units:
        says.append(f"choice {choice.id}: {total} nodes committed, {choice.max_units} allowed")
    return says


def counts(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C9) at most max_segments segments; the sum of ppm x nodes x seconds / 3600 is within max_interrupts_ppm."""
    broken = []
    ppm = {pool.id: pool.interrupts_ppm_nh for pool in problem.pools}
    for job in problem.jobs:
        mine = schedule.of(job.id)
        if job.max_segments is not None and len(mine) > job.max_segments:
            broken.append(Violation("C9", f"{job.id} has {len(mine)} segments of at most {job.max_segments}"))
        risk = sum(ppm[s.pool] * s.nodes * (s.end_s - s.start_s) for s in mine)
        if job.max_interrupts_ppm is not None and risk > job.max_interrupts_ppm * HOUR:
            broken.append(Violation("C9", f"{job.id}: interruptions above {job.max_interrupts_ppm} ppm"))
    if problem.max_interrupts_ppm is not None and risk_n3600(problem, schedule.segments) > (
        problem.max_interrupts_ppm * HOUR
    ):
        broken.append(Violation("C9", f"all jobs together: interruptions above {problem.max_interrupts_ppm} ppm"))
    return broken


def risk_n3600(problem: Problem, segments: Sequence[Segment]) -> int:
    """Return the expected interruptions of all segments: ppm x nodes x seconds, in 1e-6 / 3600."""
    ppm = {pool.id: pool.interrupts_ppm_nh for pool in problem.pools}
    return sum(ppm[s.pool] * s.nodes * (s.end_s - s.start_s) for s in segments)


def budget(problem: Problem, schedule: Schedule) -> list[Violation]:
    """(C10) the money of the listed jobs in the listed pools is within the limit."""
    broken = []
    for entry in problem.budgets:
        spent = spent_n3600(problem, schedule, entry)
        if spent > entry.limit * HOUR:
            broken.append(
                Violation("C10", f"budget {entry.id}: {spent / HOUR / 1e6:.6f} USD of {entry.limit / 1e6:.6f}")
            )
    return broken


RULES: tuple[Callable[[Problem, Schedule], list[Violation]], ...] = (
    grid, option, window, overlap, work, after, capacity, commit, counts, budget,
)  # fmt: skip


def exact_cost(problem: Problem, segments: Sequence[Segment], commits: Mapping[str, int]) -> int:
    """Return the total cost in 1/3600 micro-USD: run + commit + stage + move + hold."""
    everything = Budget(id="", pools=None, jobs=None, limit=0)
    return spent_n3600(problem, Schedule(segments, commits), everything)


def spent_n3600(problem: Problem, schedule: Schedule, entry: Budget) -> int:
    """Return what a budget counts: commits where no jobs are listed; stage, move and hold where no pools are.

    With a window: what running costs inside it, and the commits that are paid inside it.
    """
    pools = {pool.id: pool for pool in problem.pools}
    jobs = [job for job in problem.jobs if entry.jobs is None or job.id in entry.jobs]
    spent = sum(
        run_n3600(pools[s.pool], s, entry)
        for job in jobs
        for s in schedule.of(job.id)
        if entry.pools is None or s.pool in entry.pools
    )
    if entry.jobs is None:
        for name, units in schedule.commits.items():
            bought = pools[name].commit
            counts_here = entry.pools is None or name in entry.pools
            if bought is not None and counts_here and entry.covers(pays_at(pools[name]), pays_at(pools[name]) + 1):
                spent += bought.unit_cost * units * HOUR
    if entry.pools is None and not entry.has_window:
        spent += sum(beside_n3600(pools, job, schedule.of(job.id)) for job in jobs)
    return spent


def run_n3600(pool: Pool, segment: Segment, entry: Budget | None = None) -> int:
    """Nodes x integral of the price over [start_s, max(end_s, start_s + min_bill_s)), in 1/3600 micro-USD.

    With a budget: the part of it that lies in the budget's window.
    """
    end = max(segment.end_s, segment.start_s + pool.min_bill_s)
    opens, closes = segment.start_s, end
    if entry is not None:
        opens = max(opens, entry.from_s or 0)
        closes = closes if entry.to_s is None else min(closes, entry.to_s)
    integral = sum(
        price * max(0, min(closes, stop) - max(opens, begin))
        for begin, stop, price in pieces(pool.price, max(end, pool.price[-1][0] + 1))
    )
    return segment.nodes * integral


def beside_n3600(pools: Mapping[str, Pool], job: Job, mine: Sequence[Segment]) -> int:
    """Staging of every region used, moves between consecutive regions, holding until the last end."""
    if not mine:
        return 0
    regions = [pools[s.pool].region for s in mine]
    stage = sum(job.stage_cost.get(region, 0) for region in dict.fromkeys(regions))
    move = sum(job.move_cost.get(left, 0) for left, entered in pairwise(regions) if left != entered)
    held = max(s.end_s for s in mine) - job.release_s
    return (stage + move) * HOUR + job.hold_cost_h * held


def rounded(cost_n3600: int) -> int:
    """Round 1/3600 micro-USD half-even to whole micro-USD."""
    whole, rest = divmod(cost_n3600, HOUR)
    return whole + (rest * 2 > HOUR or (rest * 2 == HOUR and whole % 2))
