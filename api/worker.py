"""A worker: a program that makes one plan at a time, asked on stdin and answered on stdout, one JSON document a line.

A program of its own, so that the service stays awake whatever a plan does to Python's lock, and so that cancelling a
plan ends all of its work at once. It ends by itself when stdin closes.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from api.problems import Problem, problem_of

if TYPE_CHECKING:
    from advisor.recommendation import Recommendation
    from advisor.service import PlanRequest, PricesMissing
    from advisor.settings import Settings
    from pricing.sheet import Rejected

# A plan gives way to whoever asks the service something in the meantime.
NICENESS = 5


def _asked(request: Mapping[str, Any]) -> "tuple[PlanRequest, Sequence[Rejected]]":
    """Return a plan with the offers that count, and the price rows that do not."""
    from datetime import UTC, datetime, timedelta

    from advisor.offers import offers_in_book, offers_in_rows
    from advisor.plan.load import plan_of
    from advisor.progress import progress_of, remainder
    from advisor.service import PlanRequest
    from pricing.moments import moment
    from pricing.sheet import read_records

    chosen, as_of, rows = _settings(request), moment(request["as_of"]), request["prices"]
    loaded = plan_of(request["plan"], name="plan", as_of=as_of, folder=None)
    sheet = None if rows is None else read_records(rows, now=datetime.now(UTC))
    if sheet is None:
        let_in = chosen.reference_prices == "on"
        offers = offers_in_book(loaded.plan, as_of, chosen.database_url, reference_prices=let_in)
    else:
        offers = offers_in_rows(loaded.plan, as_of, sheet.rows)
    rest = None
    if request.get("progress") is not None:
        rest = remainder(loaded, progress_of(request["progress"], "progress"), name="progress", folder=None)
        loaded = rest.loaded
    asked = PlanRequest(
        loaded=loaded,
        offers=offers,
        as_of=as_of,
        max_age=timedelta(hours=chosen.price_max_age_hours),
        exempt_from_age=sheet is not None,
        time_limit_s=request["time_limit_s"],
        seed=request["seed"],
        objective=request.get("objective", "cost"),
        remainder=rest,
    )
    return asked, () if sheet is None else sheet.rejected


def _settings(request: Mapping[str, Any]) -> "Settings":
    from advisor.settings import Settings

    return Settings(**request["settings"])


def _with_history(answer: "Recommendation", request: Mapping[str, Any]) -> "Recommendation":
    """Add past prices of the pools in use, from where the run's prices came."""
    from datetime import UTC, datetime

    from advisor.price_history import with_book_history, with_rows_history
    from pricing.sheet import read_records

    chosen, rows = _settings(request), request["prices"]
    if rows is not None:
        return with_rows_history(answer, read_records(rows, now=datetime.now(UTC)).rows)
    return with_book_history(answer, chosen.database_url, reference_prices=chosen.reference_prices == "on")


def make_plan(request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a plan and store its recommendation under the request's id."""
    from contextlib import closing

    from advisor.archive import Archive
    from advisor.recommendation import Excluded
    from advisor.service import PricesMissing, recommend_plan

    asked, rejected = _asked(request)
    answer = recommend_plan(asked)
    if isinstance(answer, PricesMissing):
        raise prices_missing(answer)
    unread = [Excluded(what=f"prices[{each.line}]", reason=each.reason) for each in rejected]
    answer = answer.model_copy(update={"id": request["id"], "excluded": [*unread, *answer.excluded]})
    answer = _with_history(answer, request)
    with closing(Archive.open(_settings(request).database_url)) as archive:
        archive.store(answer, asked.loaded, asked.offers)
    return {"status": answer.status}


def estimate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Estimate every job of a plan on every machine, as `advisor estimate --json` does."""
    from advisor.estimates import estimate_lines
    from advisor.planning import places_in
    from advisor.service import question_of

    asked, _ = _asked(request)
    question, _ = question_of(asked)
    lines = estimate_lines(asked.loaded, places_in(question), name=request["machine"], nodes=request["nodes"])
    return {"version": 1, "estimates": [line.document() for line in lines]}


def weekly(request: Mapping[str, Any]) -> dict[str, Any]:
    """Make the report of a week, as `advisor report weekly --json` does."""
    from datetime import UTC, datetime

    from advisor.weekly.report import weekly_report
    from advisor.weekly.week import week_named

    limit = request["plan_time_limit_s"]
    return weekly_report(week_named(request["week"]), datetime.now(UTC), _settings(request), limit).document()


def whatif(request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a stored plan again under changes, at the prices that it was made of."""
    from contextlib import closing

    from advisor.archive import Archive
    from advisor.service import PricesMissing
    from advisor.whatif.stored import stored_question
    from advisor.whatif.study import study

    chosen = _settings(request)
    with closing(Archive.open(chosen.database_url)) as archive:
        kept = archive.snapshot(request["id"])
    if kept is None:
        raise Problem("not-found", f"No plan {request['id'][:60]!r} is stored.")
    document = study(stored_question(kept, request, chosen.price_max_age_hours))
    if isinstance(document, PricesMissing):
        raise prices_missing(document)
    return document


def prices_missing(outcome: "PricesMissing") -> Problem:
    """Say which jobs have no price that may be used, and why the offers that there are may not."""
    from advisor.errors import Fault

    jobs = [Fault("jobs", f"{name}: configurations fit, and none of them has a usable price") for name in outcome.jobs]
    unusable = [Fault("prices", f"{each.what}: {each.reason}") for each in outcome.excluded]
    return Problem("prices-missing", f"No usable price for {', '.join(outcome.jobs)}.", [*jobs, *unusable])


TASKS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "plan": make_plan,
    "estimate": estimate,
    "weekly": weekly,
    "whatif": whatif,
}


def answered(request: Mapping[str, Any]) -> dict[str, Any]:
    """Do what a request asks; a failure becomes a problem document, its traceback goes to stderr."""
    try:
        return {"result": TASKS[request["task"]](request)}
    except Exception as error:  # the worker's outermost edge: nobody above could tell the user
        problem = problem_of(error)
        if problem.kind == "failed":
            traceback.print_exc()
        return {"kind": problem.kind, "problem": problem.document()}


def main() -> None:
    """Answer requests until stdin closes; what libraries print goes to stderr, never among the answers."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.nice(NICENESS)
    for line in sys.stdin:
        answers.write(json.dumps(answered(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
