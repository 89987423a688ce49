"""Storing points: nothing is ever changed, every intake is one transaction, and one runs at a time.

A place is a series at a moment. What is said of one place is kept in the order in which it came (`turn`), so that the
last one counts; words that end what is stored there (or overlap with its end) add only what lies beyond.

Two ways in. `store_rows` keeps rows as they came: sheets, and history that carries the provider's own moments.
`store_current` is for what a collector sees *now*: a point is added only where the price in force is another one.
Either way a point that arrives late, before a complete run that saw something else, does not overrule that run: what
the run saw is restated at its moment (`pricing.coverage`).
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, func, insert, select

from pricing.coverage import restatements
from pricing.migrations import take_turn
from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.records import (
    COMPONENT,
    CONFIRMATIONS,
    DETAIL_NAMES,
    DETAILS,
    EPOCH,
    IMPORTS,
    MICROSECOND,
    POINTS,
    SERIES,
    details_of,
    identity_of,
    insert_many,
    microseconds,
    parts,
    series_values,
)

POINT_NAMES = ("series_id", "observed_us", "turn", "micro_per_hour", "detail_id", "import_id")
Place = tuple[int, int]
Said = tuple[int, int]
Point = tuple[int, int, int, int, int]
# Tuples of whole numbers: of a million lists the collector of cycles would look at each again and again.
Places = dict[int, tuple[Said, ...]]


def store_rows(connection: Connection, rows: Sequence[PriceRow], recorded_at: datetime, source_file: str) -> int:
    """Append what is not stored yet, as it came, and return how many points are new."""
    take_turn(connection, COMPONENT)
    with _undisturbed():
        return _store(connection, rows, ImportNumber(connection, recorded_at, source_file))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold the collector of cycles back: nothing here makes any, and among a million rows its search costs a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _store(connection: Connection, rows: Sequence[PriceRow], record: "ImportNumber") -> int:
    said = _said(connection, rows)
    stored = _stored(connection, {number: (min(places), max(places)) for number, (_, places) in said.items()})
    fresh: list[Point] = []
    undated: list[Point] = []
    for number, (sample, places) in said.items():
        known = stored.get(number, {})
        added = [
            (number, at, len(known.get(at, ())) + turn, micro, detail)
            for at, words in places.items()
            for turn, (micro, detail) in enumerate(words[overlap(known[at], words) :] if at in known else words)
        ]
        fresh += added
        if sample.market is not Market.SPOT:
            undated += added
    _insert(connection, fresh, record, undated)
    if any(row.confirmed_at is not None for row in rows):
        _confirm(connection, rows, record)
    return len(fresh)


def store_current(
    connection: Connection, rows: Sequence[PriceRow], recorded_at: datetime, source_file: str
) -> tuple[int, set[int]]:
    """Append a point where the price in force at the row's moment is another one.

    Return how many points are new, and the series of all rows. The source is no part of the comparison: a price list
    that is published anew with the same price is no change.
    """
    take_turn(connection, COMPONENT)
    series = _series_ids(connection, rows)
    latest = {series[row.key]: row for row in rows}
    in_force = _in_force(connection, {number: microseconds(row.observed_at) for number, row in latest.items()})
    changed: list[tuple[int, int, PriceRow]] = []
    for number, row in latest.items():
        before = in_force.get(number)
        if before is not None and _terms(before) == _said_of(row):
            continue
        here = before if before is not None and before.observed_us == microseconds(row.observed_at) else None
        changed.append((number, 0 if here is None else here.turn + 1, row))
    details = _detail_ids(connection, [row for _, _, row in changed])
    fresh = [
        (number, microseconds(row.observed_at), turn, row.micro_usd_per_hour, details[details_of(row)])
        for number, turn, row in changed
    ]
    _insert(connection, fresh, ImportNumber(connection, recorded_at, source_file), undated=fresh)
    return len(fresh), set(latest)


def changes(connection: Connection, rows: Sequence[PriceRow]) -> list[PriceRow]:
    """Leave out rows that repeat what is in force at their moment; as in `store_current` the source is no change."""
    series = _series_ids(connection, rows)
    in_force = _in_force(connection, {series[row.key]: microseconds(row.observed_at) for row in rows})
    found = ((row, in_force.get(series[row.key])) for row in rows)
    return [row for row, before in found if before is None or _terms(before) != _said_of(row)]


def _said_of(row: PriceRow) -> tuple[Any, ...]:
    return row.micro_usd_per_hour, *details_of(row)[:-1]


def series_of(connection: Connection, rows: Sequence[PriceRow]) -> set[int]:
    """Return the stored series of rows."""
    return set(_series_ids(connection, rows).values())


def overlap(stored: Sequence[Said], given: Sequence[Said]) -> int:
    """Return how many of the first things given are the last things stored."""
    longest = min(len(stored), len(given))
    return next((k for k in range(longest, 0, -1) if list(stored[-k:]) == list(given[:k])), 0)


class ImportNumber:
    """The record of an intake, written when it is first needed: one that brings nothing leaves no trace."""

    def __init__(self, connection: Connection, recorded_at: datetime, source_file: str) -> None:
        self._connection = connection
        self._values = {"recorded_us": microseconds(recorded_at), "source_file": source_file}
        self._id: int | None = None

    @property
    def id(self) -> int:
        """The number of the record."""
        if self._id is None:
            made = self._connection.execute(insert(IMPORTS).values(self._values)).inserted_primary_key
            self._id = made[0] if made else None
        return self._id or 0


def _insert(connection: Connection, fresh: Sequence[Point], number: ImportNumber, undated: Sequence[Point]) -> None:
    if not fresh:
        return
    again = restatements(connection, undated)
    import_id = number.id
    # In the order of the key, so that pages fill one after the other.
    insert_many(connection, POINTS, POINT_NAMES, sorted((*point, import_id) for point in (*fresh, *again)))


def _series_ids(connection: Connection, rows: Iterable[PriceRow]) -> dict[tuple[object, ...], int]:
    by_key = {row.key: row for row in rows}
    return _made(connection, SERIES, {identity_of(key): key for key in by_key}, lambda key: series_values(by_key[key]))


def _detail_ids(connection: Connection, rows: Iterable[PriceRow]) -> dict[tuple[Any, ...], int]:
    different: dict[tuple[Any, ...], None] = {}
    before: tuple[Any, ...] | None = None
    for row in rows:
        about = details_of(row)
        if about != before:
            different[about] = None
            before = about
    contents = {identity_of(found): found for found in different}
    return _made(connection, DETAILS, contents, lambda found: dict(zip(DETAIL_NAMES, found, strict=True)))


def _made(connection: Connection, table: Any, wanted: Mapping[str, Any], values: Any) -> dict[Any, int]:
    """Return the number of each thing by what it is; those without a record are given one."""
    names = list(wanted)
    found = _known(connection, table, names)
    missing = [{**values(wanted[name]), "identity": name} for name in names if name not in found]
    if missing:
        connection.execute(insert(table), missing)
        found |= _known(connection, table, [each["identity"] for each in missing])
    return {wanted[name]: number for name, number in found.items()}


def _known(connection: Connection, table: Any, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts(names):
        query = select(table.c.identity, table.c.id).where(table.c.identity.in_(part))
        found |= {row.identity: row.id for row in connection.execute(query)}
    return found


def _said(connection: Connection, rows: Iterable[PriceRow]) -> dict[int, tuple[PriceRow, Places]]:
    """Group what is said by series and moment, with one row of each series; what is said twice in a row counts once."""
    by_key: dict[tuple[object, ...], list[PriceRow]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    series = _series_ids(connection, (mine[0] for mine in by_key.values()))
    details = _detail_ids(connection, (row for mine in by_key.values() for row in mine))
    found: dict[int, tuple[PriceRow, Places]] = {}
    for key, mine in by_key.items():
        places: Places = {}
        described, detail = None, 0
        for row in mine:
            about = details_of(row)
            # Rows of one series mostly say the same of themselves: comparing is quicker than looking up.
            if about != described:
                described, detail = about, details[about]
            at, said = (row.observed_at - EPOCH) // MICROSECOND, (row.micro_usd_per_hour, detail)
            words = places.get(at)
            if words is None:
                places[at] = (said,)
            elif words[-1] != said:
                places[at] = (*words, said)
        found[series[key]] = (mine[0], places)
    return found


def _stored(connection: Connection, spans: Mapping[int, tuple[int, int]]) -> dict[int, dict[int, list[Said]]]:
    """Return what is stored of each series between its first and last moment, in the order in which it came."""
    found: dict[int, dict[int, list[Said]]] = {}
    columns = (POINTS.c.series_id, POINTS.c.observed_us, POINTS.c.micro_per_hour, POINTS.c.detail_id)
    for part in parts(sorted(spans)):
        begin, end = min(spans[number][0] for number in part), max(spans[number][1] for number in part)
        query = (
            select(*columns)
            .where(POINTS.c.series_id.in_(part), POINTS.c.observed_us.between(begin, end))
            .order_by(POINTS.c.series_id, POINTS.c.observed_us, POINTS.c.turn)
        )
        for number, at, micro, detail in connection.execute(query):
            found.setdefault(number, {}).setdefault(at, []).append((micro, detail))
    return found


def _in_force(connection: Connection, moments: Mapping[int, int]) -> dict[int, Any]:
    """Return the point in force in each series at its moment, with its details."""
    found: dict[int, Any] = {}
    for at in set(moments.values()):
        earlier = POINTS.alias()
        newest = (
            select(func.max(earlier.c.observed_us))
            .where(earlier.c.series_id == POINTS.c.series_id, earlier.c.observed_us <= at)
            .scalar_subquery()
        )
        for part in parts(sorted(number for number, moment in moments.items() if moment == at)):
            query = (
                select(POINTS, *(DETAILS.c[name] for name in DETAIL_NAMES))
                .join(DETAILS, DETAILS.c.id == POINTS.c.detail_id)
                .where(POINTS.c.series_id.in_(part), POINTS.c.observed_us == newest)
                .order_by(POINTS.c.turn)
            )
            found |= {row.series_id: row for row in connection.execute(query)}
    return found


def _terms(found: Any) -> tuple[Any, ...]:
    return (found.micro_per_hour, *(getattr(found, name) for name in DETAIL_NAMES[:-1]))


def _confirm(connection: Connection, rows: Sequence[PriceRow], number: ImportNumber) -> None:
    """Add the confirmations that are not stored yet, each to the point that its row stands for."""
    series, details = _series_ids(connection, rows), _detail_ids(connection, rows)
    told: dict[Place, list[PriceRow]] = {}
    for row in rows:
        told.setdefault((series[row.key], microseconds(row.observed_at)), []).append(row)
    told = {place: mine for place, mine in told.items() if any(row.confirmed_at for row in mine)}
    stored = _stored(connection, _spans(told))
    wanted: dict[tuple[int, int, int, int], None] = {}
    for place, mine in told.items():
        words = [(row.micro_usd_per_hour, details[details_of(row)]) for row in mine]
        # The words given end what is now stored, so they are counted from the end.
        turn = len(stored[place[0]][place[1]]) - 1 - sum(before != after for before, after in pairwise(words))
        for (before, said), row in zip(pairwise([words[0], *words]), mine, strict=True):
            turn += before != said
            if row.confirmed_at is not None:
                wanted[(*place, turn, microseconds(row.confirmed_at))] = None
    known: set[tuple[int, ...]] = set()
    for part in parts(sorted({place[0] for place in wanted})):
        query = select(CONFIRMATIONS).where(CONFIRMATIONS.c.series_id.in_(part))
        known |= {(r.series_id, r.observed_us, r.turn, r.confirmed_us) for r in connection.execute(query)}
    names = ("series_id", "observed_us", "turn", "confirmed_us", "import_id")
    missing = [place for place in wanted if place not in known]
    if missing:
        insert_many(connection, CONFIRMATIONS, names, [(*place, number.id) for place in missing])


def _spans(places: Iterable[Place]) -> dict[int, tuple[int, int]]:
    spans: dict[int, tuple[int, int]] = {}
    for number, at in places:
        least, most = spans.get(number, (at, at))
        spans[number] = (min(least, at), max(most, at))
    return spans
