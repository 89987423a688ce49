"""One solver run with its first answer, wall and processor time, and table rows to commit."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from unittest.mock import patch

from solver import Infeasible, Problem, Progress, Solved, Undecided, solve


@dataclass(frozen=True, slots=True)
class Run:
    """What a run brought; seconds of wall and processor time, the first answer None where there was none."""

    outcome: Solved | Infeasible | Undecided
    first_s: float | None
    wall_s: float
    cpu_s: float

    @property
    def gap(self) -> float | None:
        """Return (cost - bound) / cost, None without an answer."""
        if not isinstance(self.outcome, Solved):
            return None
        return (self.outcome.cost_uusd - self.outcome.bound_uusd) / max(1, self.outcome.cost_uusd)


@contextmanager
def guarded_by(*, processor: bool) -> Iterator[None]:
    """Let the solver's wall guard count processor seconds, for figures from cores that other work shares."""
    places = [sys.modules["solver.solve"], import_module("solver.engine.clock")]
    if not processor:
        yield
        return
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(patch.object(place, "time", SimpleNamespace(monotonic=time.process_time)))
        yield


def measured(problem: Problem, limit_s: float, seed: int = 0, *, processor: bool = False) -> Run:
    """Solve and look at the clocks; with `processor` all seconds are processor seconds."""
    clock = time.process_time if processor else time.monotonic
    began, started, used = clock(), time.monotonic(), time.process_time()
    first: list[float] = []

    def listen(news: Progress) -> None:
        if news.best_uusd is not None and not first:
            first.append(clock() - began)

    with guarded_by(processor=processor):
        outcome = solve(problem, time_limit_s=limit_s, seed=seed, progress=listen)
    wall = time.monotonic() - started
    if not first and isinstance(outcome, Solved):
        first.append(clock() - began)
    return Run(outcome, first[0] if first else None, wall, time.process_time() - used)


def row(*cells: object) -> str:
    """Write one line of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*names: str) -> str:
    """Write the head of a Markdown table."""
    return row(*names) + "\n" + row(*("---" for _ in names))


def usd(micro: int) -> str:
    """Write micro-USD as dollars."""
    return f"{micro / 1e6:,.2f}"


def outcome_cells(run: Run) -> Sequence[object]:
    """Return first answer, cost, bound, gap in percent, what stopped it, wall and processor seconds."""
    first = "-" if run.first_s is None else f"{run.first_s:.1f}"
    if not isinstance(run.outcome, Solved):
        return [first, type(run.outcome).__name__.lower(), "-", "-", run.outcome.stopped_by, *_clocks(run)]
    gap = f"{100 * (run.gap or 0):.3f}"
    return [first, usd(run.outcome.cost_uusd), usd(run.outcome.bound_uusd), gap, run.outcome.stopped_by, *_clocks(run)]


def _clocks(run: Run) -> Sequence[str]:
    return [f"{run.wall_s:.1f}", f"{run.cpu_s:.1f}"]


OUTCOME_NAMES = ("first s", "cost USD", "bound USD", "gap %", "stopped by", "wall s", "cpu s")
