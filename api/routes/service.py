"""The service itself: is it alive, can it work, what does it measure."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from advisor import __version__
from advisor.archive import Archive
from api.dependencies import DeskOf, SettingsOf
from api.documented import problems
from pricing.store import PriceBook

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Readiness(BaseModel):
    """The database answers, and this is how much there is to do."""

    status: Literal["ready"] = "ready"
    observations: int
    plans_waiting: int
    plans_running: int


@router.get("/healthz", summary="Is it alive", response_model=Health, responses=problems(403, 500))
async def healthz() -> Health:
    """Answer without asking anything else."""
    return Health()


@router.get("/readyz", summary="Can it work", response_model=Readiness, responses=problems(403, 500, 503))
def readyz(chosen: SettingsOf, desk: DeskOf) -> Any:
    """Open the price book and the archive; where the database does not answer, 503 says why."""
    Archive.open(chosen.database_url).close()
    with PriceBook.open(chosen.database_url) as book:
        observations = book.status().observations
    return Readiness(
        observations=observations,
        plans_waiting=len(desk.active("queued")),
        plans_running=len(desk.active("running")),
    )


@router.get(
    "/metrics",
    summary="Measures for Prometheus",
    response_class=Response,
    responses={200: {"description": "Measures.", "content": {"text/plain": {}}}, **problems(403, 500)},
)
def metrics(request: Request) -> Response:
    """Return counters of requests, of plans, how full the queue is, and when prices were collected."""
    return Response(request.app.state.measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
