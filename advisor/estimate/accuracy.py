"""Errors of predictions against what was measured, figured as every peer was: absolute percentage errors, by group."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor.estimate.predict import Prediction, Quantity
from advisor.estimate.published_cells import Row, number

# Where a row holds what was measured, first the normalised column.
MEASURED: Mapping[Quantity, tuple[str, ...]] = {
    "tput": ("target_tok_s_gpu", "tokens_per_s_per_gpu"),
    "mem": ("peak_mem_gib",),
    "gpuh": ("gpu_hours",),
}
SCORED: Mapping[Quantity, str] = {"tput": "score_tput", "mem": "score_mem", "gpuh": "score_gpuh"}
CLOSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Figures of a group of runs; shares, not percent."""

    name: str
    runs: int
    median: float
    p90: float
    within_20: float

    def document(self) -> dict[str, float | int | str]:
        """Return it for JSON."""
        return {
            "group": self.name,
            "runs": self.runs,
            "median": round(self.median, 4),
            "p90": round(self.p90, 4),
            "within_20": round(self.within_20, 4),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One run that was predicted and measured."""

    row: Row
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """|predicted / measured - 1|."""
        return abs(self.predicted / self.measured - 1)


def compared(predictions: Sequence[Prediction], quantity: Quantity) -> list[Comparison]:
    """Pair predictions with measured values; where the file says which rows count, those only."""
    found = []
    for each in predictions:
        row = None if each.run is None else each.run.row
        if row is None or each.value is None or not counts(row, quantity):
            continue
        measured = next((value for column in MEASURED[quantity] if (value := number(row, column))), None)
        if measured is not None:
            found.append(Comparison(row=row, predicted=each.value, measured=measured))
    return found


def counts(row: Row, quantity: Quantity) -> bool:
    """Whether a row's own columns leave it in the score; files without those columns count every row."""
    scored = row.get(SCORED[quantity])
    return (scored in {None, "", "1"}) and (quantity != "tput" or row.get("scope") in {None, "", "in"})


def errors_of(name: str, comparisons: Sequence[Comparison]) -> Errors:
    """Figure one group; it must not be empty."""
    errors = [each.error for each in comparisons]
    return Errors(
        name=name,
        runs=len(errors),
        median=statistics.median(errors),
        p90=quantile(errors, 0.9),
        within_20=sum(error <= CLOSE for error in errors) / len(errors),
    )


def error_table(comparisons: Sequence[Comparison]) -> list[Errors]:
    """Figure all, each kind and each source that has rows."""
    if not comparisons:
        return []
    groups: dict[str, list[Comparison]] = {"all": list(comparisons)}
    for each in comparisons:
        for name in kinds_of(each.row):
            groups.setdefault(name, []).append(each)
    for each in sorted(comparisons, key=lambda one: one.row.get("source_id") or ""):
        if each.row.get("source_id"):
            groups.setdefault(each.row["source_id"], []).append(each)
    return [errors_of(name, group) for name, group in groups.items()]


def source_macro(comparisons: Sequence[Comparison]) -> float:
    """Median over sources of each source's median error."""
    by_source: dict[str, list[float]] = {}
    for each in comparisons:
        by_source.setdefault(each.row.get("source_id") or "", []).append(each.error)
    return statistics.median(statistics.median(errors) for errors in by_source.values())


def kinds_of(row: Row) -> Iterator[str]:
    """Name the kinds of run that a row belongs to."""
    gpu, size = row.get("gpu") or "", number(row, "params_b") or 0.0
    tests = (
        ("A100 and its like", gpu.startswith(("A1", "A8"))),
        ("H100 and its like", gpu.startswith(("H1", "H2", "H8", "GH2"))),
        ("B200 and its like", gpu.startswith(("B2", "B3", "GB"))),
        ("fp8", "fp8" in (row.get("precision") or "")),
        ("mixture of experts", bool(row.get("n_experts"))),
        ("LoRA, QLoRA", row.get("kind") in {"lora", "qlora"}),
        ("up to 10e9 parameters", 0 < size <= 10),
        ("over 100e9 parameters", size > 100),
        ("pipeline", (number(row, "pp") or 1) > 1),
        ("full recomputation", (row.get("act_ckpt") or "").startswith("full")),
    )
    return (name for name, holds in tests if holds)


def quantile(values: Sequence[float], share: float) -> float:
    """Interpolate linearly between the ordered values."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
