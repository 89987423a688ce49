"""Numbered schema steps, each applied once in its own transaction together with the record of having run.

Every component (the price book here, stored recommendations in `advisor`) has its own list in the same database.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError

from pricing.errors import DatabaseUnavailable
from pricing.moments import moment_text

Step = Callable[[Connection], None]

LEDGER = Table(
    "schema_steps",
    MetaData(),
    Column("component", String(40), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", String(40), nullable=False),
)


def open_engine(database_url: str) -> Engine:
    """Open a database; for SQLite the folder is made, and foreign keys, WAL and a busy timeout are set.

    Raises:
        DatabaseUnavailable: the address is no database address, or nothing answers there.
    """
    try:
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        with engine.connect():
            pass
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        says = f"ADVISOR_DATABASE_URL is no database address that can be used ({type(error).__name__})"
        raise DatabaseUnavailable(f"{says}; for SQLite write sqlite:////path/to/file.sqlite3") from None
    except (DBAPIError, OSError) as error:
        raise DatabaseUnavailable(f"{_name(database_url)} cannot be opened: {_reason(error)}") from None
    return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA busy_timeout = 20000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _name(database_url: str) -> str:
    """Return the address without its password."""
    return make_url(database_url).render_as_string(hide_password=True)


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())[:200]


def migrate(engine: Engine, component: str, steps: Sequence[Step]) -> None:
    """Bring a component's tables to this software's version; several processes may do so at once.

    Raises:
        DatabaseUnavailable: the database is of a newer version, or refuses a step.
    """
    try:
        LEDGER.metadata.create_all(engine, checkfirst=True)
        done = _done(engine, component)
        if done > len(steps):
            raise DatabaseUnavailable(
                f"the database is of a newer version ({component} step {done}, this software knows {len(steps)}); "
                "upgrade the software, or set ADVISOR_DATABASE_URL to another database"
            )
        for number in range(done + 1, len(steps) + 1):
            _apply(engine, component, number, steps[number - 1])
    except DBAPIError as error:
        raise DatabaseUnavailable(f"the database cannot be prepared: {_reason(error)}") from None


def _done(engine: Engine, component: str) -> int:
    with engine.connect() as connection:
        query = select(func.max(LEDGER.c.step)).where(LEDGER.c.component == component)
        return connection.execute(query).scalar() or 0


def _apply(engine: Engine, component: str, number: int, step: Step) -> None:
    """Record first, so that of two processes one waits and then finds the step taken."""
    try:
        with engine.begin() as connection:
            applied_at = moment_text(datetime.now(UTC))
            connection.execute(LEDGER.insert().values(component=component, step=number, applied_at=applied_at))
            step(connection)
    except (IntegrityError, OperationalError):
        if _done(engine, component) < number:
            raise
