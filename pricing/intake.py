"""Storing rows: nothing is ever changed, every import is one transaction, and one import runs at a time.

A place is a series at a moment. What is said of one place is kept in the order in which it came, so that the last one
counts; a sheet whose words end what is stored there (or overlap with its end) adds only what lies beyond.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, insert, select

from pricing.migrations import take_turn
from pricing.observation import PriceRow
from pricing.records import (
    COMPONENT,
    CONFIRMATIONS,
    IMPORTS,
    PRICES,
    SERIES,
    identity_of,
    microseconds,
    price_values,
    series_values,
)

BATCH = 500
SAYS = ("micro_per_hour", "currency", "upfront_micro", "available_nodes", "interruption_rate_per_hour", "source")
Place = tuple[int, int]
Said = tuple[Any, ...]


def store_rows(connection: Connection, rows: Sequence[PriceRow], recorded_at: datetime, source_file: str) -> int:
    """Append what is not stored yet and return how many observations are new."""
    take_turn(connection, COMPONENT)
    by_place = _by_place(connection, rows)
    given = {place: _without_repeats(_said(row) for row in mine) for place, mine in by_place.items()}
    stored = _stored(connection, by_place)
    fresh = [
        {"series_id": place[0], "observed_us": place[1], **dict(zip(SAYS, said, strict=True))}
        for place, words in given.items()
        for said in words[overlap([said for _, said in stored.get(place, [])], words) :]
    ]
    number = _Import(connection, recorded_at, source_file)
    if fresh:
        connection.execute(insert(PRICES), [{**values, "import_id": number.id} for values in fresh])
    _confirm(connection, {p: mine for p, mine in by_place.items() if any(row.confirmed_at for row in mine)}, number)
    return len(fresh)


def overlap(stored: Sequence[Said], given: Sequence[Said]) -> int:
    """Return how many of the first things given are the last things stored."""
    longest = min(len(stored), len(given))
    return next((k for k in range(longest, 0, -1) if list(stored[-k:]) == list(given[:k])), 0)


class _Import:
    """The record of an import, written when it is first needed: one that brings nothing leaves no trace."""

    def __init__(self, connection: Connection, recorded_at: datetime, source_file: str) -> None:
        self._connection = connection
        self._values = {"recorded_us": microseconds(recorded_at), "source_file": source_file}
        self._id: int | None = None

    @property
    def id(self) -> int:
        if self._id is None:
            made = self._connection.execute(insert(IMPORTS).values(self._values)).inserted_primary_key
            self._id = made[0] if made else None
        return self._id or 0


def _by_place(connection: Connection, rows: Sequence[PriceRow]) -> dict[Place, list[PriceRow]]:
    identities = [identity_of(row) for row in rows]
    series = _series_ids(connection, dict(zip(identities, rows, strict=True)))
    found: dict[Place, list[PriceRow]] = {}
    for identity, row in zip(identities, rows, strict=True):
        found.setdefault((series[identity], microseconds(row.observed_at)), []).append(row)
    return found


def _series_ids(connection: Connection, by_identity: dict[str, PriceRow]) -> dict[str, int]:
    names = list(by_identity)
    found = _known_series(connection, names)
    missing = [series_values(name, by_identity[name]) for name in names if name not in found]
    if missing:
        connection.execute(insert(SERIES), missing)
    return found | _known_series(connection, [values["identity"] for values in missing])


def _known_series(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(names):
        query = select(SERIES.c.identity, SERIES.c.id).where(SERIES.c.identity.in_(part))
        found |= {row.identity: row.id for row in connection.execute(query)}
    return found


def _stored(connection: Connection, places: Iterable[Place]) -> dict[Place, list[tuple[int, Said]]]:
    """Return what is stored at these places, in the order it came, each with its number."""
    wanted = set(places)
    found: dict[Place, list[tuple[int, Said]]] = {}
    moments = [moment for _, moment in wanted]
    for part in _parts(sorted({series for series, _ in wanted})):
        query = (
            select(PRICES)
            .where(PRICES.c.series_id.in_(part), PRICES.c.observed_us.between(min(moments), max(moments)))
            .order_by(PRICES.c.id)
        )
        for row in connection.execute(query):
            if (row.series_id, row.observed_us) in wanted:
                said = tuple(getattr(row, name) for name in SAYS)
                found.setdefault((row.series_id, row.observed_us), []).append((row.id, said))
    return found


def _confirm(connection: Connection, by_place: dict[Place, list[PriceRow]], number: _Import) -> None:
    """Add the confirmations that are not stored yet, each to the observation that its row stands for."""
    wanted: dict[tuple[int, int], None] = {}
    stored = _stored(connection, by_place)
    for place, rows in by_place.items():
        # The words given end what is now stored, so they are counted from the end.
        position = len(stored[place]) - len(_without_repeats(map(_said, rows)))
        for before, row in pairwise([None, *rows]):
            position += before is not None and row is not None and _said(before) != _said(row)
            if row is not None and row.confirmed_at is not None:
                wanted[stored[place][position][0], microseconds(row.confirmed_at)] = None
    known: set[tuple[int, int]] = set()
    for part in _parts([observation for observation, _ in wanted]):
        query = select(CONFIRMATIONS).where(CONFIRMATIONS.c.observation_id.in_(part))
        known |= {(row.observation_id, row.confirmed_us) for row in connection.execute(query)}
    missing = [pair for pair in wanted if pair not in known]
    if missing:
        values = [{"observation_id": o, "confirmed_us": at, "import_id": number.id} for o, at in missing]
        connection.execute(insert(CONFIRMATIONS), values)


def _said(row: PriceRow) -> Said:
    values = price_values(row)
    return tuple(values[name] for name in SAYS)


def _without_repeats(words: Iterable[Said]) -> list[Said]:
    found: list[Said] = []
    for word in words:
        if not found or found[-1] != word:
            found.append(word)
    return found


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(items), BATCH):
        yield items[begin : begin + BATCH]
