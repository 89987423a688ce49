"""The price book's tables. Money is whole micro-units, times are whole microseconds of UTC; no price is ever updated.

A `table=True` class does not validate, so rows are checked before they come here (pricing.sheet, pricing.quality).
How the tables came to look so is in `pricing.schema_steps`.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

# A table whose rows lie in the order of their key: no second copy of the key, and a series' newest row in one descent.
KEYED: Any = {"sqlite_with_rowid": False}


def _big_key() -> Any:
    return Column(BigInteger, primary_key=True, autoincrement=False, nullable=False)


def _big(*, nullable: bool = False) -> Any:
    return Column(BigInteger, nullable=nullable)


class ImportRecord(SQLModel, table=True):
    """One import or collector run that brought something new: when we learned it, and from where."""

    __tablename__ = "price_import"

    id: int | None = Field(default=None, primary_key=True)
    recorded_us: int = Field(sa_column=_big())
    source_file: str


class SeriesRecord(SQLModel, table=True):
    """What a price is of: rows with one identity are one history. Blank text stands for "not stated"."""

    __tablename__ = "price_series"

    id: int | None = Field(default=None, primary_key=True)
    identity: str = Field(unique=True)
    provider: str
    region: str
    zone: str
    machine: str = Field(index=True)
    market: str
    os: str
    term: str
    start_us: int | None = Field(sa_column=_big(nullable=True))
    end_us: int | None = Field(sa_column=_big(nullable=True))


class DetailRecord(SQLModel, table=True):
    """What many points say besides their price, once."""

    __tablename__ = "price_detail"

    id: int | None = Field(default=None, primary_key=True)
    identity: str = Field(unique=True)
    currency: str
    upfront_micro: int | None = Field(sa_column=_big(nullable=True))
    available_nodes: int | None
    interruption_rate_per_hour: float | None
    source: str


class PointRecord(SQLModel, table=True):
    """A price of a series, seen at a moment; `turn` is the order in which things were said of one moment.

    There are millions of these, so they hold whole numbers only and no foreign keys: what they name is made in the
    same transaction and nothing is ever deleted.
    """

    __tablename__ = "price_point"
    __table_args__ = KEYED

    series_id: int = Field(primary_key=True)
    observed_us: int = Field(sa_column=_big_key())
    turn: int = Field(primary_key=True)
    micro_per_hour: int = Field(sa_column=_big())
    detail_id: int
    import_id: int


class ConfirmationRecord(SQLModel, table=True):
    """An imported sheet says that a complete collection saw the price unchanged."""

    __tablename__ = "price_point_confirmation"
    __table_args__ = KEYED

    series_id: int = Field(primary_key=True)
    observed_us: int = Field(sa_column=_big_key())
    turn: int = Field(primary_key=True)
    confirmed_us: int = Field(sa_column=_big_key())
    import_id: int


class CollectionRecord(SQLModel, table=True):
    """One collection of one provider: who asked, when, and how it ended; `by_program` is host:pid."""

    __tablename__ = "price_collection"

    id: int | None = Field(default=None, primary_key=True)
    provider: str
    asked_by: str
    by_program: str
    started_us: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    finished_us: int | None = Field(sa_column=_big(nullable=True))
    outcome: str
    failure: str | None = Field(sa_column=Column(Text))
    failure_kind: str | None


class ScopeRecord(SQLModel, table=True):
    """What one run can be complete for: one part of what a provider answers for a region."""

    __tablename__ = "price_scope"
    __table_args__ = (UniqueConstraint("provider", "region", "part"),)

    id: int | None = Field(default=None, primary_key=True)
    provider: str
    region: str
    part: str


class RunRecord(SQLModel, table=True):
    """One part of one region in one collection, written in one transaction with the rows it brought.

    A complete run confirms, at `at_us`, every series of its scope that is present then.
    """

    __tablename__ = "price_run"
    __table_args__ = (Index("price_run_by_scope", "scope_id", "complete", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    collection_id: int = Field(foreign_key="price_collection.id", index=True)
    scope_id: int = Field(foreign_key="price_scope.id")
    complete: bool
    at_us: int = Field(sa_column=_big())
    outcome: str
    failure: str | None = Field(sa_column=Column(Text))
    failure_kind: str | None
    milliseconds: int = Field(sa_column=_big())
    calls: int
    rows_seen: int
    rows_new: int
    rows_rejected: int
    remarks: str = Field(sa_column=Column(Text, nullable=False))


class PresenceRecord(SQLModel, table=True):
    """From `at_us` on, complete runs of the scope saw the series, or no longer did; written at changes only.

    `before_us` of an absence is the last complete run that still saw it.
    """

    __tablename__ = "price_presence"
    __table_args__ = KEYED

    series_id: int = Field(primary_key=True)
    at_us: int = Field(sa_column=_big_key())
    present: bool
    scope_id: int = Field(foreign_key="price_scope.id")
    before_us: int | None = Field(sa_column=_big(nullable=True))


class ScoreRecord(SQLModel, table=True):
    """A spot placement score as it was told at a moment; it counts for a day."""

    __tablename__ = "placement_score"

    provider: str = Field(primary_key=True)
    region: str = Field(primary_key=True)
    zone: str = Field(primary_key=True)
    machine: str = Field(primary_key=True)
    nodes: int = Field(primary_key=True)
    at_us: int = Field(sa_column=_big_key())
    score: int


class LeaseRecord(SQLModel, table=True):
    """Who alone may do a thing, and until when unless renewed."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until_us: int = Field(sa_column=_big())
