"""Predictions of measured runs with their own layouts: tokens per second, peak memory, GPU-hours."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from advisor.estimate.calibration import Calibration, calibration
from advisor.estimate.layouts import Layouts
from advisor.estimate.memory import GIB, memory_bytes
from advisor.estimate.published import PublishedRun, Unreadable, published_run
from advisor.estimate.published_cells import Row
from advisor.estimate.throughput import tokens_per_second

# A published plan that the memory model puts this much above the card is still taken as one that ran.
LENIENT = 1.15

Quantity = Literal["tput", "mem", "gpuh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One row's figure, or why there is none."""

    row_id: str
    run: PublishedRun | None
    value: float | None
    reason: str | None = None


def predict(row: Row, quantity: Quantity, constants: Calibration | None = None) -> Prediction:
    """Predict tokens per second per GPU, peak GiB per GPU, or GPU-hours of the whole run."""
    run = published_run(row)
    if isinstance(run, Unreadable):
        return Prediction(row_id=run.row_id, run=None, value=None, reason=run.reason)
    value = predicted(run, quantity, constants or calibration())
    reason = None if value is not None else "train_tokens is blank, so GPU-hours are unknown"
    return Prediction(row_id=run.row_id, run=run, value=value, reason=reason)


def predicted(run: PublishedRun, quantity: Quantity, constants: Calibration) -> float | None:
    """Return the figure of the first of the run's layouts that fits; of the fastest one where its plan is open."""
    return figure(replace(run, layouts=chosen_layout(run, constants)), quantity, constants)


def chosen_layout(run: PublishedRun, constants: Calibration) -> Layouts:
    """Settle what the row leaves open: one layout, the first that fits, or the fastest where its plan is open."""
    if len(run.layouts) == 1:
        return run.layouts
    total = memory_bytes(run.work, run.layouts, constants).total() / GIB
    # What was published did run: a layout counts as fitting within the error of the memory model.
    fits = np.flatnonzero(total <= LENIENT * run.hardware.capacity_gib)
    index = int(fits[0]) if len(fits) else int(np.argmin(total))
    if run.plan_is_open and len(fits):
        speeds = tokens_per_second(run.work, run.layouts.take(fits), run.hardware, constants)
        index = int(fits[np.argmax(speeds)])
    return run.layouts.take(np.array([index]))


def figure(run: PublishedRun, quantity: Quantity, constants: Calibration) -> float | None:
    """Return the quantity of a run of one layout; None for GPU-hours of unknown tokens."""
    if quantity == "mem":
        return float(memory_bytes(run.work, run.layouts, constants).total()[0] / GIB)
    one = run.layouts
    gpus = one.tp[0] * one.pp[0] * one.cp[0] * one.dp[0]
    speed = float(tokens_per_second(run.work, one, run.hardware, constants)[0] / gpus)
    if quantity == "tput":
        return speed
    return None if run.train_tokens is None else run.train_tokens / (speed * constants.productive_share) / 3600


def predictions(rows: Iterable[Row], quantity: Quantity, constants: Calibration | None = None) -> list[Prediction]:
    """Predict every row."""
    return [predict(row, quantity, constants) for row in rows]
