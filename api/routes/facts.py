"""What the tables know: machines, GPUs and model presets with their sources, and the schemas of the documents."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from advisor.cli.facts import model_document
from advisor.plan.presets import presets
from advisor.schemas import DOCUMENTS, schema_of
from api.documented import problems
from api.problems import Problem
from api.replies import json_text, tagged
from pricing.hardware import gpus, machines

router = APIRouter(prefix="/v1", tags=["facts"])

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Every number with unit, source and date.", "content": {"application/json": {}}},
    304: {"description": "The client has it already."},
    **problems(403, 500),
}


@router.get("/machines", summary="Rented machines and GPUs", response_class=Response, responses=ANSWERS)
def rented(request: Request) -> Response:
    """Return what the tables say of rented machines and of GPUs."""
    document = {
        "machines": [asdict(each) for each in machines().values()],
        "gpus": [asdict(each) for each in gpus().values()],
    }
    return tagged(request, json_text(document))


@router.get("/models", summary="Model presets", response_class=Response, responses=ANSWERS)
def models(request: Request) -> Response:
    """Return the shapes of the presets with their parameter counts."""
    return tagged(request, json_text({"models": [model_document(preset) for preset in presets().values()]}))


@router.get(
    "/schemas/{name}",
    summary="JSON Schema of a document",
    response_class=Response,
    responses={**ANSWERS, **problems(404, 422)},
)
def schemas(request: Request, name: str) -> Response:
    """Return the schema that is generated from the code which reads the document."""
    if name not in DOCUMENTS:
        raise Problem("not-found", f"No document is called {name[:60]!r}; there are {', '.join(DOCUMENTS)}.")
    return tagged(request, json_text(schema_of(name)), "application/schema+json")
