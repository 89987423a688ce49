"""The lower bound: coarse prices, each job's best price per token on the true grid, options taken in when they pay."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from solver.certificate import (
    HOUR,
    NEVER,
    THETA_SCALE,
    Certificate,
    CertificateInvalid,
    PathTerms,
    Shared,
    shortest,
    through,
)
from solver.large.coarse import CoarseModel
from solver.large.grid import Grid, JobOptions

Floats = npt.NDArray[np.float64]
# Thetas looked at at once, and how often the interval around the best one is cut.
THETAS = 7
ROUNDS = 4


def hull(price: Floats, rate: Floats, is_open: npt.NDArray[np.bool_], thetas: Floats) -> npt.NDArray[np.bool_]:
    """Return which options are best for some theta, by slot: price and is_open [option, slot], rate [option]."""
    chosen = np.zeros(is_open.shape, dtype=bool)
    slots = np.arange(is_open.shape[1])
    for theta in thetas:
        value = np.where(is_open, price - theta * rate[:, None], np.inf)
        best = value.argmin(axis=0)
        chosen[best, slots] = True
    return chosen & is_open


def spread(price: Floats, rate: Floats, is_open: npt.NDArray[np.bool_], count: int) -> Floats:
    """Return thetas from the cheapest token to the dearest one more."""
    per_token = np.where(is_open, price, np.nan) / rate[:, None]
    low, high = np.nanmin(per_token), np.nanmax(per_token)
    return np.geomspace(max(low, high * 1e-6, 1e-9) * 0.8, max(high, 1e-9) * 4, count)


def worthy(
    price: Floats, rate: Floats, is_open: npt.NDArray[np.bool_], seconds: Floats, thetas: Floats, most: int = 40
) -> npt.NDArray[np.bool_]:
    """Return the options that gain most over all their slots at some of these thetas, at most about `most` for each."""
    kept = np.zeros(len(rate), dtype=bool)
    if len(rate) <= 3 * most:
        return ~kept
    for theta in (thetas[0], thetas[len(thetas) // 2], thetas[-1]):
        gain = np.where(is_open, np.maximum(0.0, theta * rate[:, None] - price), 0.0) @ seconds
        kept[np.argsort(-gain, kind="stable")[:most]] = True
    return kept


class Timer(Protocol):
    """The wall clock of a search."""

    @property
    def left_s(self) -> float:
        """Seconds left."""

    @property
    def is_over(self) -> bool:
        """Whether none are left."""


class Bounder:
    """Bounds a grid again and again, keeping the best certificate."""

    def __init__(self, grid: Grid, releases: dict[str, int], edges: Sequence[int]) -> None:
        self.grid = grid
        self.releases = releases
        self.edges = list(edges)
        self.best: Certificate | None = None
        self.bound_n3600 = 0
        self.last = 0
        self.chosen: dict[str, npt.NDArray[np.bool_]] = {}

    def coarse(self, bounds: Sequence[int], most_columns: int, clock: "Timer") -> int:
        """Solve the coarse model again and again, each time with the options that pay at its prices.

        Keeps the best certificate; ends where the bound stops rising. Returns the number of columns gone through.
        """
        starts = np.array(bounds[:-1])
        gone, before, idle = 0, -1, 0
        for options in self.grid.jobs:
            self.chosen.setdefault(options.job.id, self._first(options))
        while idle < 2 and not clock.is_over:
            choices = [np.logical_or.reduceat(self.chosen[o.job.id], starts, axis=1) for o in self.grid.jobs]
            columns = sum(int(chosen.sum()) for chosen in choices)
            if columns > most_columns:
                break
            gone += columns
            duals = CoarseModel(self.grid, bounds, choices).solve(clock.left_s)
            if duals is None:
                break
            certificate = self.sharpened(duals.certificate(self.edges), 1)
            if certificate is None:
                break
            shared = Shared(self.grid, certificate, self.releases)
            added = sum(self._paying(options, shared, certificate) for options in self.grid.jobs)
            idle = idle + 1 if self.last < before * 1.001 or not added else 0
            before = max(before, self.last)
            if not added:
                break
        if self.best is not None and gone:
            self.sharpened(self.best)
        return gone

    def prunable(self, upper_n3600: int) -> dict[str, set[tuple[str, int]]]:
        """Return the options, as (pool, nodes) by job, that no schedule of at most this cost uses."""
        if self.best is None:
            return {}
        shared, found = Shared(self.grid, self.best, self.releases), {}
        for options in self.grid.jobs:
            terms = shared.terms(options, self.best.theta[options.job.id])
            least = through(terms)
            spare = upper_n3600 - self.bound_n3600 + int(shortest(terms)[0])
            pools = self.grid.problem.pools
            found[options.job.id] = {
                (pools[options.pool[o]].id, int(options.nodes[o])) for o in np.flatnonzero(least > spare)
            }
        return found

    def _first(self, options: JobOptions) -> npt.NDArray[np.bool_]:
        """Return the options, by grid slot, that are best at some price per token, and the second best."""
        price = (self.grid.price[options.pool] * options.nodes[:, None]).astype(np.float64)
        rate = options.rate.astype(np.float64)
        is_open = options.open
        chosen = hull(price, rate, is_open, spread(price, rate, is_open, 16))
        used = np.asarray(chosen.any(axis=1))
        again = hull(price, rate, is_open & ~used[:, None], spread(price, rate, is_open, 8))
        return chosen | again

    def _paying(self, options: JobOptions, shared: Shared, certificate: Certificate) -> int:
        """Take in the options that are best near the job's theta at these prices; return how many slots that adds."""
        price, is_open = shared.costs(options)
        rate = options.rate.astype(np.float64)
        theta = certificate.theta[options.job.id] / THETA_SCALE
        around = theta * np.array([0.7, 0.85, 0.95, 1.0, 1.05, 1.2, 1.5])
        paying = np.repeat(hull(price.astype(np.float64), rate, is_open, around), np.diff(self.edges), axis=1)
        known = self.chosen[options.job.id]
        added = int((paying & ~known).sum())
        known |= paying
        return added

    def sharpened(self, certificate: Certificate, rounds: int = ROUNDS) -> Certificate | None:
        """Give every job its best theta at these prices, and keep the certificate if it proves more.

        None where prices leave 64 bits: they grow without end where no schedule exists.
        """
        try:
            return self._sharpened(certificate, rounds)
        except CertificateInvalid:
            return None

    def _sharpened(self, certificate: Certificate, rounds: int) -> Certificate:
        shared = Shared(self.grid, certificate, self.releases)
        theta, total = {}, shared.constant
        for options in self.grid.jobs:
            chosen = best_theta(options, shared, certificate.theta.get(options.job.id, 0), rounds)
            theta[options.job.id] = chosen
            total += (chosen * options.job.work) // THETA_SCALE + shared.path(options, chosen)
        found = replace(certificate, theta=theta)
        self.last = total
        if total > self.bound_n3600 or self.best is None:
            self.best, self.bound_n3600 = found, total
        return found


def best_theta(options: JobOptions, shared: Shared, guess: int, rounds: int) -> int:
    """Return the price per token that bounds a job best: the bound is concave in it."""
    job = options.job
    price, is_open = shared.costs(options)
    rate, work = options.rate.astype(np.float64), float(job.work)
    centre = guess / THETA_SCALE
    if centre <= 0:
        centre = float(np.median(np.where(is_open, price, np.nan)[is_open] / np.repeat(rate, is_open.sum(axis=1))))
    low, high = (centre * 0.5, centre * 2.0) if rounds > 1 else (centre * 0.85, centre * 1.18)
    evaluate = path_values(options, shared, price.astype(np.float64), is_open)
    for _ in range(rounds):
        thetas = np.linspace(low, high, THETAS)
        values = thetas * work + evaluate(thetas)
        best = int(values.argmax())
        step = (high - low) / (THETAS - 1)
        if best in {0, THETAS - 1}:
            low, high = (low * 0.25, high) if best == 0 else (low, high * 2)
        else:
            low, high = thetas[best] - step, thetas[best] + step
    return int(thetas[best] * THETA_SCALE)


def path_values(
    options: JobOptions, shared: Shared, price: Floats, is_open: npt.NDArray[np.bool_]
) -> Callable[[Floats], Floats]:
    """Return the function from thetas to path costs, in floating point, over the options that can matter."""
    job = options.job
    window = shared.window(is_open)
    price, is_open = price[:, window], is_open[:, window]
    seconds = shared.seconds[window].astype(np.float64)
    segment = shared.certificate.segment.get(job.id, 0) if job.max_segments else 0
    stage = np.array([job.stage_cost.get(name, 0) * HOUR for name in options.region_names], dtype=np.float64)
    move = np.array([job.move_cost.get(name, 0) * HOUR for name in options.region_names], dtype=np.float64)
    begun = shared.begun[job.id][window.start :].astype(np.float64)
    opened = shared.open[job.id][window.start :].astype(np.float64)

    def evaluate(thetas: Floats) -> Floats:
        kept = np.flatnonzero(worthy(price, options.rate.astype(np.float64), is_open, seconds, thetas))
        regions, region = np.unique(options.region[kept], return_inverse=True)
        rate = options.rate[kept].astype(np.float64)
        cost = (price[kept][None] - thetas[:, None, None] * rate[None, :, None]) * seconds
        terms = PathTerms(
            cost=np.where(is_open[kept][None], cost, NEVER / 4.0),
            start=thetas[:, None] * (rate * options.start_s[kept])[None] + segment,
            begun=begun,
            open=opened,
            region=region,
            stage=stage[regions],
            move=move[regions],
        )
        found: Floats = shortest(terms)
        return found

    return evaluate
