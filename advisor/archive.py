"""Recommendations, stored unchanged for ever with the plan, the prices they used and the software's version."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, Text, insert, select
from sqlalchemy.exc import DBAPIError

from advisor.plan.load import LoadedPlan
from advisor.recommendation import Recommendation
from pricing.errors import DatabaseUnavailable
from pricing.migrations import Step, migrate, open_engine
from pricing.moments import moment, moment_text
from pricing.offer import Offer

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


def _create(connection: Connection) -> None:
    TABLE.metadata.create_all(connection)


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
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(TABLE).values(values))
        except DBAPIError as error:
            raise DatabaseUnavailable(f"the recommendation cannot be stored: {error.orig}") from None

    def list(self) -> list[Stored]:
        """Return what is stored, newest first."""
        columns = [TABLE.c[name] for name in ("id", "created_at", "plan_name", "status", "total_cents", "as_of")]
        with self.engine.connect() as connection:
            found = connection.execute(select(*columns).order_by(TABLE.c.created_at.desc(), TABLE.c.id))
            return [
                Stored(
                    id=row.id,
                    created_at=moment(row.created_at),
                    plan_name=row.plan_name,
                    status=row.status,
                    total_cents=row.total_cents,
                    as_of=moment(row.as_of),
                )
                for row in found
            ]

    def get(self, name: str) -> Recommendation | None:
        """Return a stored recommendation as it was given."""
        with self.engine.connect() as connection:
            document = connection.execute(select(TABLE.c.document).where(TABLE.c.id == name)).scalar()
        return None if document is None else Recommendation.model_validate_json(document)


def _plain(offer: Offer) -> dict[str, Any]:
    fields = ((name, getattr(offer, name)) for name in Offer.__dataclass_fields__)
    return {name: moment_text(value) if isinstance(value, datetime) else value for name, value in fields}
