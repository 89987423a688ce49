"""A site's calibration that a plan names: a file becomes its rows, so that the plan says everything by itself."""

from decimal import Decimal
from pathlib import Path

from advisor.errors import DocumentInvalid, Fault
from advisor.plan.schema import CalibratedFactor, TrainingPlan
from pricing.hardware import gpus


def resolved_calibration(plan: TrainingPlan, folder: Path | None) -> tuple[TrainingPlan, list[Fault]]:
    """Put the rows of a named file in its place; every fault names the field."""
    if plan.calibration is None or isinstance(plan.calibration, list):
        return plan, _unknown_gpus(plan.calibration or [])
    if folder is None:
        return plan, [Fault("calibration", "a file can be named in a plan file only; give its rows instead")]
    from advisor.estimate.site import read_site

    try:
        site = read_site(folder / plan.calibration)
    except OSError:
        cure = "advisor validate OUR-RUNS.csv --calibration FILE writes one"
        return plan, [Fault("calibration", f"cannot read {plan.calibration!r} beside the plan; {cure}")]
    except DocumentInvalid as error:
        return plan, [Fault("calibration", f"{plan.calibration}, {fault}") for fault in error.faults]
    rows = [
        CalibratedFactor(
            quantity=each.quantity,
            gpu=each.gpu,
            stack=each.stack,
            runs=each.runs,
            factor=Decimal(str(each.factor)),
            low=Decimal(str(each.low)),
            high=Decimal(str(each.high)),
        )
        for each in site.factors
    ]
    return plan.model_copy(update={"calibration": rows}), []


def _unknown_gpus(rows: list[CalibratedFactor]) -> list[Fault]:
    return [
        Fault(f"calibration[{index}].gpu", f"no table knows {row.gpu!r}; see `advisor machines`")
        for index, row in enumerate(rows)
        if row.gpu not in gpus()
    ]
