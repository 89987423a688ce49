"""Pursues one goal after another: (the last finish,) cost, fewer segments, earlier finishes.

Each goal is first bounded on the relaxation by periods, in floating point; then a plan is sought among the options
that the relaxation uses, and, where that plan does not reach the bound, among all options. Small problems are settled
by the interval model alone, in integers throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from solver.certificate import Certificate
from solver.engine import exact, floating
from solver.engine.clock import Clock
from solver.engine.decompose import Decomposed, Decomposition
from solver.engine.goals import COST, FINISHES, LAST, RISK, SEGMENTS, Goal, interval_value, limit_interval, period_terms
from solver.engine.intervals import Found, minimise
from solver.engine.model import IntervalModel
from solver.engine.periods import PeriodModel, change_moments
from solver.engine.reduce import reduce, tighten
from solver.problem import Job, Problem
from solver.solution import Progress, Segment

# A job with no stated maximum, or a larger one, is planned with this many segments; its bound is the relaxation's.
MOST_SEGMENTS = 8
# Segments x options up to which the interval model is tried by itself before anything else.
FEW_USES = 400
# Segments x options above which the problem is decomposed first, and up to which what is left is solved exactly.
MANY_USES = 250
MOST_USES = 900
# Options x periods up to which what is left is solved exactly.
MOST_PERIODS = 8_000
# Shares of the work after which the decomposition looks whether little enough is left.
FIRST_SHARE, LAST_SHARE = 0.2, 0.85
# Variables up to which the relaxation is solved at all.
MOST_VARIABLES = 60_000
# Nodes x variables of the floating search granted per second; 200,000 to 900,000 were done on two cores.
NODE_RATE = 150_000
# Of the wall time left, the most for one floating search.
FLOATING_WALL_SHARE = 0.6

Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search brought: segments (None without a schedule) and a lower bound of the cost in 1/3600 micro-USD."""

    is_impossible: bool
    segments: tuple[Segment, ...] | None = None
    bound_n3600: int = 0
    out_of_time: bool = False
    certificate: Certificate | None = None
    certified_n3600: int = 0


def segments_allowed(problem: Problem) -> dict[str, int]:
    """Return how many segments each job is planned with: as stated, at most one per grid slot of its window."""
    return {job.id: min(_segments_possible(job, problem), MOST_SEGMENTS) for job in problem.jobs}


def _segments_possible(job: Job, problem: Problem) -> int:
    slots = max(1, -(-(job.deadline_s - job.release_s) // problem.grid_s))
    return min(job.max_segments or slots, slots)


def search(reduced: Problem, stated: Problem, clock: Clock, seed: int, listen: Listener | None) -> Outcome:
    """Minimise the objectives one after the other, then break ties."""
    if stated.objectives[0] == "cost" and is_large(reduced):
        return search_large(reduced, stated, clock, seed, listen)
    return search_exactly(_Search(reduced, stated, clock, seed, listen))


def search_exactly(found: "_Search") -> Outcome:
    """Pursue one goal after the other on the exact models, from the best plan known."""
    reduced, stated, clock = found.reduced, found.stated, found.clock
    for objective in stated.objectives:
        goal = {"finish": LAST, "risk": RISK, "cost": COST}[objective]
        if not found.pursue(goal) or found.best is None:
            return found.outcome()
        if goal is LAST:
            last = max(segment.end_s for segment in found.best)
            jobs = tuple(replace(job, deadline_s=min(job.deadline_s, last)) for job in reduced.jobs)
            reduced = reduce(replace(reduced, jobs=jobs)).problem
            found = _Search(
                reduced, stated, clock, found.seed, found.listen,
                best=found.best, bound_n3600=found.bound_n3600, settled=found.settled, is_cut_off=found.is_cut_off,
            )  # fmt: skip
    for goal in (SEGMENTS, FINISHES):
        if not found.pursue(goal):
            break
    return found.outcome()


def is_large(problem: Problem) -> bool:
    """Whether a problem is decomposed before any exact model is tried."""
    allowed = segments_allowed(problem)
    return sum(allowed[job.id] * len(job.options) for job in problem.jobs) > MANY_USES


def search_large(reduced: Problem, stated: Problem, clock: Clock, seed: int, listen: Listener | None) -> Outcome:
    """Decompose; where the options that can still matter are few, go on with the exact models on those."""
    parts = Decomposition(tighten(stated)[0], stated, clock, seed, listen)
    for share in (FIRST_SHARE, LAST_SHARE, 1.0):
        parts.advance(share)
        found = parts.found()
        small = _pruned(reduced, parts, found) if share < 1.0 else None
        if small is not None or parts.is_over:
            break
    outcome = Outcome(
        is_impossible=False,
        segments=found.segments,
        bound_n3600=found.bound_n3600,
        out_of_time=clock.is_over,
        certificate=found.certificate,
        certified_n3600=found.bound_n3600,
    )
    if small is None or clock.is_over:
        return outcome
    clock.use(parts.work / parts.total)
    exact = search_exactly(
        _Search(small, stated, clock, seed, listen, best=found.segments, bound_n3600=found.bound_n3600)
    )
    return replace(exact, certificate=found.certificate, certified_n3600=found.bound_n3600)


def _pruned(reduced: Problem, parts: Decomposition, found: Decomposed) -> Problem | None:
    """Drop options that no schedule as cheap as the best one uses; None where too many are left for exact models."""
    if found.segments is None:
        return None
    dropped = parts.bounder.prunable(found.cost_n3600)
    jobs = tuple(
        replace(job, options=tuple(o for o in job.options if (o.pool, o.nodes) not in dropped.get(job.id, ())))
        for job in reduced.jobs
    )
    rest = replace(reduced, jobs=jobs)
    allowed = segments_allowed(rest)
    uses = sum(allowed[job.id] * len(job.options) for job in jobs)
    periods = len(change_moments(rest)) * sum(len(job.options) for job in jobs)
    if uses > MOST_USES or periods > MOST_PERIODS:
        return None
    return reduce(rest).problem


@dataclass(slots=True)
class _Search:
    """The state of a search: the best plan, what is settled about it, and the models, built when needed."""

    reduced: Problem
    stated: Problem
    clock: Clock
    seed: int
    listen: Listener | None
    best: tuple[Segment, ...] | None = None
    bound_n3600: int = 0
    is_impossible: bool = False
    settled: list[tuple[Goal, int]] = field(default_factory=list)
    full: IntervalModel = field(init=False)
    periods: PeriodModel | None = field(init=False)
    is_capped: bool = field(init=False)
    is_cut_off: bool = False

    def __post_init__(self) -> None:
        allowed = segments_allowed(self.reduced)
        self.is_capped = any(_segments_possible(job, self.reduced) > allowed[job.id] for job in self.reduced.jobs)
        self.full = IntervalModel(self.reduced, allowed, self.stated)
        for goal, value in self.settled:
            limit_interval(self.full, goal, value)
        self.periods = None

    def outcome(self) -> Outcome:
        """Return what is known now."""
        return Outcome(
            is_impossible=self.is_impossible and self.best is None,
            segments=self.best,
            bound_n3600=self.bound_n3600,
            out_of_time=self.is_cut_off,
        )

    def pursue(self, goal: Goal) -> bool:
        """Minimise one goal as far as its share allows, settle its value; False ends the search."""
        uses = sum(len(slot.uses) for rows in self.full.rows.values() for slot in rows.slots)
        is_done = False
        if uses <= FEW_USES and not self.is_capped:
            is_done = self._try(self.full, goal, goal.share / 8, None)
        if not is_done:
            lower, support = self._bound(goal)
            if support is not None:
                is_done = self._try(self._narrow(support), goal, goal.share / 4, lower)
            if not (is_done or self.is_impossible):
                self._try(self.full, goal, goal.share, lower)
        if self.best is None:
            return False
        value = interval_value(self.full, goal, self.best)
        limit_interval(self.full, goal, value)
        self.settled.append((goal, value))
        self.is_cut_off = self.is_cut_off or self.clock.is_over
        return not self.clock.is_over

    def _try(self, model: IntervalModel, goal: Goal, share: float, lower: int | None) -> bool:
        """Search one model; True where the goal is settled: proved least, or at its lower bound."""
        if self.clock.is_over:
            self.is_cut_off = True
            return True
        found = minimise(
            model, goal, self.clock, share=share, lower=lower, seed=self.seed, start=self.best, listen=self.listen
        )
        self.is_cut_off = self.is_cut_off or found.out_of_time
        is_whole = model is self.full and not self.is_capped
        if found.segments is None:
            if found.is_infeasible and is_whole and self.best is None:
                self.is_impossible = True
            return found.is_infeasible and is_whole
        self.best = found.segments
        return self._take_bound(goal, found, lower, is_whole=is_whole)

    def _take_bound(self, goal: Goal, found: Found, lower: int | None, *, is_whole: bool) -> bool:
        """Keep the better lower bound of the cost; True where the value is at its bound."""
        bounds = [bound for bound in (lower, found.bound if is_whole else None) if bound is not None]
        bound = min(found.value, max(bounds, default=0))
        if goal is COST:
            self.bound_n3600 = max(self.bound_n3600, bound)
        return found.value <= bound + goal.slack(found.value)

    def _bound(self, goal: Goal) -> tuple[int | None, dict[str, set[tuple[str, int]]] | None]:
        """Bound a goal on the relaxation; also return the options of its solution and of the best plan."""
        if self.periods is None:
            self.periods = PeriodModel(self.reduced, self.stated)
        model = self.periods.model
        if len(model.lower) > MOST_VARIABLES or self.clock.is_over:
            return None, None
        terms, constant = period_terms(self.periods, goal)
        more = []
        for settled, value in self.settled:
            others, fixed = period_terms(self.periods, settled)
            more.append((others, value - fixed))
        nodes = int(self.clock.limit_s * goal.share * NODE_RATE / len(model.lower)) + 1
        seconds = self.clock.left_s * FLOATING_WALL_SHARE
        found = floating.minimise(model, terms, more, give=goal.give, seconds=seconds, nodes=nodes, seed=self.seed)
        self.is_cut_off = self.is_cut_off or found.out_of_time
        if found.is_infeasible and self.best is None:
            work, seconds = self.clock.work * goal.share, self.clock.left_s
            if exact.lower_bound(model, [], work=work, seconds=seconds, seed=self.seed) is None:
                self.is_impossible = True
        if found.bound is None:
            return None, None
        lower = goal.whole(found.bound + constant, self.full)
        if goal is COST:
            self.bound_n3600 = max(self.bound_n3600, lower)
            if self.listen is not None:
                self.listen(Progress(phase="bound", bound_uusd=max(0, lower // 3600)))
        return lower, self._support(found.values)

    def _support(self, values: list[float] | None) -> dict[str, set[tuple[str, int]]] | None:
        if values is None or self.periods is None:
            return None
        support = {
            name: {(run.option.pool, run.option.nodes) for run in rows.runs if values[run.used] > 0.5}
            for name, rows in self.periods.jobs.items()
        }
        for segment in self.best or ():
            support[segment.job].add((segment.pool, segment.nodes))
        return support

    def _narrow(self, support: dict[str, set[tuple[str, int]]]) -> IntervalModel:
        """Build the interval model with these options only, everything settled kept."""
        jobs = tuple(
            replace(job, options=tuple(o for o in job.options if (o.pool, o.nodes) in support[job.id]))
            for job in self.reduced.jobs
        )
        narrow = IntervalModel(replace(self.reduced, jobs=jobs), segments_allowed(self.reduced), self.stated)
        for goal, value in self.settled:
            limit_interval(narrow, goal, value)
        return narrow
