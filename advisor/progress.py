"""Replanning: how far the jobs of a plan are, so that only the rest is planned, from what runs now.

A job that goes on where it runs starts without a start-up; anywhere else it pays one, and the checkpoint's way there.
So what runs is kept unless moving pays more than it costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ValidationError

from advisor.configurations import Configuration
from advisor.errors import DocumentInvalid, Fault
from advisor.places import Place
from advisor.plan.fields import Count, Moment, Name, NotNegative
from advisor.plan.load import LoadedPlan, plan_of
from advisor.plan.messages import faults_of, suggestion
from advisor.plan.reader import read_document
from advisor.plan.schema import MarketName, Part, TrainingPlan


class Running(Part):
    """Where a job runs at the moment: a cluster, a commitment, or a rented pool."""

    nodes: Count
    cluster: Name | None = None
    commitment: Name | None = None
    provider: Name | None = None
    region: Name | None = None
    zone: Name | None = None
    machine: Name | None = None
    market: MarketName | None = None


class JobProgress(Part):
    """What a job has done and spent, and where it runs now; absent: it does not run."""

    name: Name
    tokens_done: NotNegative = Decimal(0)
    spent_usd: NotNegative = Decimal(0)
    running: Running | None = None


class ProgressDocument(Part):
    """The whole document, version 1: what holds at `at`."""

    version: Literal[1]
    at: Moment
    jobs: list[JobProgress]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """The rest of a plan, where its jobs run now, and what changed, in words."""

    loaded: LoadedPlan
    running: Mapping[str, Running]
    said: tuple[str, ...]


def read_progress(path: Path) -> ProgressDocument:
    """Read a progress file.

    Raises:
        DocumentInvalid: with every fault, its path and cure.
    """
    return progress_of(read_document(path, kind="progress"), str(path))


def progress_of(document: Any, name: str) -> ProgressDocument:
    """Validate a progress document that was read elsewhere; `name` is how messages call it.

    Raises:
        DocumentInvalid: with every fault, its path and cure.
    """
    try:
        return ProgressDocument.model_validate(document)
    except ValidationError as error:
        raise DocumentInvalid(name, faults_of(error, ProgressDocument)) from None


def remainder(loaded: LoadedPlan, progress: ProgressDocument, *, name: str, folder: Path | None) -> Remainder:
    """Return the plan of what is left: tokens done are off, done jobs are gone, money spent is off its budgets.

    It starts at the next whole hour.

    Raises:
        DocumentInvalid: the progress names what the plan does not know, or a deadline has passed.
    """
    plan = loaded.plan
    known = {job.name: job for job in plan.jobs}
    faults = _faults(progress, known)
    done = {entry.name: entry for entry in progress.jobs if entry.name in known}
    left = {
        job.name: job.tokens - int(done[job.name].tokens_done) if job.name in done else job.tokens for job in plan.jobs
    }
    finished = [job for job, tokens in left.items() if tokens <= 0]
    if len(finished) == len(plan.jobs) and not faults:
        faults.append(Fault("jobs", "every job of the plan is done; there is nothing left to plan"))
    start = _next_hour(progress.at)
    for index, job in enumerate(plan.jobs):
        if job.deadline is not None and job.deadline <= start and job.name not in finished:
            says = f"{job.name} is not done and its deadline has passed; set a later one in the plan"
            faults.append(Fault(f"plan jobs[{index}].deadline", says))
    if faults:
        raise DocumentInvalid(name, faults)
    rest = _rest(plan, left, finished, done, start)
    running = {entry.name: entry.running for entry in progress.jobs if entry.running and entry.name not in finished}
    again = plan_of(
        rest.model_dump(mode="json", by_alias=True, exclude_none=True), name=name, as_of=start, folder=folder
    )
    again = replace(again, shapes={job: loaded.shapes[job] for job in again.shapes})
    return Remainder(loaded=again, running=running, said=_said(plan, left, finished, running, start))


def _faults(progress: ProgressDocument, known: Mapping[str, object]) -> list[Fault]:
    faults, seen = [], set()
    for index, entry in enumerate(progress.jobs):
        path = f"jobs[{index}].name"
        if entry.name not in known:
            near = suggestion(entry.name, sorted(known))
            faults.append(Fault(path, f"the plan has no job {entry.name!r}{near or ''}"))
        if entry.name in seen:
            faults.append(Fault(path, f"{entry.name!r} is given twice; keep one"))
        seen.add(entry.name)
        where = entry.running
        named = [where.cluster, where.commitment, where.machine] if where else []
        if where and sum(one is not None for one in named) != 1:
            faults.append(
                Fault(f"jobs[{index}].running", "must name a cluster, a commitment, or a machine with its place")
            )
    return faults


def _next_hour(at: datetime) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(hours=1)


def _rest(
    plan: TrainingPlan,
    left: Mapping[str, int],
    finished: list[str],
    done: Mapping[str, JobProgress],
    start: datetime,
) -> TrainingPlan:
    def spent(names: list[str]) -> Decimal:
        return sum((done[n].spent_usd for n in names if n in done), Decimal(0))

    jobs = []
    for job in plan.jobs:
        if job.name in finished:
            continue
        budget = None if job.budget_usd is None else max(Decimal(0), job.budget_usd - spent([job.name]))
        after = [name for name in job.after if name not in finished]
        early = job.earliest_start if job.earliest_start and job.earliest_start > start else None
        jobs.append(
            job.model_copy(
                update={"tokens": left[job.name], "after": after, "budget_usd": budget, "earliest_start": early}
            )
        )
    whole = None if plan.budget_usd is None else max(Decimal(0), plan.budget_usd - spent(list(left)))
    return plan.model_copy(update={"jobs": jobs, "start": start, "budget_usd": whole, "horizon_days": None})


def _said(
    plan: TrainingPlan, left: Mapping[str, int], finished: list[str], running: Mapping[str, Running], start: datetime
) -> tuple[str, ...]:
    said = [f"Replanned from {start:%Y-%m-%dT%H:%M:%SZ} on: what is done and spent is off tokens and budgets."]
    for job in plan.jobs:
        if job.name in finished:
            said.append(f"{job.name}: done.")
        elif left[job.name] < job.tokens:
            said.append(f"{job.name}: {left[job.name]:,} of {job.tokens:,} tokens are left.")
    said += [
        f"{name}: goes on without a start-up where it runs now ({where.nodes} nodes of "
        f"{where.cluster or where.commitment or where.machine}); anywhere else it pays one."
        for name, where in running.items()
    ]
    return tuple(said)


NOTHING_RUNS: Mapping[str, Running] = MappingProxyType({})


def going_on(job: str, where: Running, choices: Mapping[str, Sequence[Configuration]]) -> list[Configuration]:
    """Return the choice of a job to go on where it runs, without a start-up: a place of its own with the same nodes."""
    for chosen in choices.values():
        place = chosen[0].place
        if place.purchase is None and is_there(where, place):
            here = replace(place, key=f"{place.key}#{job}", going_on=place.key)
            return [replace(c, place=here, start_seconds=0) for c in chosen if c.nodes == where.nodes]
    return []


def is_there(where: Running, place: Place) -> bool:
    """Whether a place is where a job runs; what is left open matches."""
    if where.cluster is not None:
        return place.kind == "cluster" and place.machine == where.cluster
    if where.commitment is not None:
        return place.key == f"commitment/{where.commitment}"
    return (
        place.kind == "offer"
        and place.machine == where.machine
        and where.provider in (None, place.provider)
        and where.region in (None, place.region)
        and where.zone in (None, place.zone)
        and where.market in (None, place.market)
    )
