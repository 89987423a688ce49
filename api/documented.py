"""Pieces of the OpenAPI description that several routes share."""

from typing import Any

from pydantic import BaseModel

from api.problems import KINDS, MEDIA_TYPE, ProblemDocument

REPEATABLE: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key with the same body gets the first call's answer, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ]
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents that a route may answer with."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        titles = "; ".join(kind.title for kind in KINDS.values() if kind.status == status)
        schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
        found[status] = {"description": titles, "content": {MEDIA_TYPE: {"schema": schema}}}
    return found


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body, which the route reads by itself."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}
