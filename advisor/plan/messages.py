"""Turns what pydantic found into the contract's messages: the path as the user writes it, and the cure."""

import difflib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from advisor.errors import Fault

UNION_TAGS = {"named", "inline"}
# Looking for a near word takes a millisecond; a document of 2 MiB can hold 200,000 faults.
MOST_CURED = 100


def path_text(location: Sequence[int | str]) -> str:
    """Write a location as users do: ("jobs", 1, "deadline") becomes "jobs[1].deadline"."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step in UNION_TAGS:
            continue
        else:
            text += f".{step}" if text else str(step)
    return text


def faults_of(error: ValidationError, root: type[BaseModel]) -> list[Fault]:
    """Return every fault of a validation, in the order of the document; cures for as many as anybody is shown."""
    found = error.errors(include_url=False)
    told = [Fault(path_text(each["loc"]), _message(each, root)) for each in found[:MOST_CURED]]
    return told + [Fault(path_text(each["loc"]), each["msg"]) for each in found[MOST_CURED:]]


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _message(found: Any, root: type[BaseModel]) -> str:
    kind, context, location = found["type"], found.get("ctx", {}), found["loc"]
    value = "nothing" if found["input"] is None else repr(found["input"])[:60]
    if kind == "extra_forbidden":
        fields = _fields_at(root, tuple(0 if isinstance(step, int) else step for step in location[:-1]))
        near = suggestion(str(location[-1]), fields)
        return f"unknown field{near or '; known here: ' + ', '.join(fields)}"
    if kind == "missing":
        return "is required"
    if kind == "literal_error":
        if location == ("version",):
            return f"must be 1, not {value}; this software reads documents of version 1"
        return f"must be {_one_of(context['expected'])}, not {value}"
    if kind == "value_error":
        return str(context["error"])
    plain = {
        "model_type": f"must be a mapping of fields, not {value}",
        "model_attributes_type": f"must be a mapping of fields, not {value}",
        "dict_type": f"must be a mapping of fields, not {value}",
        "list_type": f"must be a list, not {value}",
        "bool_type": f"must be true or false, not {value}",
        "string_type": f"must be a text, not {value}",
        "too_short": "needs at least one entry",
    }
    return plain.get(kind) or f"{found['msg']} (got {value})"


def _one_of(expected: str) -> str:
    words = expected.replace("'", "").replace(" or ", ", ").split(", ")
    return words[0] if len(words) == 1 else "one of " + ", ".join(words)


@lru_cache(maxsize=256)
def _fields_at(root: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Name the fields that the mapping at this place may have."""
    schema = _schema(root)
    definitions, here = schema.get("$defs", {}), schema
    for step in location:
        if step in UNION_TAGS:
            continue
        here = _descend(here, definitions, step)
    return sorted(_resolved(here, definitions).get("properties", {}))


@cache
def _schema(root: type[BaseModel]) -> dict[str, Any]:
    return root.model_json_schema(by_alias=True)


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "anyOf" in node or "oneOf" in node or "allOf" in node:
        if "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
            continue
        options = node.get("anyOf") or node.get("oneOf") or node["allOf"]
        node = next((o for o in options if "$ref" in o or o.get("type") in {"array", "object"}), options[0])
    return node


def _descend(node: dict[str, Any], definitions: dict[str, Any], step: int | str) -> dict[str, Any]:
    node = _resolved(node, definitions)
    below: dict[str, Any] = node.get("items", {}) if isinstance(step, int) else node.get("properties", {}).get(step, {})
    return below
