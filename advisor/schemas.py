"""The JSON Schemas of the documents, generated from the code and served."""

from typing import Any

from pydantic import BaseModel

from advisor.plan.schema import TrainingPlan
from advisor.recommendation import Recommendation

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, tuple[type[BaseModel], str]] = {
    "plan": (TrainingPlan, "validation"),
    "recommendation": (Recommendation, "serialization"),
}


def schema_of(document: str) -> dict[str, Any]:
    """Return the schema of a document by its name."""
    model, mode = DOCUMENTS[document]
    schema = model.model_json_schema(by_alias=True, mode="validation" if mode == "validation" else "serialization")
    return {"$schema": DIALECT, **schema}
