"""What a client is told when there is no answer: RFC 9457 problem documents, and the one table of their status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from advisor.errors import DocumentInvalid, Fault, UsageInvalid
from pricing.errors import PricingError

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 30
MOST_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, its title, and what to do about it."""

    status: int
    title: str
    cure: str


# Outcomes that are answers (optimal, feasible, infeasible, undecided) are 200; the rest has one row each here. The
# console command's exit code for the same outcome stands in api/README.md.
KINDS: dict[str, Kind] = {
    "broken-document": Kind(400, "The body cannot be read", "Send one UTF-8 JSON document."),
    "foreign-origin": Kind(403, "The request comes from another web site", "Open the page of this service itself."),
    "not-loopback": Kind(403, "Only this machine may ask", "Ask from the machine that runs the service."),
    "not-found": Kind(404, "There is nothing under this address", "GET /v1/plans lists what is stored."),
    "no-such-file": Kind(404, "The plan has no such file", "Ask for one of the files that are named."),
    "method-not-allowed": Kind(405, "The address does not know this method", "See /docs."),
    "prices-missing": Kind(409, "No usable price", "Import or collect prices, or send them with the plan."),
    "still-running": Kind(409, "The first request is still being answered", "Ask again after Retry-After seconds."),
    "already-finished": Kind(409, "The plan is finished", "Stored recommendations are kept unchanged."),
    "cancelled": Kind(410, "The plan was cancelled", "Send it again."),
    "too-large": Kind(413, "The body is too large", "Send less in one request."),
    "unsupported-media-type": Kind(415, "The body has another media type", "Send application/json."),
    "invalid-document": Kind(422, "The document breaks its rules", "Each error names its path and the cure."),
    "invalid-request": Kind(422, "A parameter has a value that cannot work", "Each error names the parameter."),
    "too-many-jobs": Kind(422, "The plan has too many jobs", "Split the plan."),
    "key-reused": Kind(422, "The Idempotency-Key belongs to another body", "Use a new key for a new request."),
    "failed": Kind(500, "Something unexpected happened", "The service's log has the details."),
    "queue-full": Kind(503, "Too many plans are waiting", "Ask again after Retry-After seconds."),
    "unreachable": Kind(503, "The database cannot be reached", "Check ADVISOR_DATABASE_URL; GET /readyz says more."),
}


class ProblemError(BaseModel):
    """One thing wrong: where, and what with its cure."""

    path: str = Field(description="path in the plan document, or the parameter's name; empty for the whole")
    message: str


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="address of the kind's description on the docs page")
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: list[ProblemError] = []


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self, kind: str, detail: str, errors: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        super().__init__(detail)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def document(self) -> dict[str, Any]:
        """Return the document as JSON values; further errors are counted, long ones cut."""
        shown = [{"path": _cut(each.path), "message": _cut(each.message)} for each in self.errors[:MOST_ERRORS]]
        if len(self.errors) > MOST_ERRORS:
            shown[-1] = {"path": "", "message": f"… and {len(self.errors) - MOST_ERRORS + 1} more"}
        kind = KINDS[self.kind]
        return {
            "type": f"/docs#{self.kind}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "errors": shown,
        }

    def response(self) -> JSONResponse:
        """Return the answer that carries the document."""
        return JSONResponse(self.document(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def problem_of_document(document: Mapping[str, Any], kind: str) -> Problem:
    """Make a problem again from its document, as a worker sent it."""
    return Problem(kind, document["detail"], [Fault(each["path"], each["message"]) for each in document["errors"]])


def problem_of(error: Exception) -> Problem:
    """Return the problem that stands for an error that nobody below has handled."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DocumentInvalid):
        kind = "broken-document" if len(error.faults) == 1 and not error.faults[0].path else "invalid-document"
        return Problem(kind, str(error).partition("\n")[0], error.faults)
    if isinstance(error, UsageInvalid):
        return Problem("invalid-request", str(error))
    if isinstance(error, PricingError):
        return Problem("unreachable", str(error), headers={"Retry-After": "10"})
    return Problem("failed", f"{type(error).__name__}; the request can be repeated")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
