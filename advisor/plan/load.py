"""From a file or a request body to a plan that the rest may rely on: validated once, every name resolved."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor.errors import DocumentInvalid, Fault
from advisor.places import Grid
from advisor.plan.calibrated import resolved_calibration
from advisor.plan.messages import faults_of
from advisor.plan.models import resolve_models
from advisor.plan.reader import read_document
from advisor.plan.references import reference_faults
from advisor.plan.regions import region_warnings
from advisor.plan.schema import TrainingPlan
from advisor.plan.shapes import ModelShape

OPEN_HORIZON_DAYS = 90
# Beyond this a deadline is a slip of the pen, and prices of today say nothing.
LONGEST_HORIZON_DAYS = 5 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlan:
    """A valid plan with its start settled, its grid, its models' shapes and what a reader should be warned of."""

    plan: TrainingPlan
    grid: Grid
    shapes: Mapping[str, ModelShape]
    warnings: tuple[str, ...]
    sha256: str


def load_plan(path: Path, *, as_of: datetime) -> LoadedPlan:
    """Read and validate a plan file; models may name files beside it.

    Raises:
        DocumentInvalid: with every fault found, each with its path and cure.
    """
    return plan_of(read_document(path), name=str(path), as_of=as_of, folder=path.parent)


def plan_of(document: Any, *, name: str, as_of: datetime, folder: Path | None) -> LoadedPlan:
    """Validate a plan read elsewhere; without a `folder` no model may name a file."""
    if not isinstance(document, dict):
        raise DocumentInvalid(name, [Fault("", "must be a mapping of fields; `advisor init` writes one")])
    try:
        plan = TrainingPlan.model_validate(document)
    except ValidationError as error:
        raise DocumentInvalid(name, faults_of(error, TrainingPlan)) from None
    faults = reference_faults(plan)
    shapes, model_faults = resolve_models(plan, folder)
    faults += model_faults
    start, warnings = _start(plan, as_of)
    calibrated, calibration_faults = resolved_calibration(plan, folder)
    faults += calibration_faults
    settled = calibrated.model_copy(update={"start": start})
    faults += _horizon_faults(plan, start)
    if faults:
        raise DocumentInvalid(name, faults)
    grid = Grid(start=start, hours=horizon_hours(plan, start), end_minutes=plan.end_grid_minutes)
    return LoadedPlan(
        plan=settled,
        grid=grid,
        shapes=shapes,
        warnings=(*warnings, *region_warnings(plan)),
        sha256=plan_sha256(settled),
    )


def plan_sha256(plan: TrainingPlan) -> str:
    """Hash the validated plan with defaults as canonical JSON (RFC 8785)."""
    import rfc8785

    return hashlib.sha256(rfc8785.dumps(plan.model_dump(mode="json", by_alias=True))).hexdigest()


def _start(plan: TrainingPlan, as_of: datetime) -> tuple[datetime, list[str]]:
    if plan.start is None:
        return as_of.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1), []
    if plan.start < as_of:
        return plan.start, ["the plan starts before as_of: hours already past are planned as if they could be used"]
    return plan.start, []


def _horizon_faults(plan: TrainingPlan, start: datetime) -> list[Fault]:
    faults = []
    if plan.horizon_days is not None and plan.horizon_days > LONGEST_HORIZON_DAYS:
        faults.append(Fault("horizon_days", f"must be at most {LONGEST_HORIZON_DAYS}"))
    for index, job in enumerate(plan.jobs):
        path = f"jobs[{index}].deadline"
        if job.deadline is None:
            continue
        days = (job.deadline - start) / timedelta(days=1)
        if plan.start is None and job.deadline <= start:
            faults.append(Fault(path, "must lie after the plan's start, the next full hour after as_of"))
        elif plan.horizon_days is not None and days > plan.horizon_days:
            cure = f"raise horizon_days to {days:g} or more"
            faults.append(Fault(path, f"lies beyond the horizon of {plan.horizon_days:g} days; {cure}"))
        elif days > LONGEST_HORIZON_DAYS:
            faults.append(Fault(path, f"lies more than {LONGEST_HORIZON_DAYS} days after the plan's start"))
    return faults


def horizon_hours(plan: TrainingPlan, start: datetime) -> int:
    """Return the stated horizon, or the last deadline and at least 90 days where a job has none, in whole hours."""
    if plan.horizon_days is not None:
        return max(1, floor(plan.horizon_days * 24))
    hours = [(job.deadline - start) // timedelta(hours=1) for job in plan.jobs if job.deadline is not None]
    if len(hours) < len(plan.jobs):
        hours.append(OPEN_HORIZON_DAYS * 24)
    return max(1, *hours) if hours else 1
