"""Reports on what is stored."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from advisor.weekly.document import WeeklyReport
from advisor.weekly.markdown import weekly_markdown
from advisor.weekly.page import weekly_html
from advisor.weekly.week import week_named
from api.dependencies import DeskOf, SettingsOf
from api.desk import Task
from api.documented import problems
from api.replies import JSON_TYPE, json_text, preferred, tagged

router = APIRouter(prefix="/v1/reports", tags=["reports"])

MARKDOWN, HTML = "text/markdown", "text/html"
# A report solves every open plan; it is taken to be stuck after an hour or two.
LONGEST_S = 3600.0


@router.get(
    "/weekly/{week}",
    summary="Report of a week",
    response_class=Response,
    responses={
        200: {"model": WeeklyReport, "content": {MARKDOWN: {}, HTML: {}}, "description": "The report."},
        304: {"description": "The client has it already."},
        **problems(403, 422, 500, 503),
    },
)
async def weekly(
    request: Request,
    chosen: SettingsOf,
    desk: DeskOf,
    week: Annotated[str, Path(max_length=20, description="like 2026-W48")],
    time_limit_s: Annotated[float, Query(ge=3, le=600, description="for each open plan")] = 20,
) -> Response:
    """Return price moves, open plans solved again with the change and why, cost by month, and prices too old.

    JSON, or Markdown or HTML where `Accept` prefers them.
    """
    named = week_named(week)
    work: dict[str, Any] = {"task": "weekly", "week": str(named), "plan_time_limit_s": time_limit_s}
    work |= {"time_limit_s": LONGEST_S, "settings": chosen.model_dump()}
    task = Task(id=f"weekly_{secrets.token_hex(8)}", request=work, created_at=datetime.now(UTC))
    document = await desk.result_of(task)
    wanted = preferred(request, (JSON_TYPE, MARKDOWN, HTML))
    if wanted == JSON_TYPE:
        return tagged(request, json_text(document))
    write = weekly_markdown if wanted == MARKDOWN else weekly_html
    text = await run_in_threadpool(lambda: write(WeeklyReport.model_validate(document)))
    return tagged(request, text, f"{wanted}; charset=utf-8")
