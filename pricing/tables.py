"""The price book's tables. Money is whole micro-units, times are whole microseconds of UTC; nothing is ever updated.

A `table=True` class does not validate, so rows are checked before they come here (pricing.sheet, pricing.quality).
"""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Index
from sqlmodel import Field, SQLModel

from pricing.migrations import Step


class SeriesRecord(SQLModel, table=True):
    """What a price is of: rows with one identity are one history. Blank text and 0 stand for "not stated"."""

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
    """A value that a series took: written when it first differs from the value before it."""

    __tablename__ = "price_observation"
    __table_args__ = (Index("price_by_time", "series_id", "observed_us"),)

    id: int | None = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="price_series.id")
    observed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    recorded_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    micro_per_hour: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    upfront_micro: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    available_nodes: int | None
    interruption_rate_per_hour: float | None
    source: str


class ConfirmationRecord(SQLModel, table=True):
    """The value was seen unchanged: by a complete collection, or (`sighting`) by a row that repeats it."""

    __tablename__ = "price_confirmation"
    __table_args__ = (Index("confirmation_by_price", "observation_id", "confirmed_us"),)

    id: int | None = Field(default=None, primary_key=True)
    observation_id: int = Field(foreign_key="price_observation.id")
    confirmed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    sighting: bool
    recorded_us: int = Field(sa_column=Column(BigInteger, nullable=False))


def _create(connection: Connection) -> None:
    tables = [SQLModel.metadata.tables[name] for name in ("price_series", "price_observation", "price_confirmation")]
    SQLModel.metadata.create_all(connection, tables=tables)


STEPS: Sequence[Step] = (_create,)
