"""The lower bound that a plan's reader can repeat without any solver: prices of everything shared, two short loops.

For any prices >= 0 of the shared rules (nodes of pools and quotas, committed nodes, who waits for whom, segments) and
any price per token theta of each job, every schedule costs at least

    LB = - sum price x limit + sum_p min(0, commit cost - committed nodes' price) x max_units
         + sum_j [ theta_j W_j + shortest path of job j over (slot, option) of (cost + prices - theta_j x tokens) ]

(weak duality). Between two edges everything is constant and the path's cost is linear in what runs, so a best path
changes at edges only, or is one segment as short as can be. All numbers are integers in 1/3600 micro-USD: what is paid
is rounded down, tokens' worth up. The path pays staging of its first region and every move; what it leaves out (minimum
bills, other staging, budgets, interruption limits, choices) can only make a plan dearer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from solver.problem import Problem

if TYPE_CHECKING:
    from solver.large.grid import Grid, JobOptions

HOUR = 3600
THETA_SCALE = 2**20
NEVER = 2**61


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Prices by slot between `edges_s` in micro-USD per node-hour (waiting: per hour), zero where a name is missing.

    `theta` is 1/3600 micro-USD per token, times 2^20; `segment` is 1/3600 micro-USD per segment started; a wait is
    named by (job, predecessor).
    """

    edges_s: tuple[int, ...]
    theta: Mapping[str, int]
    pool: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    quota: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    commit: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    wait: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    segment: Mapping[str, int] = field(default_factory=dict)


class CertificateInvalid(Exception):
    """The certificate does not fit the problem: wrong edges, names, lengths or signs."""


def lower_bound(problem: Problem, certificate: Certificate) -> int:
    """Return the bound that the certificate proves, in 1/3600 micro-USD.

    Raises:
        CertificateInvalid: edges that miss a change of the problem, unknown names, wrong lengths, negative prices.
    """
    from solver.engine.reduce import tighten
    from solver.large.grid import Grid

    shared = Shared(Grid(tighten(problem)[0]), certificate, {job.id: job.release_s for job in problem.jobs})
    total = shared.constant
    for options in shared.grid.jobs:
        theta = certificate.theta.get(options.job.id, 0)
        total += (theta * options.job.work) // THETA_SCALE + shared.path(options, theta)
    return total


class Shared:
    """Prices of a certificate on the slots of a problem."""

    def __init__(self, grid: "Grid", certificate: Certificate, releases: Mapping[str, int]) -> None:
        import numpy as np

        self.grid = grid
        self.certificate = certificate
        self.releases = releases
        problem, edges = grid.problem, certificate.edges_s
        if not set(grid.changes()) <= {edge // grid.grid_s for edge in edges} or list(edges) != sorted(set(edges)):
            raise CertificateInvalid("edges_s must rise and hold every change of prices, limits and windows")
        if any(edge % grid.grid_s for edge in edges) or edges[0] != 0 or edges[-1] != problem.horizon_s:
            raise CertificateInvalid("edges_s must lie on the grid, from 0 to the horizon")
        self.starts = np.array(edges[:-1]) // grid.grid_s
        self.seconds = np.diff(np.array(edges, dtype=np.int64))
        self.surcharge = np.zeros((len(problem.pools), len(self.seconds)), dtype=np.int64)
        self.constant = self._price_nodes() + self._price_commits() + self._price_waits() + self._price_segments()

    def _row(self, prices: tuple[int, ...]) -> Any:
        import numpy as np

        row = np.array(prices, dtype=np.int64)
        if row.shape != self.seconds.shape or (row < 0).any():
            raise CertificateInvalid("every row of prices has one entry >= 0 per slot between edges")
        return row

    @staticmethod
    def _index(names: Mapping[str, int], name: str) -> int:
        if name not in names:
            raise CertificateInvalid(f"{name!r} is unknown")
        return names[name]

    def _price_nodes(self) -> int:
        grid, constant = self.grid, 0
        for name, prices in self.certificate.pool.items():
            row, p = self._row(prices), self._index(grid.pool_of, name)
            self.surcharge[p] += row
            constant -= _dot(row, grid.capacity[p, self.starts], self.seconds)
        index = {quota.id: q for q, quota in enumerate(grid.problem.quotas)}
        for name, prices in self.certificate.quota.items():
            row, q = self._row(prices), self._index(index, name)
            self.surcharge[grid.members[q]] += row
            constant -= _dot(row, grid.limit[q, self.starts], self.seconds)
        return constant

    def _price_commits(self) -> int:
        constant = 0
        for name, prices in self.certificate.commit.items():
            row, commit = self._row(prices), self.grid.problem.pools[self._index(self.grid.pool_of, name)].commit
            if commit is None:
                raise CertificateInvalid(f"{name} is no commit pool")
            self.surcharge[self.grid.pool_of[name]] += row
            constant += min(0, commit.unit_cost * HOUR - _dot(row, self.seconds)) * commit.most
        return constant

    def _price_waits(self) -> int:
        """A job that has begun pays from its first start on, its predecessor until its finish plus lag."""
        import numpy as np

        edges_s = np.array(self.certificate.edges_s, dtype=np.int64)
        self.begun = {options.job.id: np.zeros(len(self.seconds) + 1, dtype=np.int64) for options in self.grid.jobs}
        self.open = {
            options.job.id: options.job.hold_cost_h * (edges_s - self.releases[options.job.id])
            for options in self.grid.jobs
        }
        links = {(job.id, link.job): link.lag_s for job in self.grid.problem.jobs for link in job.after}
        constant = 0
        for (job, before), prices in self.certificate.wait.items():
            if (job, before) not in links:
                raise CertificateInvalid(f"{job} does not wait for {before}")
            row = self._row(prices)
            if _dot(row, self.seconds) >= NEVER // 8:
                raise CertificateInvalid(f"{job} after {before}: prices too large for 64-bit integers")
            passed = np.concatenate([[0], np.cumsum(row * self.seconds)])
            self.begun[job] += passed[-1] - passed
            later = np.minimum(edges_s + links[job, before], edges_s[-1])
            # What a finish pays must be linear between edges; where a lag leads off the edges it is left out.
            k = np.searchsorted(edges_s, later if np.isin(later, edges_s).all() else edges_s)
            self.open[before] = self.open[before] + passed[k]
            constant -= int(passed[-1])
        return constant

    def _price_segments(self) -> int:
        return -sum(
            self.certificate.segment.get(options.job.id, 0) * options.job.max_segments
            for options in self.grid.jobs
            if options.job.max_segments is not None
        )

    def costs(self, options: "JobOptions") -> tuple[Any, Any]:
        """Return price by option and slot per second of a use, and where it may run."""
        rows = self.grid.price[:, self.starts] + self.surcharge
        return rows[options.pool] * options.nodes[:, None], options.open[:, self.starts]

    def path(self, options: "JobOptions", theta: int) -> int:
        """Return the least cost less worth of tokens over all paths of a job, in integers, rounded down."""
        return int(shortest(self.terms(options, theta))[0])

    def terms(self, options: "JobOptions", theta: int) -> "PathTerms":
        """Return what the paths of a job pay at a theta, in integers, in the slots in which it may run."""
        import numpy as np

        price, is_open = self.costs(options)
        window = self.window(is_open)
        worth = [-(-theta * int(rate) // THETA_SCALE) for rate in options.rate]
        lost = [theta * int(r) * int(a) // THETA_SCALE for r, a in zip(options.rate, options.start_s, strict=True)]
        job = options.job
        lost = [value + (self.certificate.segment.get(job.id, 0) if job.max_segments else 0) for value in lost]
        seconds = int(self.seconds[window].sum())
        largest = (int(price[:, window].max(initial=0)) + max(worth, default=0)) * seconds + sum(lost)
        if largest + int(self.begun[job.id].max()) + int(self.open[job.id].max()) >= NEVER // 8:
            raise CertificateInvalid(f"{job.id}: prices too large for 64-bit integers")
        cost = (price - np.array(worth, dtype=np.int64)[:, None])[:, window] * self.seconds[window]
        return PathTerms(
            cost=np.where(is_open[:, window], cost, NEVER // 4)[None],
            start=np.array(lost, dtype=np.int64)[None],
            begun=self.begun[job.id][window.start :],
            open=self.open[job.id][window.start :],
            region=options.region,
            stage=np.array([job.stage_cost.get(name, 0) * HOUR for name in options.region_names]),
            move=np.array([job.move_cost.get(name, 0) * HOUR for name in options.region_names]),
        )

    @staticmethod
    def window(is_open: Any) -> slice:
        """Return the slots from the first to the last in which anything is open."""
        slots = is_open.any(axis=0).nonzero()[0]
        return slice(int(slots[0]), int(slots[-1]) + 1) if len(slots) else slice(0, 0)


@dataclass(frozen=True, slots=True)
class PathTerms:
    """What a path pays, for several thetas at once: cost [theta, option, slot], start [theta, option].

    `begun` by slot of the first start, `open` by edge of the finish, `region` of every option (rising), stage and
    move by region.
    """

    cost: Any
    start: Any
    begun: Any
    open: Any
    region: Any
    stage: Any
    move: Any


def shortest(terms: PathTerms) -> Any:
    """Return the least cost of a path for every theta; integers stay integers."""
    import numpy as np

    thetas, options, slots = terms.cost.shape
    firsts = np.flatnonzero(np.diff(terms.region, prepend=-1))
    running = np.full((thetas, options), NEVER // 4, dtype=terms.cost.dtype)
    idle = np.full((thetas, len(firsts)), NEVER // 4, dtype=terms.cost.dtype)
    # A single segment may be as short as can be: it pays its start and nothing else.
    best = (terms.start + terms.stage[terms.region]).min(axis=1, initial=NEVER // 4)
    best = best + (terms.begun[:slots] + terms.open[:slots]).min(initial=NEVER // 4)
    column = np.ascontiguousarray(np.moveaxis(terms.cost, 2, 0))
    has_moves = bool(terms.move.any())
    for k in range(slots):
        enter = np.minimum(idle, terms.begun[k] + terms.stage)
        if has_moves:
            enter = np.minimum(enter, (idle + terms.move).min(axis=1)[:, None])
        else:
            enter = np.minimum(enter, idle.min(axis=1)[:, None])
        running = np.minimum(running, enter[:, terms.region] + terms.start) + column[k]
        np.minimum(running, NEVER // 4, out=running)
        idle = np.minimum(idle, np.minimum.reduceat(running, firsts, axis=1))
        best = np.minimum(best, running.min(axis=1) + terms.open[k + 1])
    return best


def through(terms: PathTerms) -> Any:
    """Return for every option the least cost of a path that uses it, for the first theta."""
    import numpy as np

    cost, start = terms.cost[0], terms.start[0]
    options, slots = cost.shape
    firsts = np.flatnonzero(np.diff(terms.region, prepend=-1))
    ahead = np.full((slots, options), NEVER // 4, dtype=cost.dtype)
    entered = ahead.copy()
    running, idle = ahead[0].copy(), np.full(len(firsts), NEVER // 4, dtype=cost.dtype)
    for k in range(slots):
        ready = np.minimum(terms.begun[k] + terms.stage, np.minimum(idle, (idle + terms.move).min()))
        entered[k] = ready[terms.region] + start
        running = np.minimum(np.minimum(running, entered[k]) + cost[:, k], NEVER // 4)
        idle = np.minimum(idle, np.minimum.reduceat(running, firsts))
        ahead[k] = running
    best = np.full(options, NEVER // 4, dtype=cost.dtype)
    # From the end: the least cost after slot k of one that runs an option, and of one that waits in a region.
    rest, waits = np.full(options, NEVER // 4, dtype=cost.dtype), np.full(len(firsts), NEVER // 4, dtype=cost.dtype)
    for k in range(slots - 1, -1, -1):
        left = np.minimum(waits[terms.region], terms.open[k])  # of one that starts in slot k and ends at once
        best = np.minimum(best, entered[k] + left)
        rest = np.minimum(np.minimum(rest, waits[terms.region]), terms.open[k + 1])
        best = np.minimum(best, ahead[k] + rest)
        rest = np.minimum(rest + cost[:, k], NEVER // 4)
        starting = np.minimum.reduceat(rest + start, firsts)
        waits = np.minimum(waits, np.minimum(starting, starting.min() + terms.move))
    return best


def _dot(*rows: Any) -> int:
    """Sum of products in Python integers."""
    return sum(_product(values) for values in zip(*(row.tolist() for row in rows), strict=True))


def _product(values: tuple[int, ...]) -> int:
    result = 1
    for value in values:
        result *= value
    return result
