"""Recommendations, stored unchanged for ever with the plan, the prices they used and the software's version."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
)

from advisor.plan.load import LoadedPlan
from advisor.recommendation import Recommendation
from pricing.migrations import Step, migrate, open_engine, reaching
from pricing.moments import moment, moment_text
from pricing.offer import Market, Offer

TABLE = Table(
    "recommendation",
    MetaData(),
    Column("id", String(40), primary_key=True),
    Column("created_at", String(40), nullable=False, index=True),
    Column("plan_name", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("total_cents", BigInteger, nullable=True),
    Column("as_of", String(40), nullable=False),
    Column("software", String(40), nullable=False),
    Column("document", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("prices", Text, nullable=False),
)


LISTED = [TABLE.c[name] for name in ("id", "created_at", "plan_name", "status", "total_cents", "as_of")]


def _create(connection: Connection) -> None:
    TABLE.metadata.create_all(connection)


OFFER_MOMENTS = ("observed_at", "confirmed_at", "start", "end")
STEPS: Sequence[Step] = (_create,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One line of the list of stored recommendations."""

    id: str
    created_at: datetime
    plan_name: str
    status: str
    total_cents: int | None
    as_of: datetime

    @property
    def created_at_text(self) -> str:
        """The moment as it is stored, by which the list is ordered."""
        return moment_text(self.created_at)


@dataclass(frozen=True, slots=True)
class Kept:
    """A recommendation with the validated plan that it answers, as JSON."""

    answer: Recommendation
    plan: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recommendation with the plan and the offers that it was made of."""

    answer: Recommendation
    plan: str
    offers: tuple[Offer, ...]


class Archive:
    """The stored recommendations; open it with `Archive.open`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, database_url: str) -> "Archive":
        """Open the archive, making or upgrading its table."""
        engine = open_engine(database_url)
        migrate(engine, "recommendations", STEPS)
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def store(self, answer: Recommendation, loaded: LoadedPlan, offers: Sequence[Offer]) -> None:
        """Keep an answer with the plan and the prices that it was given."""
        total = None if answer.total is None else int(Decimal(answer.total.amount) * 100)
        values = {
            "id": answer.id,
            "created_at": moment_text(answer.created_at),
            "plan_name": answer.plan.name,
            "status": answer.status,
            "total_cents": total,
            "as_of": moment_text(answer.as_of),
            "software": answer.software,
            "document": json.dumps(answer.document(), ensure_ascii=False),
            "plan": loaded.plan.model_dump_json(by_alias=True),
            "prices": json.dumps([_plain(offer) for offer in offers], ensure_ascii=False),
        }
        with reaching("the recommendation cannot be stored"), self.engine.begin() as connection:
            connection.execute(insert(TABLE).values(values))

    def list(self) -> list[Stored]:
        """Return what is stored, newest first."""
        query = select(*LISTED).order_by(TABLE.c.created_at.desc(), TABLE.c.id)
        with reaching("the recommendations cannot be read"), self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def page(self, limit: int, after: tuple[str, str] | None = None) -> Sequence[Stored]:
        """Return at most so many, the newest first, from behind a `created_at_text` and `id` that were given before."""
        query = select(*LISTED).order_by(TABLE.c.created_at.desc(), TABLE.c.id).limit(limit)
        if after is not None:
            made, name = after
            older, same = TABLE.c.created_at < made, and_(TABLE.c.created_at == made, TABLE.c.id > name)
            query = query.where(or_(older, same))
        with reaching("the recommendations cannot be read"), self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def newest_of_each_plan(self, by: datetime) -> Sequence[Kept]:
        """Return the newest recommendation of each plan's name that was made by a moment, in the order of the names."""
        query = select(TABLE.c.plan_name, TABLE.c.document, TABLE.c.plan).where(TABLE.c.created_at <= moment_text(by))
        with reaching("the recommendations cannot be read"), self.engine.connect() as connection:
            found = connection.execute(query.order_by(TABLE.c.created_at, TABLE.c.id.desc()))
            newest = {row.plan_name: row for row in found}
        return [Kept(Recommendation.model_validate_json(row.document), row.plan) for _, row in sorted(newest.items())]

    def get(self, name: str) -> Recommendation | None:
        """Return a stored recommendation as it was given."""
        with reaching("the recommendation cannot be read"), self.engine.connect() as connection:
            document = connection.execute(select(TABLE.c.document).where(TABLE.c.id == name)).scalar()
        return None if document is None else Recommendation.model_validate_json(document)

    def snapshot(self, name: str) -> Snapshot | None:
        """Return a stored recommendation with what it was made of."""
        query = select(TABLE.c.document, TABLE.c.plan, TABLE.c.prices).where(TABLE.c.id == name)
        with reaching("the recommendation cannot be read"), self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        offers = tuple(_offer(fields) for fields in json.loads(row.prices))
        return Snapshot(Recommendation.model_validate_json(row.document), row.plan, offers)


def _stored(row: Any) -> Stored:
    return Stored(
        id=row.id,
        created_at=moment(row.created_at),
        plan_name=row.plan_name,
        status=row.status,
        total_cents=row.total_cents,
        as_of=moment(row.as_of),
    )


def _plain(offer: Offer) -> dict[str, Any]:
    fields = ((name, getattr(offer, name)) for name in Offer.__dataclass_fields__)
    return {name: moment_text(value) if isinstance(value, datetime) else value for name, value in fields}


def _offer(fields: dict[str, Any]) -> Offer:
    """Read an offer back from its plain values."""
    at = {name: moment(fields[name]) for name in OFFER_MOMENTS if fields.get(name) is not None}
    return Offer(**{**fields, **at, "market": Market(fields["market"])})
