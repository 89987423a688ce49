"""Leases in the database: of several processes that share it, one alone does a thing.

A lease runs out unless it is renewed, so a process that dies lets go; one that died on this very host lets go at once.
Clocks of different hosts may differ by less than the lease's length.
"""

import os
import socket
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pricing.migrations import reaching
from pricing.records import LEASES, microseconds, moment_of


def this_program() -> str:
    """Name this process so that another one on the same host can see whether it still runs."""
    return f"{socket.gethostname()}:{os.getpid()}"


def program_has_gone(program: str) -> bool:
    """Whether a process of this host has ended; of other hosts nothing is known."""
    host, _, number = program.rpartition(":")
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Lease:
    """One named lease as one process sees it."""

    def __init__(self, engine: Engine, name: str, *, holder: str | None = None, seconds: float = 90.0) -> None:
        self._engine = engine
        self._name = name
        self._length = timedelta(seconds=seconds)
        self.holder = holder or this_program()

    def hold(self) -> bool:
        """Take or renew the lease; False where another process holds it.

        Raises:
            DatabaseUnavailable: the database refused or went away.
        """
        with reaching("the lease cannot be taken"):
            try:
                return self._taken()
            except IntegrityError:
                # Another process made the row between our look and our insert.
                return False

    def _taken(self) -> bool:
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            mine = {"holder": self.holder, "until_us": microseconds(now + self._length)}
            here = LEASES.c.name == self._name
            free = or_(LEASES.c.holder == self.holder, LEASES.c.until_us <= microseconds(now))
            if connection.execute(update(LEASES).where(here, free).values(mine)).rowcount:
                return True
            other = connection.execute(select(LEASES.c.holder).where(here)).scalar()
            if other is None:
                connection.execute(insert(LEASES).values(name=self._name, **mine))
                return True
            if not program_has_gone(other):
                return False
            still = and_(here, LEASES.c.holder == other)
            return bool(connection.execute(update(LEASES).where(still).values(mine)).rowcount)

    def release(self) -> None:
        """Let go, so that another process need not wait."""
        with reaching("the lease cannot be given back"), self._engine.begin() as connection:
            connection.execute(delete(LEASES).where(LEASES.c.name == self._name, LEASES.c.holder == self.holder))


def holder_of(engine: Engine, name: str) -> tuple[str, datetime] | None:
    """Return who holds a lease now and until when unless renewed; None where nobody does."""
    with reaching("the leases cannot be read"), engine.connect() as connection:
        found = connection.execute(select(LEASES).where(LEASES.c.name == name)).one_or_none()
    until = None if found is None else moment_of(found.until_us)
    if found is None or until is None or until <= datetime.now(UTC) or program_has_gone(found.holder):
        return None
    return found.holder, until
