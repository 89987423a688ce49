"""Estimates: memory and speed of every job of a plan on every machine, with the best layout of each."""

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api.bodies import EstimateBody, body_of, estimate_request
from api.dependencies import DeskOf, RepeatsOf, SettingsOf
from api.desk import Task
from api.documented import REPEATABLE, json_body, problems
from api.replies import JSON_TYPE, json_text

router = APIRouter(prefix="/v1/estimates", tags=["estimates"])

SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["version", "estimates"],
    "properties": {
        "version": {"const": 1},
        "estimates": {"type": "array", "items": {"type": "object", "required": ["job", "nodes", "verdict", "reason"]}},
    },
}


@router.post(
    "",
    summary="Estimate a plan's jobs",
    response_class=Response,
    openapi_extra={"requestBody": json_body(EstimateBody)} | REPEATABLE,
    responses={
        200: {"description": "Every job on every machine.", "content": {JSON_TYPE: {"schema": SHAPE}}},
        **problems(400, 403, 409, 413, 415, 422, 500, 503),
    },
)
async def estimate(request: Request, chosen: SettingsOf, desk: DeskOf, repeats: RepeatsOf) -> Response:
    """Return best layout, GiB per GPU by part, tokens/s, MFU, hours and dollars, or why a job does not fit."""
    raw = await body_of(request)

    async def answer() -> Response:
        loaded, work = await run_in_threadpool(estimate_request, raw, datetime.now(UTC), chosen)
        task = Task(
            id=f"est_{secrets.token_hex(8)}", request=work, created_at=datetime.now(UTC), label=loaded.plan.name
        )
        return Response(json_text(await desk.result_of(task)), media_type=JSON_TYPE)

    return await repeats.once(request, raw, answer)
