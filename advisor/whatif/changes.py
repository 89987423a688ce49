"""Changes of a question: fields of the plan document set to other values, spot prices scaled."""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from advisor.errors import DocumentInvalid, UsageInvalid
from advisor.plan.reader import read_text
from pricing.money import half_even
from pricing.offer import Market, Offer

STEP = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<index>(?:\[[^\[\]]+\])*)")
LEAST_PERCENT, MOST_PERCENT = Decimal(-99), Decimal(10_000)


def changed_document(document: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the document with each PATH=VALUE set; an entry of a list is named by its number or its `name`.

    Raises:
        UsageInvalid: an assignment that names no place in the document, or whose value cannot be read.
    """
    changed = deepcopy(document)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise UsageInvalid(f"--set {assignment!r}: write PATH=VALUE, like jobs[0].deadline=2026-12-25T00:00:00Z")
        _set(changed, path.strip(), _value(assignment, text))
    return changed


def _value(assignment: str, text: str) -> Any:
    try:
        return read_text(f"value: {text}", "value")["value"]
    except DocumentInvalid as error:
        raise UsageInvalid(f"--set {assignment!r}: the value cannot be read: {error.faults[0]}") from None


def _steps(path: str) -> list[str]:
    """Split `jobs[pretrain].checkpoint.gib` into jobs, [pretrain], checkpoint, gib."""
    steps: list[str] = []
    for part in re.split(r"\.(?![^\[]*\])", path):
        found = STEP.fullmatch(part)
        if found is None:
            raise UsageInvalid(f"--set {path}: {part!r} is no field; write a path like jobs[0].deadline")
        steps.append(found["name"])
        steps += [f"[{index}]" for index in re.findall(r"\[([^\[\]]+)\]", found["index"])]
    return steps


def _set(document: dict[str, Any], path: str, value: Any) -> None:
    *way, last = _steps(path)
    here: Any = document
    for step in way:
        here = _entered(here, step, path)
    if last.startswith("["):
        here[_position(here, last, path)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise UsageInvalid(f"--set {path}: {last} belongs to a mapping, and what stands there is none")


def _entered(here: Any, step: str, path: str) -> Any:
    if step.startswith("["):
        return here[_position(here, step, path)]
    if not isinstance(here, dict):
        raise UsageInvalid(f"--set {path}: {step} belongs to a mapping, and what stands there is none")
    # A mapping that the plan leaves out begins empty: what is set in it is checked like the rest.
    return here.setdefault(step, {})


def _position(here: Any, step: str, path: str) -> int:
    wanted = step[1:-1]
    if not isinstance(here, list):
        raise UsageInvalid(f"--set {path}: {step} needs a list, and what stands there is none")
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in here]
    if wanted in names:
        return names.index(wanted)
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(here):
        return int(wanted)
    known = ", ".join(str(name) for name in names if name) or f"0 to {len(here) - 1}"
    raise UsageInvalid(f"--set {path}: there is no entry {wanted!r}; there are {known}")


def scaled(offers: Sequence[Offer], percent: Decimal, market: Market = Market.SPOT) -> list[Offer]:
    """Return the offers with those of one market dearer by so many percent, to the micro-USD, and said in the source.

    Raises:
        UsageInvalid: a change that leaves no price.
    """
    if not LEAST_PERCENT <= percent <= MOST_PERCENT:
        raise UsageInvalid(f"--spot-price must lie between {LEAST_PERCENT} and {MOST_PERCENT} percent, not {percent}")
    factor = 1 + Fraction(percent) / 100
    return [
        replace(
            offer,
            micro_usd_per_hour=max(1, half_even(offer.micro_usd_per_hour * factor)),
            source=f"{offer.source}; {percent:+f} % (what-if)",
        )
        if offer.market is market
        else offer
        for offer in offers
    ]
