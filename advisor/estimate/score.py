"""Predict published runs with their own layouts: `python -m advisor.estimate.score RUNS.csv OUT.csv [tput|mem]`."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from advisor.estimate.calibration import Calibration, calibration
from advisor.estimate.memory import GIB, memory_bytes
from advisor.estimate.published import PublishedRun, Row, published_run
from advisor.estimate.throughput import tokens_per_second


def predicted(run: PublishedRun, quantity: str, constants: Calibration) -> float:
    """Return tokens per second per GPU, or peak GiB per GPU, of the first of the run's layouts that fits."""
    total = memory_bytes(run.work, run.layouts, constants).total() / GIB
    fits = np.flatnonzero(total <= run.hardware.capacity_gib)
    index = int(fits[0]) if len(fits) else int(np.argmin(total))
    if quantity == "mem":
        return float(total[index])
    one = run.layouts.take(np.array([index]))
    gpus = one.tp[0] * one.pp[0] * one.cp[0] * one.dp[0]
    return float(tokens_per_second(run.work, one, run.hardware, constants)[0] / gpus)


def predictions(rows: Iterable[Row], quantity: str, constants: Calibration | None = None) -> dict[str, float]:
    """Predict every row that can be read, by row id."""
    chosen = constants or calibration()
    runs = [run for run in map(published_run, rows) if run is not None]
    return {run.row_id: predicted(run, quantity, chosen) for run in runs}


def main(source: str, target: str, quantity: str = "tput") -> None:
    """Write `row_id,predicted` for a file of runs."""
    with Path(source).open(newline="", encoding="utf-8") as stream:
        found = predictions(csv.DictReader(stream), quantity)
    with Path(target).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["row_id", "predicted"])
        writer.writerows((row_id, f"{value:.6g}") for row_id, value in found.items())


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
