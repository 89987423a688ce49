"""What of a stored plan is still to do at a moment, as a plan document of its own.

Nobody told us how a run went, so the stored recommendation is taken to have been followed: of a segment that has begun,
tokens are done in proportion to its hours. A job that is done is left out, and so is the wait for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from advisor.recommendation import Recommendation, Segment
from pricing.moments import hour_ceiling, moment, moment_text

HOUR = timedelta(hours=1)


def done_tokens(answer: Recommendation, at: datetime) -> dict[str, int]:
    """Return the tokens of each job that were to be done by a moment."""
    done: dict[str, int] = {}
    for segment in answer.segments:
        done[segment.job] = done.get(segment.job, 0) + _done(segment, at)
    return done


def _done(segment: Segment, at: datetime) -> int:
    length = (segment.end - segment.start) // timedelta(seconds=1)
    passed = min(max((at - segment.start) // timedelta(seconds=1), 0), length)
    return segment.tokens * passed // length


def remainder(plan: Mapping[str, Any], answer: Recommendation, as_of: datetime) -> dict[str, Any] | None:
    """Return the plan's document from the next full hour on, or None where nothing is left to do."""
    start = max(moment(str(plan["start"])), hour_ceiling(as_of + timedelta(microseconds=1)))
    done = done_tokens(answer, start)
    left = [_job(job, done.get(job["name"], 0), start) for job in plan["jobs"]]
    jobs = _without_waits([job for job in left if job is not None])
    if not jobs:
        return None
    found = {**plan, "start": moment_text(start), "jobs": jobs}
    if plan.get("horizon_days") is not None:
        end = moment(str(plan["start"])) + timedelta(days=float(plan["horizon_days"]))
        found["horizon_days"] = max((end - start) / timedelta(days=1), 1 / 24)
    return found


def _job(job: Mapping[str, Any], done: int, start: datetime) -> dict[str, Any] | None:
    left = int(job["tokens"]) - done
    if left <= 0:
        return None
    earliest = job.get("earliest_start")
    passed = earliest is not None and moment(str(earliest)) <= start
    return {**job, "tokens": left, "earliest_start": None if passed else earliest}


def _without_waits(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {job["name"] for job in jobs}
    return [{**job, "after": [name for name in job.get("after", []) if name in names]} for job in jobs]
