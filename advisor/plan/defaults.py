"""Which defaults a plan took, so that the recommendation can say each of them."""

from collections import defaultdict
from typing import Any

from pydantic import BaseModel

from advisor.plan.schema import TrainingPlan

# Empty lists, absent options and bare sub-mappings say nothing that a reader would want to check.
SILENT: tuple[Any, ...] = (None, [], {})


def defaults_used(plan: TrainingPlan) -> list[str]:
    """Return one sentence per field and value: "default sequence_length: 4096 (jobs[0], jobs[2])"."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    _collect(plan, "", places)
    return [
        f"default {field}: {value}" + (f" ({', '.join(where)})" if any(where) else "")
        for (field, value), where in places.items()
    ]


def _collect(part: BaseModel, path: str, places: dict[tuple[str, str], list[str]]) -> None:
    dumped = part.model_dump(mode="json", by_alias=True)
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        key = field.alias or name
        if isinstance(value, BaseModel):
            _collect(value, f"{path}.{key}".lstrip("."), places)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for index, item in enumerate(value):
                _collect(item, f"{path}.{key}[{index}]".lstrip("."), places)
        elif name not in part.model_fields_set and dumped[key] not in SILENT:
            places[key, _shown(dumped[key])].append(path)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
