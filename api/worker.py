"""A worker: a program that makes one plan at a time, asked on stdin and answered on stdout, one JSON document a line.

A program of its own, so that the service stays awake whatever a plan does to Python's lock, and so that cancelling a
plan ends all of its work at once. It ends by itself when stdin closes.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from api.problems import Problem, problem_of

# A plan gives way to whoever asks the service something in the meantime.
NICENESS = 5


def make_plan(request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a plan and store its recommendation under the request's id."""
    from datetime import UTC, datetime, timedelta

    from advisor.archive import Archive
    from advisor.offers import offers_in_book, offers_in_rows
    from advisor.plan.load import plan_of
    from advisor.recommendation import Excluded
    from advisor.service import PlanRequest, PricesMissing, recommend_plan
    from advisor.settings import Settings
    from pricing.moments import moment
    from pricing.sheet import read_records

    chosen, as_of, rows = Settings(**request["settings"]), moment(request["as_of"]), request["prices"]
    loaded = plan_of(request["plan"], name="plan", as_of=as_of, folder=None)
    sheet = None if rows is None else read_records(rows, now=datetime.now(UTC))
    if sheet is None:
        offers = offers_in_book(loaded.plan, as_of, chosen.database_url)
    else:
        offers = offers_in_rows(loaded.plan, as_of, sheet.rows)
    answer = recommend_plan(
        PlanRequest(
            loaded=loaded,
            offers=offers,
            as_of=as_of,
            max_age=timedelta(hours=chosen.price_max_age_hours),
            exempt_from_age=sheet is not None,
            time_limit_s=request["time_limit_s"],
            seed=request["seed"],
        )
    )
    if isinstance(answer, PricesMissing):
        raise prices_missing(answer)
    rejected = [Excluded(what=f"prices[{each.line}]", reason=each.reason) for each in (sheet.rejected if sheet else ())]
    answer = answer.model_copy(update={"id": request["id"], "excluded": [*rejected, *answer.excluded]})
    archive = Archive.open(chosen.database_url)
    archive.store(answer, loaded, offers)
    archive.close()
    return {"status": answer.status}


def prices_missing(outcome: Any) -> Problem:
    """Say which jobs have no price that may be used, and why the offers that there are may not."""
    from advisor.errors import Fault

    jobs = [Fault("jobs", f"{name}: configurations fit, and none of them has a usable price") for name in outcome.jobs]
    unusable = [Fault("prices", f"{each.what}: {each.reason}") for each in outcome.excluded]
    return Problem("prices-missing", f"No usable price for {', '.join(outcome.jobs)}.", [*jobs, *unusable])


TASKS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"plan": make_plan}


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
