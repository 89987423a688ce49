"""Fit the calibration to measured runs, and judge it on sources that it has not seen.

`python -m advisor.estimate.fit RUNS.csv` prints the constants that measured runs favour, and the errors in the sample
and with each source left out. What is minimised, over the logarithms x of the constants that have a spread s in
`data/calibration.csv` (p their value there before any run was seen):

    sum over runs of w |log(predicted / measured)| / 0.12 + 1/2 sum over constants of ((x - log p) / s)^2

w = 1 / sqrt(runs of the source), so that a source of 200 runs counts 14 times one of one run, not 200 times; of a
large source every k-th run is taken. The absolute error is minimised by reweighted least squares on the derivatives
at the present constants.
"""

import csv
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from advisor.estimate.accuracy import MEASURED, Comparison, counts, errors_of, source_macro
from advisor.estimate.calibration import Calibration, calibration, generation
from advisor.estimate.layouts import Floats
from advisor.estimate.predict import Quantity, chosen_layout, figure
from advisor.estimate.published import PublishedRun, published_run
from advisor.estimate.published_cells import Row, number

NOISE = 0.12
LEAST_RESIDUAL = 0.03
STEP = 0.02
# A source gives no more than about so many runs to a fit; all of them are scored.
MOST_OF_A_SOURCE = 30
# Constants of memory; all others with a spread are of speed.
OF_MEMORY = [
    "context_gib",
    "workspace_gib",
    "bucket_gib",
    "quantisation_bytes",
    "communicator_gib",
    "fragmentation",
    "activation_share",
    "logits_bytes_fused",
    "logits_bytes_chunked",
    "logits_bytes_plain",
    "logits_bytes_copies",
    "gathered_blocks",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Measured runs of one quantity, each with the layout that the present constants choose for it."""

    quantity: Quantity
    runs: Sequence[PublishedRun]
    measured: Floats
    sources: Sequence[str]

    @property
    def weights(self) -> Floats:
        """1 / sqrt(runs of the source)."""
        return np.array([1 / math.sqrt(self.sources.count(source)) for source in self.sources])

    def thinned(self) -> "Sample":
        """Take every k-th run of large sources."""
        seen: dict[str, int] = {}
        kept = []
        for index, source in enumerate(self.sources):
            seen[source] = seen.get(source, -1) + 1
            if seen[source] % -(-self.sources.count(source) // MOST_OF_A_SOURCE) == 0:
                kept.append(index)
        return self.take(kept)

    def take(self, kept: Sequence[int]) -> "Sample":
        """Keep some runs."""
        return Sample(
            quantity=self.quantity,
            runs=[self.runs[index] for index in kept],
            measured=self.measured[list(kept)],
            sources=[self.sources[index] for index in kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Residuals log(predicted / measured) at x and their derivatives."""

    names: Sequence[str]
    x: Floats
    prior: Floats
    spread: Floats
    residuals: Floats
    derivatives: Floats


def sample_of(rows: Iterable[Row], quantity: Quantity, constants: Calibration) -> Sample:
    """Read the scorable rows and settle what they leave open."""
    runs, measured, sources = [], [], []
    for row in rows:
        target = next((value for column in MEASURED[quantity] if (value := number(row, column))), None)
        run = published_run(row)
        if target is None or not isinstance(run, PublishedRun) or not counts(row, quantity):
            continue
        runs.append(replace(run, layouts=chosen_layout(run, constants)))
        measured.append(target)
        sources.append(row.get("source_id") or "")
    return Sample(quantity=quantity, runs=runs, measured=np.array(measured), sources=sources)


def residuals(sample: Sample, constants: Calibration) -> Floats:
    """log(predicted / measured) of every run."""
    predicted = [figure(run, sample.quantity, constants) or math.nan for run in sample.runs]
    found: Floats = np.log(np.array(predicted) / sample.measured)
    return found


def fitted_names(quantity: Quantity) -> list[str]:
    """Name the constants that a quantity's runs say something about."""
    return [row["name"] for row in _table() if row["spread"] and (row["name"] in OF_MEMORY) == (quantity == "mem")]


def linearised(sample: Sample, constants: Calibration) -> Linear:
    """Derive the residuals by the logarithm of every fitted constant."""
    names = fitted_names(sample.quantity)
    table = {row["name"]: row for row in _table()}
    here = residuals(sample, constants)
    columns = []
    for name in names:
        moved = replace(constants, **{name: getattr(constants, name) * math.exp(STEP)})
        felt = [index for index, run in enumerate(sample.runs) if _is_felt(name, run)]
        column = np.zeros(len(here))
        column[felt] = (residuals(sample.take(felt), moved) - here[felt]) / STEP
        columns.append(column)
    return Linear(
        names=names,
        x=np.log([getattr(constants, name) for name in names]),
        prior=np.log([float(table[name]["prior"]) for name in names]),
        spread=np.array([float(table[name]["spread"]) for name in names]),
        residuals=here,
        derivatives=np.stack(columns, axis=1),
    )


def _is_felt(name: str, run: PublishedRun) -> bool:
    """Whether a run can depend on a constant: those of other stacks and generations are not its own."""
    stack = "fused" if run.work.stack == "current" else run.work.stack
    other = [each for each in ("fused", "plain", "unfused") if each != stack and each in name.split("_")]
    generations = ("ampere", "ada", "hopper", "blackwell", "amd")
    made = generation(run.hardware.gpu.id)
    elsewhere = [each for each in generations if name.endswith(each) and each != made and "plain" not in name]
    return not (other and not (stack == "unfused" and "attention_share_plain" in name)) and not elsewhere


def solved(linear: Linear, weights: Floats, *, rounds: int = 30, most_step: float = 0.25) -> Floats:
    """Return x after reweighted least squares; no constant moves further than `most_step`."""
    move = np.zeros(len(linear.names))
    precision = 1 / linear.spread**2
    for _ in range(rounds):
        now = linear.residuals + linear.derivatives @ move
        scale = weights / (NOISE * np.maximum(np.abs(now), LEAST_RESIDUAL))
        normal = linear.derivatives.T @ (scale[:, None] * linear.derivatives) + np.diag(precision)
        pull = linear.derivatives.T @ (scale * linear.residuals) + precision * (linear.x - linear.prior)
        move = np.clip(-np.linalg.solve(normal, pull), -most_step, most_step)
    found: Floats = linear.x + move
    return found


def with_values(constants: Calibration, names: Sequence[str], x: Floats) -> Calibration:
    """Replace constants by exp(x); shares of something stay at most 1."""
    values = {
        name: min(float(value), 1.0) if name.endswith(("_exposed", "_efficiency")) else float(value)
        for name, value in zip(names, np.exp(x), strict=True)
    }
    return replace(constants, **values)


def fitted(rows: Sequence[Row], quantity: Quantity, constants: Calibration, rounds: int = 2) -> Calibration:
    """Repeat linearisation and solution."""
    for _ in range(rounds):
        sample = sample_of(rows, quantity, constants).thinned()
        linear = linearised(sample, constants)
        constants = with_values(constants, linear.names, solved(linear, sample.weights))
    return constants


def in_sample(rows: Sequence[Row], quantity: Quantity, constants: Calibration) -> list[Comparison]:
    """Predict every run with the given constants."""
    sample = sample_of(rows, quantity, constants)
    predicted = sample.measured * np.exp(residuals(sample, constants))
    return [
        Comparison(row=run.row, predicted=float(value), measured=float(measured))
        for run, value, measured in zip(sample.runs, predicted, sample.measured, strict=True)
    ]


def left_out(rows: Sequence[Row], quantity: Quantity, constants: Calibration) -> dict[str, list[Comparison]]:
    """Predict every source with constants fitted to the others, one step from the joint fit."""
    everything = sample_of(rows, quantity, constants)
    sample = everything.thinned()
    linear = linearised(sample, constants)
    found: dict[str, list[Comparison]] = {}
    for source in sorted(set(sample.sources)):
        others = sample.weights * np.array([each != source for each in sample.sources])
        without = with_values(constants, linear.names, solved(linear, others))
        for run, measured, its in zip(everything.runs, everything.measured, everything.sources, strict=True):
            if its == source:
                value = figure(run, quantity, without)
                if value is not None:
                    found.setdefault(source, []).append(
                        Comparison(row=run.row, predicted=value, measured=float(measured))
                    )
    return found


def _table() -> list[Mapping[str, str]]:
    text = files("advisor.estimate").joinpath("data", "calibration.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def main(path: str, quantity: Quantity = "tput") -> None:
    """Print constants that moved and both error figures."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    before = calibration()
    after = fitted(rows, quantity, before)
    lines = [f"{name},{getattr(before, name):.4g},{getattr(after, name):.4g}" for name in fitted_names(quantity)]
    outside = [each for group in left_out(rows, quantity, after).values() for each in group]
    for what, group in (("in sample", in_sample(rows, quantity, after)), ("left out", outside)):
        errors = errors_of(what, group)
        lines.append(
            f"{what}: {errors.runs} runs, median {errors.median:.3f}, p90 {errors.p90:.3f}, "
            f"sources {source_macro(group):.3f}, within 20 % {errors.within_20:.2f}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])  # type: ignore[arg-type]
