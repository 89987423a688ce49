"""How answers are written: JSON or CSV with an ETag, and opaque cursors from page to page."""

import base64
import binascii
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from advisor.errors import Fault
from advisor.outputs.costs import safe
from api.problems import Problem

CSV_TYPE = "text/csv; charset=utf-8; header=present"
JSON_TYPE = "application/json"
# A page's style and small pictures stand in the page; it loads nothing, runs nothing, and sends only to this service.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
SAFE_PAGE = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}


def tagged(
    request: Request, content: str | bytes, media_type: str = JSON_TYPE, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a GET with an ETag; a client that has the same bytes already gets 304 and no body."""
    body = content.encode() if isinstance(content, str) else content
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    common = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
    sent = {**common, **(SAFE_PAGE if media_type.startswith("text/html") else {}), **(headers or {})}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=sent)
    return Response(body, headers=sent, media_type=media_type)


def json_text(document: Any) -> str:
    """Write a document as compact JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def preferred(request: Request, offered: Sequence[str]) -> str:
    """Return which of the media types the client likes best; the first one without a preference."""
    best, chosen = 0.0, offered[0]
    for entry in request.headers.get("accept", "*/*").split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        fitting = [kind for kind in offered if name in {kind, f"{kind.partition('/')[0]}/*", "*/*"}]
        weight = _weight(parameters)
        if fitting and weight > best:
            best, chosen = weight, fitting[0]
    return chosen


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV: header first, no cell that a spreadsheet takes for a formula, absent is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [row.get(name) for name in columns]
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return stream.getvalue()


def cursor_of(place: Mapping[str, Any]) -> str:
    """Write a place between two pages as an opaque text."""
    return base64.urlsafe_b64encode(json_text(place).encode()).decode().rstrip("=")


def place_of(cursor: str, fields: Mapping[str, type]) -> dict[str, Any]:
    """Read a cursor, which must hold these fields of these types.

    Raises:
        Problem: the service never gave this cursor.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict) or {name: type(value) for name, value in found.items()} != dict(fields):
        fault = Fault("cursor", "is none that this service gave; leave it out to begin at the first page")
        raise Problem("invalid-request", str(fault), [fault])
    return found
