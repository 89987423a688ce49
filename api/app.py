"""The application, made afresh by `create` for every server that runs it: `uvicorn --factory api.app:create`."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response

from advisor import __version__
from advisor.errors import DocumentInvalid, Fault, UsageInvalid
from advisor.plan.schema import TrainingPlan
from advisor.settings import Settings, settings
from api.bodies import EstimateBody, PlanBody, WhatIfBody
from api.desk import Desk
from api.limits import Gate
from api.measures import Measured, Measures
from api.pages import routes as pages
from api.pages.page import page
from api.problems import KINDS, Problem, ProblemDocument, problem_of
from api.repeats import Repeats
from api.replies import json_text, tagged
from api.routes import collections, estimates, facts, plans, prices, reports, service, whatif
from pricing.errors import PricingError
from pricing.store import PriceBook

ROUTERS = (
    service.router,
    facts.router,
    prices.router,
    collections.router,
    estimates.router,
    whatif.router,
    plans.router,
    reports.router,
    pages.router,
)
# Models that routes describe by name only, since they read or write them by themselves.
BODIES = (PlanBody, EstimateBody, WhatIfBody)
DESCRIBED = (ProblemDocument, TrainingPlan, *BODIES)
DESCRIPTION = (
    "Plans GPU training runs on owned and rented nodes at the lowest total cost of ownership, with a proof. "
    "Errors are problem documents (RFC 9457). An infeasible plan is an answer with its explanation, not an error."
)

log = logging.getLogger("advisor.api")


def create_without_scheduler() -> FastAPI:
    """Make the application for a process that leaves collecting by the clock to others."""
    return create(scheduled=False)


def create(chosen: Settings | None = None, *, scheduled: bool = True) -> FastAPI:
    """Make the application; without settings it reads the environment's.

    Where ADVISOR_COLLECT_SCHEDULE is set, it collects prices by that clock, unless `scheduled` is false.

    Raises:
        UsageInvalid: a setting has a value that cannot work.
    """
    chosen = chosen or settings()
    desk = Desk(chosen.plan_workers, chosen.plan_queue)
    app = FastAPI(
        title="GPU training cost optimizer and batch advisor",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings, app.state.desk, app.state.repeats = chosen, desk, Repeats()
    app.state.measures, app.state.scheduled = Measures(desk, chosen.database_url), scheduled
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Gate)
    app.add_middleware(Measured, measures=app.state.measures)
    for kind in (Problem, DocumentInvalid, UsageInvalid, PricingError, Exception):
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_route("/openapi.json", _openapi, include_in_schema=False)
    app.add_route("/docs", _docs, include_in_schema=False)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.desk.start()
    stop_clock = await run_in_threadpool(_start_clock, app.state.settings) if app.state.scheduled else None
    try:
        yield
    finally:
        await app.state.desk.stop()
        if stop_clock is not None:
            await run_in_threadpool(stop_clock)


def _start_clock(chosen: Settings) -> Callable[[], None] | None:
    """Begin to collect prices by the clock of the settings; return what ends it, None where there is no clock."""
    if chosen.collect_schedule is None:
        return None
    from advisor.collecting import collection_schedule

    book = PriceBook.open(chosen.database_url)
    clock = collection_schedule(book, chosen)

    def stop() -> None:
        if clock is not None:
            clock.stop()
        book.close()

    if clock is not None:
        clock.start()
    return stop


async def _openapi(request: Request) -> Response:
    return tagged(request, json_text(request.app.openapi()))


async def _docs(request: Request) -> Response:
    return page(request, "docs.html", api=request.app.openapi(), kinds=KINDS)


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        known = schema.setdefault("components", {}).setdefault("schemas", {})
        for model in DESCRIBED:
            own = model.model_json_schema(ref_template="#/components/schemas/{model}")
            known.update(own.pop("$defs", {}))
            known[model.__name__] = own
        # A plan is read by the plan's own reader, so its place in the body is typed here only.
        for model in BODIES:
            known[model.__name__]["properties"]["plan"] = {"$ref": f"#/components/schemas/{TrainingPlan.__name__}"}
        app.openapi_schema = schema
    return app.openapi_schema


async def _on_error(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.kind == "failed":
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem.response()


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for nothing else
    kind = {HTTPStatus.NOT_FOUND: "not-found", HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed"}.get(
        HTTPStatus(error.status_code), "invalid-request"
    )
    return Problem(kind, f"{error.detail}; /docs lists the addresses.", headers=error.headers).response()


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for nothing else
    faults = [Fault(".".join(str(step) for step in each["loc"][1:]), each["msg"]) for each in error.errors()]
    return Problem("invalid-request", f"{len(faults)} parameter(s) cannot work.", faults).response()
