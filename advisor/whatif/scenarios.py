"""Scenarios as a document: a list of named changes, strict like the plan itself."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from advisor.errors import DocumentInvalid
from advisor.plan.fields import Name
from advisor.plan.messages import faults_of
from advisor.plan.reader import read_document
from advisor.whatif.study import Scenario


class ScenarioEntry(BaseModel):
    """One scenario: fields set to values, and a change of spot prices in percent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    set: dict[str, Any] = {}
    spot_price: Decimal | None = Field(default=None, ge=-99, le=10_000, description="percent dearer")


class ScenarioDocument(BaseModel):
    """The whole document, version 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    scenarios: list[ScenarioEntry] = Field(min_length=1, max_length=20)


def read_scenarios(path: Path) -> list[Scenario]:
    """Read a scenario file.

    Raises:
        DocumentInvalid: with every fault, its path and cure.
    """
    document = read_document(path, kind="scenario")
    try:
        read = ScenarioDocument.model_validate(document)
    except ValidationError as error:
        raise DocumentInvalid(str(path), faults_of(error, ScenarioDocument)) from None
    return [
        Scenario(
            name=entry.name,
            assignments=tuple(f"{place}={_text(value)}" for place, value in entry.set.items()),
            spot_percent=entry.spot_price,
        )
        for entry in read.scenarios
    ]


def _text(value: Any) -> str:
    """Write a value so that it reads back as it was: JSON is YAML."""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
