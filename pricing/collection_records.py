"""Collections and their runs as they are recorded: who asked, when, what came, what failed; and placement scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, insert, select, update

from pricing.collectors.base import PlacementScore, Remark
from pricing.errors import ProviderError
from pricing.lease import program_has_gone, this_program
from pricing.migrations import reaching, take_turn
from pricing.records import COLLECTIONS, COMPONENT, RUNS, SCOPES, SCORES, insert_many, microseconds, moment_of

Outcome = Literal["running", "complete", "partial", "failed", "interrupted"]
# late: a complete run of a later moment was stored before; its rows are kept, and it confirms nothing.
RunOutcome = Literal["complete", "partial", "failed", "denied", "late"]
SCORES_KEPT = timedelta(hours=24)
LONGEST_COLLECTION = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One part of one region as it is recorded; `at` is the moment it counts for."""

    provider: str
    region: str
    part: str
    outcome: RunOutcome
    at: datetime
    seconds: float
    calls: int
    rows_seen: int
    rows_new: int
    rows_rejected: int
    failure: str | None
    failure_kind: str | None
    permission: str | None = None
    rejected: tuple[Remark, ...] = ()
    unknown: tuple[Remark, ...] = ()
    excluded: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One collection of one provider, with its runs so far."""

    id: int
    provider: str
    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome
    failure: str | None
    failure_kind: str | None
    runs: tuple[Run, ...] = ()

    @property
    def rows_new(self) -> int:
        """Points that the collection added."""
        return sum(run.rows_new for run in self.runs)

    @property
    def rows_seen(self) -> int:
        """Prices that the provider told, known ones too."""
        return sum(run.rows_seen for run in self.runs)


def run_values(run: Run, collection: int, scope: int) -> dict[str, Any]:
    """Return the record of a run."""
    remarks = {
        kind: [[remark.what, remark.reason] for remark in getattr(run, kind)]
        for kind in ("rejected", "unknown", "excluded")
    }
    return {
        "collection_id": collection,
        "scope_id": scope,
        "complete": run.outcome == "complete",
        "at_us": microseconds(run.at),
        "outcome": run.outcome,
        "failure": run.failure,
        "failure_kind": run.failure_kind,
        "milliseconds": round(run.seconds * 1000),
        "calls": run.calls,
        "rows_seen": run.rows_seen,
        "rows_new": run.rows_new,
        "rows_rejected": run.rows_rejected,
        "remarks": json.dumps({**remarks, "permission": run.permission}),
    }


def store_scores(connection: Connection, provider: str, scores: Sequence[PlacementScore], at: datetime) -> None:
    """Keep what a provider forecasts; the same moment twice is known already."""
    names = ("provider", "region", "zone", "machine", "nodes", "at_us", "score")
    given = {(provider, s.region, s.zone, s.machine, s.nodes, microseconds(at)): s.score for s in scores}
    known = (
        {
            tuple(row)
            for row in connection.execute(
                select(*(SCORES.c[n] for n in names[:-1])).where(SCORES.c.at_us == microseconds(at))
            )
        }
        if given
        else set()
    )
    insert_many(connection, SCORES, names, [(*place, score) for place, score in given.items() if place not in known])


def _is_over(program: str, started_us: int) -> bool:
    return started_us < microseconds(datetime.now(UTC) - LONGEST_COLLECTION) or program_has_gone(program)


def begin(engine: Engine, provider: str, asked_by: str) -> int:
    """Open the record of a collection; those whose program has gone are closed as interrupted."""
    with engine.begin() as connection:
        take_turn(connection, COMPONENT)
        running = connection.execute(select(COLLECTIONS).where(COLLECTIONS.c.outcome == "running")).all()
        gone = [row.id for row in running if _is_over(row.by_program, row.started_us)]
        if gone:
            words = "its program ended before the collection did; what it had stored is whole and stays"
            ended = update(COLLECTIONS).where(COLLECTIONS.c.id.in_(gone))
            connection.execute(ended.values(outcome="interrupted", failure=words))
        values = {
            "provider": provider,
            "asked_by": asked_by[:200],
            "by_program": this_program(),
            "started_us": microseconds(datetime.now(UTC)),
            "outcome": "running",
        }
        made = connection.execute(insert(COLLECTIONS).values(values)).inserted_primary_key
    return int(made[0]) if made else 0


def finish(
    engine: Engine, number: int, outcome: Outcome, failure: ProviderError | None, runs: Sequence[Run]
) -> Collection:
    """Close the record of a collection and return it with its runs."""
    values = {
        "outcome": outcome,
        "finished_us": microseconds(datetime.now(UTC)),
        "failure": None if failure is None else str(failure),
        "failure_kind": None if failure is None else type(failure).__name__,
    }
    mine = COLLECTIONS.c.id == number
    with engine.begin() as connection:
        connection.execute(update(COLLECTIONS).where(mine).values(values))
        return _collection_of(connection.execute(select(COLLECTIONS).where(mine)).one(), runs)


def collections(engine: Engine, *, limit: int = 20, before: int | None = None) -> list[Collection]:
    """Return recorded collections with their runs, newest first; `before` is the id to go on from."""
    with reaching("the collections cannot be read"), engine.connect() as connection:
        query = select(COLLECTIONS).order_by(COLLECTIONS.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(COLLECTIONS.c.id < before)
        heads = connection.execute(query).all()
        runs = (
            select(RUNS, SCOPES.c.provider, SCOPES.c.region, SCOPES.c.part)
            .join(SCOPES, SCOPES.c.id == RUNS.c.scope_id)
            .where(RUNS.c.collection_id.in_([head.id for head in heads]))
            .order_by(RUNS.c.id)
        )
        by_collection: dict[int, list[Run]] = {}
        for row in connection.execute(runs):
            by_collection.setdefault(row.collection_id, []).append(_run_of(row))
    return [_collection_of(head, by_collection.get(head.id, [])) for head in heads]


def _collection_of(head: Any, runs: Sequence[Run]) -> Collection:
    gone = head.outcome == "running" and _is_over(head.by_program, head.started_us)
    return Collection(
        id=head.id,
        provider=head.provider,
        asked_by=head.asked_by,
        started_at=moment_of(head.started_us) or datetime.now(UTC),
        finished_at=moment_of(head.finished_us),
        outcome="interrupted" if gone else head.outcome,
        failure=head.failure,
        failure_kind=head.failure_kind,
        runs=tuple(runs),
    )


def _run_of(row: Any) -> Run:
    remarks = json.loads(row.remarks)
    kinds = {kind: tuple(Remark(*pair) for pair in remarks[kind]) for kind in ("rejected", "unknown", "excluded")}
    return Run(
        provider=row.provider,
        region=row.region,
        part=row.part,
        outcome=row.outcome,
        at=moment_of(row.at_us) or datetime.now(UTC),
        seconds=row.milliseconds / 1000,
        calls=row.calls,
        rows_seen=row.rows_seen,
        rows_new=row.rows_new,
        rows_rejected=row.rows_rejected,
        failure=row.failure,
        failure_kind=row.failure_kind,
        permission=remarks["permission"],
        **kinds,
    )


def last_started(engine: Engine, asked_by: str) -> datetime | None:
    """Return when the latest collection of an asker (by the beginning of its name) began, interrupted ones left out."""
    with reaching("the collections cannot be read"), engine.connect() as connection:
        mine = select(COLLECTIONS).where(COLLECTIONS.c.asked_by.startswith(asked_by, autoescape=True))
        found = connection.execute(mine.order_by(COLLECTIONS.c.started_us.desc()).limit(20)).all()
    whole = [
        row.started_us
        for row in found
        if row.outcome != "interrupted" and not (row.outcome == "running" and _is_over(row.by_program, row.started_us))
    ]
    return moment_of(max(whole, default=None))


def placement_scores(engine: Engine, *, now: datetime) -> list[PlacementScore]:
    """Return the scores of the last day, the newest of each place and machine."""
    with reaching("the placement scores cannot be read"), engine.connect() as connection:
        fresh = microseconds(now - SCORES_KEPT)
        found = connection.execute(select(SCORES).where(SCORES.c.at_us > fresh).order_by(SCORES.c.at_us)).all()
    newest = {(row.provider, row.zone, row.machine, row.nodes): row for row in found}
    return [
        PlacementScore(region=row.region, zone=row.zone, machine=row.machine, nodes=row.nodes, score=row.score)
        for row in newest.values()
    ]
