"""The kinds of value a plan document holds, each with one clear message for what it refuses.

Numbers stay numbers: a quoted one is text and refused, so that `nodes: "4"` never means two things.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from pricing.moments import moment, moment_text
from pricing.money import decimal_of

MONTH = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")
MAX_NAME = 64
# The largest whole number that JSON carries exactly; far above any training run ever published.
MAX_COUNT = 2**53 - 1
MAX_NUMBER = 1e21


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        shown = "nothing" if value is None else repr(value)[:40]
        raise ValueError(f"must be a number, not {shown}" + ("; remove the quotes" if isinstance(value, str) else ""))
    number = decimal_of(value)
    if abs(number) > Decimal(MAX_NUMBER):
        raise ValueError(f"{value:g} is too large" if isinstance(value, float) else "is too large")
    return number


def _bounded(
    low: float | None, high: float | None, *, open_low: bool = False, open_high: bool = False
) -> Callable[[Any], Decimal]:
    def check(value: Any) -> Decimal:
        number = _number(value)
        if low is not None and (number < Decimal(str(low)) or (open_low and number == Decimal(str(low)))):
            raise ValueError(f"must be {'greater than' if open_low else 'at least'} {low:g}, not {value}")
        if high is not None and (number > Decimal(str(high)) or (open_high and number == Decimal(str(high)))):
            raise ValueError(f"must be {'less than' if open_high else 'at most'} {high:g}, not {value}")
        return number

    return check


def _whole(low: int, high: int = MAX_COUNT) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        number = _number(value)
        if number != number.to_integral_value():
            raise ValueError(f"must be a whole number, not {value}")
        if number < low:
            raise ValueError(f"must be at least {low}, not {value}")
        if number > high:
            raise ValueError(f"must be at most {high:.4g}, not {value}")
        return int(number)

    return check


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {repr(value)[:40]}; put it in quotes")
    if not 1 <= len(value) <= MAX_NAME:
        raise ValueError(f"must have 1 to {MAX_NAME} characters, not {len(value)}")
    if not value.isprintable() or value.strip() != value:
        raise ValueError("must be printable characters without spaces at its ends")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {repr(value)[:40]}; put it in quotes")
    if len(value) > 1_000:
        raise ValueError(f"must have at most 1000 characters, not {len(value)}")
    if any(not character.isprintable() for character in value):
        raise ValueError("must be one line of printable characters")
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be a moment like 2026-12-01T00:00:00Z, not {repr(value)[:40]}")
    return moment(value)


def _month(value: Any) -> str:
    if not isinstance(value, str) or not MONTH.fullmatch(value):
        raise ValueError(f"must be a month like 2026-12, not {repr(value)[:40]}")
    return value


def plain_number(value: Decimal) -> int | float:
    """Write a number as JSON has it: whole where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


def _number_schema(**bounds: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", **bounds})


def _version(value: Any) -> int:
    # True equals 1 in Python, and a document that says `version: yes` means something else.
    if isinstance(value, bool) or value != 1:
        raise ValueError(f"must be 1, not {repr(value)[:40]}")
    return 1


_AS_NUMBER = PlainSerializer(plain_number, return_type=float)

positive = _bounded(0, None, open_low=True)
"""Check a number greater than 0, for a field that also takes a word."""

Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME})]
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "maxLength": 1000})]
Count = Annotated[int, BeforeValidator(_whole(1)), WithJsonSchema({"type": "number", "multipleOf": 1, "minimum": 1})]
NodesOrNone = Annotated[
    int, BeforeValidator(_whole(0)), WithJsonSchema({"type": "number", "multipleOf": 1, "minimum": 0})
]
Whole = Annotated[int, BeforeValidator(_whole(-(10**9), 10**9)), WithJsonSchema({"type": "number", "multipleOf": 1})]
Positive = Annotated[
    Decimal, BeforeValidator(_bounded(0, None, open_low=True)), _AS_NUMBER, _number_schema(exclusiveMinimum=0)
]
NotNegative = Annotated[Decimal, BeforeValidator(_bounded(0, None)), _AS_NUMBER, _number_schema(minimum=0)]
Share = Annotated[Decimal, BeforeValidator(_bounded(0, 1)), _AS_NUMBER, _number_schema(minimum=0, maximum=1)]
Margin = Annotated[
    Decimal,
    BeforeValidator(_bounded(0, 1, open_high=True)),
    _AS_NUMBER,
    _number_schema(minimum=0, exclusiveMaximum=1),
]
Utilization = Annotated[
    Decimal,
    BeforeValidator(_bounded(0, 1, open_low=True)),
    _AS_NUMBER,
    _number_schema(exclusiveMinimum=0, maximum=1),
]
Percent = Annotated[Decimal, BeforeValidator(_bounded(0, 100)), _AS_NUMBER, _number_schema(minimum=0, maximum=100)]
Pue = Annotated[Decimal, BeforeValidator(_bounded(1, None)), _AS_NUMBER, _number_schema(minimum=1)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(moment_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Month = Annotated[str, BeforeValidator(_month), WithJsonSchema({"type": "string", "pattern": MONTH.pattern})]
Version = Annotated[Literal[1], BeforeValidator(_version)]
