"""The price book's tables. Money is whole micro-units, times are whole microseconds of UTC; nothing is ever updated.

A `table=True` class does not validate, so rows are checked before they come here (pricing.sheet, pricing.quality).
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from pricing.migrations import Step


class ImportRecord(SQLModel, table=True):
    """One import that brought something new: when we learned it, and from which file."""

    __tablename__ = "price_import"

    id: int | None = Field(default=None, primary_key=True)
    recorded_us: int = Field(sa_column=Column(BigInteger, nullable=False))
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
    start_us: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    end_us: int | None = Field(sa_column=Column(BigInteger, nullable=True))


class PriceRecord(SQLModel, table=True):
    """A price of a series, seen at a moment."""

    __tablename__ = "price_observation"
    __table_args__ = (Index("price_by_time", "series_id", "observed_us"),)

    id: int | None = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="price_series.id")
    import_id: int = Field(foreign_key="price_import.id")
    observed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    micro_per_hour: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    upfront_micro: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    available_nodes: int | None
    interruption_rate_per_hour: float | None
    source: str


class ConfirmationRecord(SQLModel, table=True):
    """A complete collection saw the price unchanged."""

    __tablename__ = "price_confirmation"
    __table_args__ = (UniqueConstraint("observation_id", "confirmed_us"),)

    id: int | None = Field(default=None, primary_key=True)
    observation_id: int = Field(foreign_key="price_observation.id")
    confirmed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    import_id: int = Field(foreign_key="price_import.id")


def _step_1(connection: Connection) -> None:
    """Make the tables in their first shape; it stays as it is when the classes above move on."""
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


STEPS: Sequence[Step] = (_step_1,)
