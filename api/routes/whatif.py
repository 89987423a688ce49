"""What-if: a stored plan asked again under changes, at its own prices."""

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from api.bodies import WhatIfBody, body_of, whatif_request
from api.dependencies import DeskOf, RepeatsOf, SettingsOf
from api.desk import Task
from api.documented import REPEATABLE, json_body, problems
from api.replies import JSON_TYPE, json_text

router = APIRouter(prefix="/v1/plans", tags=["plans"])

SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["version", "base", "changes"],
    "properties": {
        "version": {"const": 1},
        "base": {"type": "object"},
        "changes": {"type": "array", "items": {"type": "object"}},
        "frontier": {"type": "array", "items": {"type": "object"}},
        "break_even": {"type": "object"},
    },
}


@router.post(
    "/{id}/whatif",
    summary="Ask a stored plan again under changes",
    response_class=Response,
    openapi_extra={"requestBody": json_body(WhatIfBody)} | REPEATABLE,
    responses={
        200: {"description": "The plan beside each change.", "content": {JSON_TYPE: {"schema": SHAPE}}},
        **problems(400, 403, 404, 409, 413, 415, 422, 500, 503),
    },
)
async def whatif(request: Request, chosen: SettingsOf, desk: DeskOf, repeats: RepeatsOf, id: str) -> Response:  # noqa: A002  the contract's word
    """Return what other values, spot prices, the frontier or a break-even price would make of a stored plan."""
    raw = await body_of(request)

    async def answer() -> Response:
        work = await run_in_threadpool(whatif_request, raw, id, chosen)
        task = Task(id=f"whatif_{secrets.token_hex(8)}", request=work, created_at=datetime.now(UTC), label=id)
        return Response(json_text(await desk.result_of(task)), media_type=JSON_TYPE)

    return await repeats.once(request, raw, answer)
