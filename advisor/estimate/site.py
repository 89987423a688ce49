"""A site's own calibration: what its measured runs say of the estimates, per GPU and stack of software.

A factor is measured over predicted. It is drawn towards 1 by as much as few runs deserve: with n runs the logarithm
counts n / (n + 2), as if two runs that agreed with the estimate had been seen before. `low` and `high` hold 80 % of
what single runs of the group showed around it, and never less than the estimate's own error on two runs.
"""

import csv
import io
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from advisor.errors import DocumentInvalid, Fault
from advisor.estimate.accuracy import MEASURED, Comparison, quantile
from advisor.estimate.predict import Quantity
from advisor.estimate.published_cells import number
from advisor.estimate.published_hardware import named_gpu
from advisor.estimate.published_recipe import stack_of
from advisor.estimate.site_factors import SiteCalibration, SiteFactor
from advisor.plan.schema import SoftwareStack

HEADER = ["quantity", "gpu", "stack", "runs", "factor", "low", "high"]
# So many runs that agreed with the estimate are taken as seen before the site's own.
PRIOR_RUNS = 2
# Spread of a single run around a factor that few runs gave: half of an 80 % interval, in logarithms.
LEAST_SPREAD = 0.1


def fit_site(comparisons: Sequence[Comparison], quantity: Quantity, source: str) -> SiteCalibration:
    """Fit a factor to every GPU and stack of the measured runs."""
    groups: dict[tuple[str, SoftwareStack], list[float]] = {}
    for each in comparisons:
        gpu, _ = named_gpu(each.row.get("gpu") or "", number(each.row, "gpu_mem_gb"))
        groups.setdefault((gpu.id, stack_of(each.row)), []).append(math.log(each.measured / each.predicted))
    return SiteCalibration(
        tuple(_factor(quantity, gpu, stack, logs) for (gpu, stack), logs in sorted(groups.items())), source
    )


def _factor(quantity: Quantity, gpu: str, stack: SoftwareStack, logs: Sequence[float]) -> SiteFactor:
    middle = statistics.median(logs) * len(logs) / (len(logs) + PRIOR_RUNS)
    spread = max(quantile([abs(each - middle) for each in logs], 0.8), LEAST_SPREAD)
    return SiteFactor(
        quantity=quantity,
        gpu=gpu,
        stack=stack,
        runs=len(logs),
        factor=math.exp(middle),
        low=math.exp(middle - spread),
        high=math.exp(middle + spread),
    )


def site_text(calibration: SiteCalibration) -> str:
    """Write the factors as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for each in calibration.factors:
        figures = (f"{value:.4f}" for value in (each.factor, each.low, each.high))
        writer.writerow([each.quantity, each.gpu, each.stack, each.runs, *figures])
    return text.getvalue()


def read_site(path: Path) -> SiteCalibration:
    """Read a file that `advisor validate --calibration` wrote.

    Raises:
        DocumentInvalid: a column is missing or a value is none; every line with its fault.
    """
    faults: list[Fault] = []
    found: list[SiteFactor] = []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if reader.fieldnames != HEADER:
            raise DocumentInvalid(str(path), [Fault("line 1", f"the columns must be {','.join(HEADER)}")])
        for line, row in enumerate(reader, start=2):
            try:
                found.append(_read(row))
            except (TypeError, ValueError) as error:
                faults.append(Fault(f"line {line}", str(error)[:80]))
    if faults:
        raise DocumentInvalid(str(path), faults)
    return SiteCalibration(tuple(found), str(path))


def _read(row: dict[str, str]) -> SiteFactor:
    quantity = next((each for each in MEASURED if each == row["quantity"]), None)
    if quantity is None:
        raise ValueError(f"quantity must be one of {', '.join(MEASURED)}")
    stack = next((each for each in get_args(SoftwareStack) if each == row["stack"]), None)
    if stack is None:
        raise ValueError(f"stack must be one of {', '.join(get_args(SoftwareStack))}")
    factor, low, high = (float(row[name]) for name in ("factor", "low", "high"))
    if not 0 < low <= factor <= high < math.inf:
        raise ValueError("needs 0 < low <= factor <= high")
    return SiteFactor(
        quantity=quantity,
        gpu=row["gpu"],
        stack=stack,
        runs=int(row["runs"]),
        factor=factor,
        low=low,
        high=high,
    )
