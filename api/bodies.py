"""The bodies of requests: read by the reader of plan documents, validated here, before anything waits in a queue."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from advisor.errors import DocumentInvalid, Fault
from advisor.plan.load import LoadedPlan, plan_of
from advisor.plan.messages import faults_of
from advisor.plan.reader import read_text
from advisor.service import DEFAULT_TIME_LIMIT_S
from advisor.settings import Settings
from api.problems import Problem
from pricing.moments import moment

JSON_TYPES = ("application/json",)
# Far from both ends of the calendar, where adding an hour has no answer.
FIRST_YEAR, LAST_YEAR = 2000, 2200


class Body(BaseModel):
    """What every question about a plan may hold; all but `plan` optional."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plan: dict[str, Any]
    as_of: str | None = Field(default=None, max_length=40, description="like 2026-11-24T00:00:00Z; default now")
    prices: list[dict[str, Any]] | None = Field(
        default=None, description="rows with the columns of the price sheet; they replace the price book for this run"
    )


class EstimateBody(Body):
    """The body of POST /v1/estimates."""

    machine: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="only this rented machine or cluster; default: every one"
    )
    nodes: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None, description="on exactly so many nodes; default: the fewest that fit"
    )


class PlanBody(Body):
    """The body of POST /v1/plans."""

    objective: Literal["cost", "time", "risk"] = "cost"
    time_limit_s: Annotated[float, Field(ge=1, description="default 60, or the service's limit if lower")] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    progress: dict[str, Any] | None = Field(
        default=None, description="a progress document: only the rest is planned, from where jobs run now"
    )


class WhatIfBody(BaseModel):
    """The body of POST /v1/plans/{id}/whatif: what is to be asked of a stored plan at its own prices."""

    model_config = ConfigDict(extra="forbid", strict=True)

    set: dict[Annotated[str, Field(max_length=200)], Any] = Field(
        default={}, max_length=50, description="path in the plan document to its new value"
    )
    spot_price: Annotated[float, Field(ge=-99, le=10_000)] | None = Field(default=None, description="percent dearer")
    frontier: Literal["cost,time"] | None = None
    points: Annotated[int, Field(ge=2, le=20)] = 6
    break_even: Annotated[str, Field(pattern=r"^.{1,64}:(on_demand|spot)$")] | None = Field(
        default=None, description="MACHINE:MARKET"
    )
    time_limit_s: Annotated[float, Field(ge=1)] = 60


AnyBody = TypeVar("AnyBody", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """Return the body of a JSON request.

    Raises:
        Problem: the body has another media type, or is too large.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in JSON_TYPES:
        raise Problem("unsupported-media-type", f"The body is {media_type[:60] or 'of no stated type'}.")
    return await request.body()


def read_body(raw: bytes) -> dict[str, Any]:
    """Read a JSON object by the rules of plan documents: no key twice, finite numbers, bounded depth.

    Raises:
        DocumentInvalid: it is none.
    """
    if not raw.strip():
        raise DocumentInvalid("body", [Fault("", "is empty; send a JSON object")])
    document = read_text(raw, "body")
    if not isinstance(document, dict):
        raise DocumentInvalid("body", [Fault("", "must be a JSON object")])
    refuse_broken_text(document)
    return document


def refuse_broken_text(value: Any) -> None:
    """Refuse what no database stores: NUL, and halves of characters, which only an escape can bring in."""
    if isinstance(value, dict):
        for key, each in value.items():
            refuse_broken_text(key)
            refuse_broken_text(each)
    elif isinstance(value, list):
        for each in value:
            refuse_broken_text(each)
    elif isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise DocumentInvalid("body", [Fault("", "holds a NUL character or half of a surrogate pair in a text")])


def plan_request(raw: bytes, now: datetime, chosen: Settings) -> tuple[LoadedPlan, dict[str, Any]]:
    """Validate the body of POST /v1/plans; return the plan and what a worker needs.

    Raises:
        DocumentInvalid: with every fault, those of the plan by their path in the plan document.
        Problem: the plan has too many jobs.
    """
    body = _validated(raw, PlanBody)
    faults = [*_moment_faults(body), *_plan_faults(body, chosen)]
    if faults:
        raise DocumentInvalid("body", faults)
    limit = min(DEFAULT_TIME_LIMIT_S, chosen.max_time_limit_s) if body.time_limit_s is None else body.time_limit_s
    more = {"objective": body.objective, "progress": body.progress}
    return _work(body, "plan", now, chosen, time_limit_s=limit, seed=body.seed, **more)


def whatif_request(raw: bytes, name: str, chosen: Settings) -> dict[str, Any]:
    """Validate the body of POST /v1/plans/{id}/whatif; return what a worker needs.

    Raises:
        DocumentInvalid: with every fault.
    """
    body = _validated(raw, WhatIfBody)
    if not (body.set or body.spot_price is not None or body.frontier or body.break_even):
        raise DocumentInvalid("body", [Fault("set", "asks nothing: give set, spot_price, frontier or break_even")])
    if body.time_limit_s > chosen.max_time_limit_s:
        limit = f"must be at most {chosen.max_time_limit_s:g} (ADVISOR_MAX_TIME_LIMIT_S), not {body.time_limit_s:g}"
        raise DocumentInvalid("body", [Fault("time_limit_s", limit)])
    return {"task": "whatif", "id": name, **body.model_dump(), "settings": chosen.model_dump()}


def estimate_request(raw: bytes, now: datetime, chosen: Settings) -> tuple[LoadedPlan, dict[str, Any]]:
    """Validate the body of POST /v1/estimates; return the plan and what a worker needs.

    Raises:
        DocumentInvalid: with every fault, those of the plan by their path in the plan document.
        Problem: the plan has too many jobs.
    """
    body = _validated(raw, EstimateBody)
    faults = _moment_faults(body)
    if faults:
        raise DocumentInvalid("body", faults)
    more = {"machine": body.machine, "nodes": body.nodes}
    return _work(body, "estimate", now, chosen, time_limit_s=DEFAULT_TIME_LIMIT_S, seed=0, **more)


def _validated(raw: bytes, model: type[AnyBody]) -> AnyBody:
    document = read_body(raw)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise DocumentInvalid("body", faults_of(error, model)) from None


def _work(body: Body, task: str, now: datetime, chosen: Settings, **more: Any) -> tuple[LoadedPlan, dict[str, Any]]:
    as_of = now if body.as_of is None else moment(body.as_of)
    loaded = loaded_plan(body.plan, as_of, chosen)
    if body.prices is not None:
        _check_prices(body.prices, now)
    work = {"task": task, "plan": body.plan, "as_of": as_of.isoformat(), "prices": body.prices}
    return loaded, {**work, **more, "settings": chosen.model_dump()}


def loaded_plan(document: Any, as_of: datetime, chosen: Settings) -> LoadedPlan:
    """Validate a plan that came over HTTP: it may name no file, and has a bounded number of jobs."""
    jobs = document.get("jobs") if isinstance(document, dict) else None
    if isinstance(jobs, list) and len(jobs) > chosen.max_jobs_per_plan:
        limit = f"at most {chosen.max_jobs_per_plan} jobs (ADVISOR_MAX_JOBS_PER_PLAN), not {len(jobs)}"
        raise Problem("too-many-jobs", f"A plan over HTTP may have {limit}.", [Fault("jobs", limit)])
    return plan_of(document, name="plan", as_of=as_of, folder=None)


def moment_of(text: str | None, path: str, now: datetime) -> datetime:
    """Read a moment of a parameter; without one it is now.

    Raises:
        Problem: it is no moment, or lies centuries away.
    """
    if text is None:
        return now
    fault = _moment_fault(text, path)
    if fault is not None:
        raise Problem("invalid-request", f"{fault}", [fault])
    return moment(text)


def _moment_fault(text: str, path: str) -> Fault | None:
    try:
        at = moment(text)
    except ValueError as error:
        return Fault(path, str(error))
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        return Fault(path, f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}, not in {at.year}")
    return None


def _moment_faults(body: Body) -> list[Fault]:
    fault = None if body.as_of is None else _moment_fault(body.as_of, "as_of")
    return [fault] if fault else []


def _plan_faults(body: PlanBody, chosen: Settings) -> list[Fault]:
    faults = []
    if body.objective == "risk":
        faults.append(
            Fault("objective", "the risk of spot is not modelled yet, so it cannot be judged; use cost or time")
        )
    longest = chosen.max_time_limit_s
    if body.time_limit_s is not None and body.time_limit_s > longest:
        limit = f"must be at most {longest:g} (ADVISOR_MAX_TIME_LIMIT_S), not {body.time_limit_s:g}"
        faults.append(Fault("time_limit_s", limit))
    return faults


def _check_prices(rows: list[dict[str, Any]], now: datetime) -> None:
    """Refuse a list without a single good row; single bad ones are named in the answer's `excluded`."""
    from pricing.sheet import read_records

    sheet = read_records(rows, now=now)
    if not sheet.rows:
        faults = [Fault(f"prices[{each.line}]", each.reason) for each in sheet.rejected]
        raise DocumentInvalid("body", faults or [Fault("prices", "holds no row; leave it out to use the price book")])
