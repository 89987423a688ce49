"""Numbered schema steps, each applied once in its own transaction together with the record of having run.

Every component (the price book here, stored recommendations in `advisor`) has its own list in the same database. A
step never changes after its release: what comes later is one more step.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.schema import CreateTable

from pricing.errors import DatabaseUnavailable
from pricing.moments import moment_text

Step = Callable[[Connection], None]

SECONDS_TO_CONNECT = 10
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
        url = _with_driver(make_url(database_url))
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnavailable(_no_address(type(error).__name__)) from None
    # What follows the first @ would be taken for the host, and shown.
    if url.get_backend_name() != "sqlite" and database_url.count("@") > 1:
        raise DatabaseUnavailable(_no_address("an @ in a user name or password is written %40"))
    try:
        return _connected(url)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is not installed; pip install 'gpu-training-cost-advisor[postgres]'"
        raise DatabaseUnavailable(f"the database {_name(url)} cannot be opened: {missing}") from None
    except (NoSuchModuleError, ArgumentError, TypeError) as error:
        raise DatabaseUnavailable(_no_address(_first_line(error))) from None
    except (DBAPIError, OSError) as error:
        raise DatabaseUnavailable(f"the database {_name(url)} cannot be opened: {_reason(error)}") from None


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgres", "postgresql"} else url


def _connected(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(url, connect_args={"connect_timeout": SECONDS_TO_CONNECT}, pool_pre_ping=True)
    with engine.connect():
        return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA busy_timeout = 20000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # 64 MiB instead of 2: a batch of many series touches the last page of each.
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _no_address(reason: str) -> str:
    return (
        f"ADVISOR_DATABASE_URL is no database address that can be used ({reason}); "
        "write sqlite:////path/to/file.sqlite3 or postgresql://user:password@host/name"
    )


def _name(url: URL) -> str:
    """Return the address without its password, nor the options that may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _reason(error: Exception) -> str:
    return _first_line(error.orig if isinstance(error, DBAPIError) and error.orig else error)


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


@contextmanager
def reaching(purpose: str) -> Iterator[None]:
    """Turn what a database refuses into one clear message.

    Raises:
        DatabaseUnavailable: the database refused, or went away.
    """
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(f"{purpose}: {_reason(error)}") from None


def migrate(engine: Engine, component: str, steps: Sequence[Step]) -> None:
    """Bring a component's tables to this software's version; several processes may do so at once.

    Raises:
        DatabaseUnavailable: the database is of a newer version, or refuses a step.
    """
    with reaching("the database cannot be prepared"):
        _make_ledger(engine)
        done = _done(engine, component)
        if done > len(steps):
            raise DatabaseUnavailable(
                f"the database is of a newer version ({component} step {done}, this software knows {len(steps)}); "
                "upgrade the software, or set ADVISOR_DATABASE_URL to another database"
            )
        for number in range(done + 1, len(steps) + 1):
            _apply(engine, component, number, steps[number - 1])


def _make_ledger(engine: Engine) -> None:
    """Make the ledger where there is none; of two processes that do so at once, one may be told that it exists."""
    make = CreateTable(LEDGER, if_not_exists=True)
    try:
        with engine.begin() as connection:
            connection.execute(make)
    except (IntegrityError, OperationalError):
        with engine.begin() as connection:
            connection.execute(make)


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


def take_turn(connection: Connection, component: str) -> None:
    """Hold the component's ledger row until the transaction ends: one writer at a time, on every database."""
    rows = LEDGER.c.component == component
    connection.execute(update(LEDGER).where(rows).values(applied_at=LEDGER.c.applied_at))
