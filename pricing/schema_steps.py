"""The price book's schema, step by step; a step that has landed is frozen, whatever `pricing.tables` says by now."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)

from pricing.migrations import Step

BATCH = 10_000


def _step_1(connection: Connection) -> None:
    """Make the tables in their first shape; it stays as it is when the classes of `pricing.tables` move on."""
    shape = MetaData()
    Table(
        "price_import",
        shape,
        Column("id", Integer, primary_key=True),
        Column("recorded_us", BigInteger, nullable=False),
        Column("source_file", String, nullable=False),
    )
    Table(
        "price_series",
        shape,
        Column("id", Integer, primary_key=True),
        Column("identity", String, nullable=False, unique=True),
        *(Column(name, String, nullable=False) for name in ("provider", "region", "zone")),
        Column("machine", String, nullable=False, index=True),
        *(Column(name, String, nullable=False) for name in ("market", "os", "term")),
        Column("start_us", BigInteger),
        Column("end_us", BigInteger),
    )
    Table(
        "price_observation",
        shape,
        Column("id", Integer, primary_key=True),
        Column("series_id", ForeignKey("price_series.id"), nullable=False),
        Column("import_id", ForeignKey("price_import.id"), nullable=False),
        Column("observed_us", BigInteger, nullable=False),
        Column("micro_per_hour", BigInteger, nullable=False),
        Column("currency", String, nullable=False),
        Column("upfront_micro", BigInteger),
        Column("available_nodes", Integer),
        Column("interruption_rate_per_hour", Float),
        Column("source", String, nullable=False),
        Index("price_by_time", "series_id", "observed_us"),
    )
    Table(
        "price_confirmation",
        shape,
        Column("id", Integer, primary_key=True),
        Column("observation_id", ForeignKey("price_observation.id"), nullable=False),
        Column("confirmed_us", BigInteger, nullable=False),
        Column("import_id", ForeignKey("price_import.id"), nullable=False),
        UniqueConstraint("observation_id", "confirmed_us"),
    )
    shape.create_all(connection, checkfirst=False)


def _step_2(connection: Connection) -> None:
    """Make points of one narrow row each and runs of collectors, and bring over what step 1 holds."""
    old = MetaData()
    old.reflect(connection, only=["price_import", "price_series", "price_observation", "price_confirmation"])
    shape = _second_shape()
    shape.create_all(connection, checkfirst=False)
    places = _copy_points(connection, old.tables, shape.tables)
    _copy_confirmations(connection, old.tables, shape.tables, places)
    old.tables["price_confirmation"].drop(connection)
    old.tables["price_observation"].drop(connection)


def _second_shape() -> MetaData:
    shape = MetaData()
    whole: dict[str, Any] = {"nullable": False, "primary_key": True, "autoincrement": False}
    Table(
        "price_detail",
        shape,
        Column("id", Integer, primary_key=True),
        Column("identity", String, nullable=False, unique=True),
        Column("currency", String, nullable=False),
        Column("upfront_micro", BigInteger),
        Column("available_nodes", Integer),
        Column("interruption_rate_per_hour", Float),
        Column("source", String, nullable=False),
    )
    Table(
        "price_point",
        shape,
        Column("series_id", Integer, **whole),
        Column("observed_us", BigInteger, **whole),
        Column("turn", Integer, **whole),
        Column("micro_per_hour", BigInteger, nullable=False),
        Column("detail_id", Integer, nullable=False),
        Column("import_id", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    Table(
        "price_point_confirmation",
        shape,
        Column("series_id", Integer, **whole),
        Column("observed_us", BigInteger, **whole),
        Column("turn", Integer, **whole),
        Column("confirmed_us", BigInteger, **whole),
        Column("import_id", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    _shape_of_runs(shape, whole)
    return shape


def _shape_of_runs(shape: MetaData, whole: dict[str, Any]) -> None:
    Table(
        "price_collection",
        shape,
        Column("id", Integer, primary_key=True),
        Column("provider", String, nullable=False),
        Column("asked_by", String, nullable=False),
        Column("by_program", String, nullable=False),
        Column("started_us", BigInteger, nullable=False, index=True),
        Column("finished_us", BigInteger),
        Column("outcome", String, nullable=False),
        Column("failure", Text),
        Column("failure_kind", String),
    )
    Table(
        "price_scope",
        shape,
        Column("id", Integer, primary_key=True),
        *(Column(name, String, nullable=False) for name in ("provider", "region", "part")),
        UniqueConstraint("provider", "region", "part"),
    )
    Table(
        "price_run",
        shape,
        Column("id", Integer, primary_key=True),
        Column("collection_id", ForeignKey("price_collection.id"), nullable=False, index=True),
        Column("scope_id", ForeignKey("price_scope.id"), nullable=False),
        Column("complete", Boolean, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("outcome", String, nullable=False),
        Column("failure", Text),
        Column("failure_kind", String),
        Column("milliseconds", BigInteger, nullable=False),
        *(Column(name, Integer, nullable=False) for name in ("calls", "rows_seen", "rows_new", "rows_rejected")),
        Column("remarks", Text, nullable=False),
        Index("price_run_by_scope", "scope_id", "complete", "at_us"),
    )
    Table(
        "price_presence",
        shape,
        Column("series_id", Integer, **whole),
        Column("at_us", BigInteger, **whole),
        Column("present", Boolean, nullable=False),
        Column("scope_id", ForeignKey("price_scope.id"), nullable=False),
        Column("before_us", BigInteger),
        sqlite_with_rowid=False,
    )
    Table(
        "placement_score",
        shape,
        *(Column(name, String, nullable=False, primary_key=True) for name in ("provider", "region", "zone", "machine")),
        Column("nodes", Integer, **whole),
        Column("at_us", BigInteger, **whole),
        Column("score", Integer, nullable=False),
    )
    Table(
        "lease",
        shape,
        Column("name", String, primary_key=True),
        Column("holder", String, nullable=False),
        Column("until_us", BigInteger, nullable=False),
    )


def _copy_points(connection: Connection, old: Any, new: Any) -> dict[int, tuple[int, int, int]]:
    """Copy observations in their order and return where each now stands: series, moment, turn."""
    observations = old["price_observation"]
    details: dict[str, int] = {}
    turns: dict[tuple[int, int], int] = {}
    places: dict[int, tuple[int, int, int]] = {}
    points: list[dict[str, Any]] = []
    for found in connection.execute(select(observations).order_by(observations.c.id)).all():
        turn = turns.get((found.series_id, found.observed_us), 0)
        turns[found.series_id, found.observed_us] = turn + 1
        places[found.id] = (found.series_id, found.observed_us, turn)
        points.append(
            {
                "series_id": found.series_id,
                "observed_us": found.observed_us,
                "turn": turn,
                "micro_per_hour": found.micro_per_hour,
                "detail_id": _detail(connection, new["price_detail"], found, details),
                "import_id": found.import_id,
            }
        )
    for begin in range(0, len(points), BATCH):
        connection.execute(insert(new["price_point"]), points[begin : begin + BATCH])
    return places


def _detail(connection: Connection, table: Any, found: Any, known: dict[str, int]) -> int:
    names = ("currency", "upfront_micro", "available_nodes", "interruption_rate_per_hour", "source")
    values = {name: getattr(found, name) for name in names}
    identity = json.dumps(list(values.values()))
    if identity not in known:
        made = connection.execute(insert(table).values(identity=identity, **values)).inserted_primary_key
        known[identity] = made[0] if made else 0
    return known[identity]


def _copy_confirmations(connection: Connection, old: Any, new: Any, places: dict[int, tuple[int, int, int]]) -> None:
    found = connection.execute(select(old["price_confirmation"])).all()
    names = ("series_id", "observed_us", "turn")
    rows = [
        {
            **dict(zip(names, places[row.observation_id], strict=True)),
            "confirmed_us": row.confirmed_us,
            "import_id": row.import_id,
        }
        for row in found
    ]
    if rows:
        connection.execute(insert(new["price_point_confirmation"]), rows)


STEPS: Sequence[Step] = (_step_1, _step_2)
