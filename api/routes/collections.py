"""Collector runs: who asked when, what each part of each region brought, and what failed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from advisor.collecting import collection_document, schedule_document
from api.dependencies import BookOf, SettingsOf
from api.documented import problems
from api.replies import JSON_TYPE, cursor_of, json_text, place_of, tagged
from pricing.collection_records import collections

router = APIRouter(prefix="/v1/collections", tags=["collections"])

LARGEST_ID = 2**31 - 1
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["collections", "schedule", "next_cursor"],
    "properties": {
        "collections": {
            "type": "array",
            "items": {"type": "object", "required": ["id", "provider", "started_at", "outcome", "runs"]},
        },
        "schedule": {"type": "object", "required": ["cron", "next_at", "runner", "last_started_at"]},
        "next_cursor": {"type": ["string", "null"]},
    },
}


@router.get(
    "",
    summary="Collector runs",
    response_class=Response,
    responses={
        200: {"description": "Collections, the newest first.", "content": {JSON_TYPE: {"schema": SHAPE}}},
        304: {"description": "The client has it already."},
        **problems(403, 422, 500, 503),
    },
)
def listing(
    request: Request,
    chosen: SettingsOf,
    book: BookOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Return collections with their runs, the newest first, and what the clock says."""
    before = None if cursor is None else min(max(place_of(cursor, {"before": int})["before"], 0), LARGEST_ID)
    found = collections(book.engine, limit=limit + 1, before=before)
    shown = found[:limit]
    document = {
        "collections": [collection_document(each) for each in shown],
        "schedule": schedule_document(book, chosen),
        "next_cursor": cursor_of({"before": shown[-1].id}) if len(found) > limit else None,
    }
    return tagged(request, json_text(document))
