"""Collections: a collector's portions stored one by one, each with the record of its run.

A run (one part of one region) is written in one transaction with its rows, so it is there as a whole or not at all; a
collection that is killed keeps the runs it had finished and stays `running` until the next one finds its program gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, insert, select

from pricing.collection_records import (
    SCORES_KEPT,
    Collection,
    Outcome,
    Run,
    RunOutcome,
    begin,
    finish,
    run_values,
    store_scores,
)
from pricing.collectors.base import Collector, Portion, Remark, Request
from pricing.coverage import latest_complete, note_presence, scope_id
from pricing.errors import PermissionMissing, ProviderError
from pricing.intake import changes, series_of, store_current, store_rows
from pricing.migrations import reaching, take_turn
from pricing.quality import refusal
from pricing.records import COMPONENT, RUNS, SCOPES, SCORES, microseconds, moment_of

# A little more than is needed: providers publish spot prices some minutes late.
HISTORY_OVERLAP = timedelta(hours=6)
SPOT_PART = "spot"
MAX_REMARKS = 200


def collect(
    engine: Engine,
    collector: Collector,
    request: Request,
    *,
    asked_by: str,
    told: Callable[[Run], None] = lambda _run: None,
) -> Collection:
    """Ask a collector and store what it yields, run by run; `told` hears of each run as it is stored.

    A provider that cannot be asked at all is an outcome (`failed`, with the reason), recorded like any other.

    Raises:
        DatabaseUnavailable: the database refused or went away.
    """
    with reaching("the collection cannot be recorded"):
        number = begin(engine, collector.provider, asked_by)
        with_known = _with_what_is_known(engine, collector.provider, request)
        runs: list[Run] = []
        failure: ProviderError | None = None
        try:
            for portion in collector.collect(with_known):
                run = record_portion(engine, number, collector.provider, portion, request.now)
                runs.append(run)
                told(run)
        except ProviderError as error:
            failure = error
        return finish(engine, number, _outcome(runs, failure), failure, runs)


def _outcome(runs: Sequence[Run], failure: ProviderError | None) -> Outcome:
    if not any(run.outcome in {"complete", "partial", "late"} for run in runs):
        return "failed"
    bad = failure is not None or any(run.outcome in {"failed", "partial"} for run in runs)
    return "partial" if bad else "complete"


def record_portion(engine: Engine, collection: int, provider: str, portion: Portion, at: datetime) -> Run:
    """Store one portion with its run: rows, coverage and record in one transaction."""
    good, rejected = [], list(portion.rejected)
    for row in portion.rows:
        # A provider may have changed a price since the collection began.
        reason = refusal(row, now=max(at, datetime.now(UTC)))
        if reason is None:
            good.append(row)
        else:
            place = row.zone or row.region
            rejected.append(Remark(f"{row.machine} {row.market} {row.term or ''} {place}".replace("  ", " "), reason))
    with engine.begin() as connection:
        take_turn(connection, COMPONENT)
        recorded_at, source = datetime.now(UTC), f"collection {collection}"
        if portion.dated:
            kept = changes(connection, good) if portion.only_changes else good
            new = store_rows(connection, kept, recorded_at, source)
            seen = series_of(connection, good)
        else:
            new, seen = store_current(connection, good, recorded_at, source)
        scope = scope_id(connection, provider, portion.region, portion.part)
        before = latest_complete(connection, scope)
        outcome = _run_outcome(portion, late=before is not None and before >= microseconds(at))
        if outcome == "complete":
            note_presence(connection, scope, microseconds(at), seen)
        store_scores(connection, provider, portion.scores, at)
        failure = portion.failure
        run = Run(
            provider=provider,
            region=portion.region,
            part=portion.part,
            outcome=outcome,
            at=at,
            seconds=portion.seconds,
            calls=portion.calls,
            rows_seen=len(good),
            rows_new=new,
            rows_rejected=len(rejected),
            failure=None if failure is None else str(failure),
            failure_kind=None if failure is None else type(failure).__name__,
            permission=failure.permission if isinstance(failure, PermissionMissing) else None,
            rejected=tuple(rejected[:MAX_REMARKS]),
            unknown=portion.unknown[:MAX_REMARKS],
            excluded=portion.excluded[:MAX_REMARKS],
        )
        connection.execute(insert(RUNS).values(run_values(run, collection, scope)))
    return run


def _run_outcome(portion: Portion, *, late: bool) -> RunOutcome:
    if portion.failure is None:
        return "late" if late else "complete"
    if portion.optional:
        return "denied"
    return "partial" if portion.rows else "failed"


def _with_what_is_known(engine: Engine, provider: str, request: Request) -> Request:
    """Add where each region's spot history ends in the book, and which placement scores are younger than a day."""
    with engine.connect() as connection:
        query = (
            select(SCOPES.c.region, func.max(RUNS.c.at_us))
            .join(RUNS, RUNS.c.scope_id == SCOPES.c.id)
            .where(SCOPES.c.provider == provider, SCOPES.c.part == SPOT_PART, RUNS.c.complete)
            .group_by(SCOPES.c.region)
        )
        ends = {region: moment_of(at) for region, at in connection.execute(query)}
        fresh = microseconds(request.now - SCORES_KEPT)
        scored = select(SCORES.c.machine).where(SCORES.c.provider == provider, SCORES.c.at_us > fresh).distinct()
        machines = frozenset(machine for (machine,) in connection.execute(scored))
    since = {region: end - HISTORY_OVERLAP for region, end in ends.items() if end is not None}
    return replace(request, since_by_region=since, scored=machines)
