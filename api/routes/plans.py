"""Plans: ask for one, wait for it, read it back with its files, take it back."""

import asyncio
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import Response

from advisor.archive import Archive, Stored
from advisor.outputs.files import file_content, written_names
from advisor.recommendation import Moment, Money, Recommendation
from advisor.settings import Settings
from api.bodies import PlanBody, body_of, plan_request
from api.dependencies import ArchiveOf, DeskOf, RepeatsOf, SettingsOf
from api.desk import Task
from api.documented import REPEATABLE, json_body, problems
from api.problems import Problem
from api.replies import cursor_of, json_text, place_of, tagged

router = APIRouter(prefix="/v1/plans", tags=["plans"])

LONGEST_WAIT_S = 120.0
ID = re.compile(r"rec_[0-9A-Za-z]{1,36}")
# The files of the contract; which of them this version writes, advisor/outputs says.
MEDIA_TYPES = {
    "recommendation.json": "application/json",
    "report.html": "text/html; charset=utf-8",
    "report.md": "text/markdown; charset=utf-8",
    "costs.csv": "text/csv; charset=utf-8; header=present",
    "costs.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "focus.csv": "text/csv; charset=utf-8; header=present",
    "terraform.zip": "application/zip",
    "launch.zip": "application/zip",
}


class PlanState(BaseModel):
    """A plan that is waiting or being made."""

    id: str
    state: Literal["queued", "running"]
    plan: str = Field(description="the plan's name")
    created_at: Moment


class PlanEntry(BaseModel):
    """One line of the list: a stored recommendation, or a plan on its way."""

    id: str
    state: Literal["queued", "running", "done"]
    plan: str
    status: str | None = Field(description="of the recommendation; null while there is none")
    total: Money | None
    as_of: Moment | None
    created_at: Moment


class PlanList(BaseModel):
    """A page of the list, the newest first; the first page begins with what is on its way."""

    plans: list[PlanEntry]
    next_cursor: str | None


@router.post(
    "",
    summary="Make a plan",
    openapi_extra={"requestBody": json_body(PlanBody)} | REPEATABLE,
    responses={
        200: {"model": Recommendation, "description": "The recommendation; an infeasible plan is one too."},
        202: {"model": PlanState, "description": "On its way; ask the address in Location."},
        **problems(400, 403, 409, 413, 415, 422, 500, 503),
    },
)
async def make(
    request: Request,
    chosen: SettingsOf,
    desk: DeskOf,
    repeats: RepeatsOf,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="seconds to wait for the answer")] = 0,
) -> Response:
    """Check the plan at once, make it when a worker is free, and store the recommendation under its id."""
    raw = await body_of(request)

    async def answer() -> Response:
        loaded, work = await run_in_threadpool(plan_request, raw, datetime.now(UTC), chosen)
        name = f"rec_{secrets.token_hex(8)}"
        task = Task(id=name, request={**work, "id": name}, created_at=_now(), label=loaded.plan.name)
        desk.submit(task)
        if wait:
            await _finished(task, wait)
        return await _state(request, chosen, task)

    return await repeats.once(request, raw, answer)


async def _finished(task: Task, wait: float) -> None:
    try:
        await asyncio.wait_for(task.finished.wait(), wait)
    except TimeoutError:
        return


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def _state(request: Request, chosen: Settings, task: Task) -> Response:
    """Answer with what has become of a task."""
    location = {"Location": f"/v1/plans/{task.id}"}
    if task.problem is not None:
        raise task.problem
    if task.state == "done":
        text = await run_in_threadpool(_stored_text, chosen.database_url, task.id)
        return tagged(request, text, headers=location)
    state = PlanState(
        id=task.id,
        state="running" if task.state == "running" else "queued",
        plan=task.label,
        created_at=task.created_at,
    )
    return Response(
        state.model_dump_json(), 202, headers={**location, "Retry-After": "1"}, media_type="application/json"
    )


def _stored_text(database_url: str, name: str) -> str:
    archive = Archive.open(database_url)
    try:
        answer = archive.get(name)
    finally:
        archive.close()
    if answer is None:
        raise _unknown(name)
    return json_text(answer.document())


def _unknown(name: str) -> Problem:
    return Problem("not-found", f"No plan {name[:60]!r} is stored or being made.")


@router.get(
    "",
    summary="List plans",
    response_model=PlanList,
    responses=problems(403, 422, 500, 503),
)
def listing(
    request: Request,
    archive: ArchiveOf,
    desk: DeskOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Return what is on its way and what is stored, the newest first."""
    place = place_of(cursor, {"created_at": str, "id": str}) if cursor is not None else None
    after = None if place is None else (place["created_at"], place["id"])
    page = archive.page(limit + 1, after)
    found = [_entry(one) for one in page[:limit]]
    if place is None:
        found = [_entry_of(task) for task in reversed(desk.active()) if ID.fullmatch(task.id)] + found
    last = page[limit - 1] if len(page) > limit else None
    after_this = None if last is None else cursor_of({"created_at": last.created_at_text, "id": last.id})
    return tagged(request, PlanList(plans=found, next_cursor=after_this).model_dump_json())


def _entry(one: Stored) -> PlanEntry:
    return PlanEntry(
        id=one.id,
        state="done",
        plan=one.plan_name,
        status=one.status,
        total=None if one.total_cents is None else Money.of_cents(one.total_cents),
        as_of=one.as_of,
        created_at=one.created_at,
    )


def _entry_of(task: Task) -> PlanEntry:
    state: Literal["queued", "running"] = "running" if task.state == "running" else "queued"
    return PlanEntry(
        id=task.id, state=state, plan=task.label, status=None, total=None, as_of=None, created_at=task.created_at
    )


@router.get(
    "/{id}",
    summary="Read a plan",
    responses={
        200: {"model": Recommendation, "description": "The recommendation as it was stored."},
        202: {"model": PlanState, "description": "Still on its way."},
        304: {"description": "The client has it already."},
        **problems(403, 404, 409, 410, 422, 500, 503),
    },
)
async def read(request: Request, chosen: SettingsOf, desk: DeskOf, id: str) -> Response:  # noqa: A002  the contract's word
    """Return the recommendation, or how far it is."""
    task = desk.tasks.get(id)
    if task is not None:
        return await _state(request, chosen, task)
    return tagged(request, await run_in_threadpool(_stored_text, chosen.database_url, id))


@router.delete(
    "/{id}",
    status_code=204,
    summary="Cancel a plan",
    responses=problems(403, 404, 409, 422, 500, 503),
)
async def cancel(chosen: SettingsOf, desk: DeskOf, id: str) -> Response:  # noqa: A002
    """Take back a plan that is waiting or being made; what is stored stays."""
    task = desk.tasks.get(id)
    if task is None:
        await run_in_threadpool(_stored_text, chosen.database_url, id)
    if task is None or task.state in {"done", "failed"}:
        raise Problem("already-finished", f"{id[:60]} is finished; stored recommendations are kept unchanged.")
    await desk.cancel(task)
    return Response(status_code=204)


@router.get(
    "/{id}/{file}",
    summary="Read a file of a plan",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}},
        304: {"description": "The client has it already."},
        **problems(403, 404, 409, 410, 422, 500, 503),
    },
)
def file(request: Request, archive: ArchiveOf, desk: DeskOf, id: str, file: str) -> Response:  # noqa: A002
    """Return a file of a finished plan, made of the stored recommendation; the same bytes every time."""
    answer = archive.get(id)
    if answer is None:
        task = desk.tasks.get(id)
        if task is None:
            raise _unknown(id)
        raise task.problem or Problem("still-running", f"{id} is {task.state}; its files come with its answer.")
    return tagged(request, _content(answer, file), MEDIA_TYPES[file], _named(answer, file))


def _content(answer: Recommendation, name: str) -> bytes:
    content = file_content(answer, name) if name in MEDIA_TYPES else None
    if content is None:
        written = ", ".join(known for known in written_names() if known in MEDIA_TYPES)
        said = "is not written by this version" if name in MEDIA_TYPES else "is no file of a plan"
        raise Problem("no-such-file", f"{name[:60]} {said}; there are {written}.")
    return content


def _named(answer: Recommendation, name: str) -> dict[str, str]:
    """Reports are shown by a browser, everything else is saved under a name that says whose it is."""
    if name.startswith("report.") or name.endswith(".json"):
        return {}
    return {"Content-Disposition": f'attachment; filename="{answer.id}-{name}"'}
