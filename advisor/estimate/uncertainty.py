"""How far off an estimate may be: the 80 % interval of measured over estimated, by kind of run.

The intervals come from sources that the constants had not seen (`fit.left_out`), each source with the weight of the
root of its runs; they reach as far up as down, in logarithms. The share outside is lowered until 80 % of the runs of a
source that is left out here too fall inside. A kind that fewer than three sources or ten runs have measured is without
evidence: its interval is that of all runs, widened, and the estimate says so.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from advisor.estimate.calibration import generation
from advisor.estimate.work import Work

Measure = Literal["tput", "mem"]
INSIDE = 0.8
# Shares outside that are tried, with factors on the interval, until enough runs are inside.
TRIALS = (*((0.2 - 0.02 * step, 1.0) for step in range(7)), (0.08, 1.1), (0.08, 1.2))
# An interval without evidence, in logarithms, against that of all runs.
WIDENED = 1.5
LEAST_SOURCES, LEAST_RUNS = 3, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Bounds of measured over estimated; evidence: runs, sources, share of held-back runs inside (None: too few)."""

    kind: str
    runs: int
    sources: int
    low: float
    high: float
    held_back: float | None

    @property
    def has_evidence(self) -> bool:
        """Whether enough sources have measured the kind."""
        return self.held_back is not None


def kind_of(work: Work, gpu: str, measure: Measure) -> str:
    """Name the kind of a run: what decides most of how far off an estimate may be."""
    if work.shape.experts is not None:
        return "mixture of experts"
    if work.is_adapter:
        return "adapters on frozen weights"
    if measure == "mem":
        return "all weights trained"
    made = generation(gpu)
    if work.precision == "fp8":
        return "fp8"
    return {"ampere": "16 bits on Ampere", "hopper": "16 bits on Hopper"}.get(made, "16 bits on other GPUs")


def interval_of(work: Work, gpu: str, measure: Measure) -> Interval:
    """Return the interval of a run's kind; where no run of it was measured, that of all runs, widened."""
    kind = kind_of(work, gpu, measure)
    known = intervals()
    found = known.get((measure, kind))
    if found is not None:
        return found
    everything = known[measure, "all"]
    return _without_evidence(kind, everything, runs=0, sources=0)


@cache
def intervals() -> Mapping[tuple[str, str], Interval]:
    """Return the table by quantity and kind."""
    text = files("advisor.estimate").joinpath("data", "uncertainty.csv").read_text(encoding="utf-8")
    return {
        (row["quantity"], row["kind"]): Interval(
            kind=row["kind"],
            runs=int(row["runs"]),
            sources=int(row["sources"]),
            low=float(row["low"]),
            high=float(row["high"]),
            held_back=float(row["held_back"]) if row["held_back"] else None,
        )
        for row in csv.DictReader(text.splitlines())
    }


def fitted_intervals(logs: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Interval]:
    """Make the intervals of log(measured / estimated) by kind and source; the kind `all` comes first."""
    joined: dict[str, list[float]] = {}
    for by_source in logs.values():
        for source, values in by_source.items():
            joined.setdefault(source, []).extend(values)
    everything = _fitted("all", joined)
    found = [everything]
    for kind, by_source in sorted(logs.items()):
        runs = sum(map(len, by_source.values()))
        if len(by_source) < LEAST_SOURCES or runs < LEAST_RUNS:
            found.append(_without_evidence(kind, everything, runs=runs, sources=len(by_source)))
        else:
            found.append(_fitted(kind, by_source))
    return found


def _fitted(kind: str, by_source: Mapping[str, Sequence[float]]) -> Interval:
    runs = sum(map(len, by_source.values()))
    held_back, spread = 0.0, 0.0
    for outside, factor in TRIALS:
        held_back = _held_back(by_source, outside, factor) / runs
        spread = _spread(by_source, outside, factor)
        if held_back >= INSIDE:
            break
    return Interval(
        kind=kind,
        runs=runs,
        sources=len(by_source),
        low=math.exp(-spread),
        high=math.exp(spread),
        held_back=held_back,
    )


def _without_evidence(kind: str, everything: Interval, *, runs: int, sources: int) -> Interval:
    return Interval(
        kind=kind,
        runs=runs,
        sources=sources,
        low=everything.low**WIDENED,
        high=everything.high**WIDENED,
        held_back=None,
    )


def _held_back(by_source: Mapping[str, Sequence[float]], outside: float, factor: float) -> int:
    """Count the runs that fall into the interval of the other sources."""
    inside = 0
    for source, values in by_source.items():
        others = {name: each for name, each in by_source.items() if name != source}
        spread = _spread(others, outside, factor)
        inside += sum(abs(value) <= spread for value in values)
    return inside


def _spread(by_source: Mapping[str, Sequence[float]], outside: float, factor: float) -> float:
    """Return the weighted quantile of |log|, so that a share is outside; a source weighs the root of its runs."""
    weighted = sorted((abs(value), 1 / math.sqrt(len(values))) for values in by_source.values() for value in values)
    total, passed = sum(weight for _, weight in weighted), 0.0
    for value, weight in weighted:
        passed += weight
        if passed >= (1 - outside) * total:
            return factor * value
    return factor * weighted[-1][0]
