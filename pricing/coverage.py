"""What complete runs confirm: coverage of a scope, not updates of rows.

A scope is one part of what a provider answers for a region. A series is *present* from the first complete run that saw
it until a complete run of its scope no longer does; both are written down where they change. So a price is confirmed at
the latest complete run of its scope while the series was present, and a series that has gone is *withdrawn*. Runs that
failed or are partial leave no trace here, and neither confirm nor withdraw anything.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Connection, and_, bindparam, func, insert, select

from pricing.records import POINTS, PRESENCE, RUNS, SCOPES, insert_many, parts

ALWAYS = 2**62
CHANGES = (
    select(PRESENCE)
    .where(
        PRESENCE.c.series_id.in_(bindparam("series", expanding=True)),
        PRESENCE.c.at_us <= bindparam("latest", type_=BigInteger),
    )
    .order_by(PRESENCE.c.series_id, PRESENCE.c.at_us)
)
LATEST_RUNS = select(
    SCOPES.c.id,
    select(func.max(RUNS.c.at_us))
    .where(RUNS.c.scope_id == SCOPES.c.id, RUNS.c.complete, RUNS.c.at_us <= bindparam("latest", type_=BigInteger))
    .scalar_subquery(),
).where(SCOPES.c.id.in_(bindparam("scopes", expanding=True)))

# series, moment, turn, price, details
Point = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """From a moment on a series is present in its scope, or absent."""

    at_us: int
    present: bool
    scope_id: int
    before_us: int | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Presence by series and the moments of complete runs by scope, both ascending."""

    changes: Mapping[int, Sequence[Change]] = field(default_factory=dict)
    runs: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def confirmed(self, series_id: int, begin_us: int, end_us: int) -> int | None:
        """Return the latest complete run in [begin, end) that saw the series."""
        until = end_us
        for change in reversed(self.changes.get(series_id, ())):
            if change.at_us < until and change.present:
                runs = self.runs.get(change.scope_id, ())
                at = bisect_left(runs, until) - 1
                if at >= 0 and runs[at] >= max(begin_us, change.at_us):
                    return runs[at]
            until = min(until, change.at_us)
            if until <= begin_us:
                return None
        return None

    def withdrawn(self, series_id: int, at_us: int) -> int | None:
        """Return since when the series has been gone as of a moment; None where it is present or was never covered."""
        changes = self.changes.get(series_id, ())
        place = bisect_right(changes, at_us, key=lambda change: change.at_us) - 1
        return None if place < 0 or changes[place].present else changes[place].at_us

    def present(self, series_id: int, at_us: int) -> bool:
        """Whether the series was present at a moment."""
        changes = self.changes.get(series_id, ())
        place = bisect_right(changes, at_us, key=lambda change: change.at_us) - 1
        return place >= 0 and changes[place].present


def full_coverage(connection: Connection, series_ids: Iterable[int]) -> Coverage:
    """Read the presence of series with every complete run of their scopes."""
    changes = _changes(connection, series_ids)
    scopes = sorted({change.scope_id for mine in changes.values() for change in mine})
    runs: dict[int, list[int]] = {}
    for part in parts(scopes):
        query = (
            select(RUNS.c.scope_id, RUNS.c.at_us)
            .where(RUNS.c.scope_id.in_(part), RUNS.c.complete)
            .order_by(RUNS.c.scope_id, RUNS.c.at_us)
        )
        for scope, at in connection.execute(query):
            runs.setdefault(scope, []).append(at)
    return Coverage(changes, runs)


def coverage_as_of(connection: Connection, series_ids: Iterable[int], as_of_us: int) -> Coverage:
    """Read presence by a moment with, of each scope, only the runs that can be the latest: quick at any age."""
    changes = _changes(connection, series_ids, as_of_us)
    runs: dict[int, list[int]] = {}
    for mine in changes.values():
        for change in mine:
            if change.before_us is not None:
                runs.setdefault(change.scope_id, []).append(change.before_us)
    scopes = sorted({change.scope_id for mine in changes.values() for change in mine})
    for part in parts(scopes):
        for scope, at in connection.execute(LATEST_RUNS, {"scopes": part, "latest": as_of_us}):
            if at is not None:
                runs.setdefault(scope, []).append(at)
    return Coverage(changes, {scope: sorted(found) for scope, found in runs.items()})


def _changes(connection: Connection, series_ids: Iterable[int], as_of_us: int | None = None) -> dict[int, list[Change]]:
    found: dict[int, list[Change]] = {}
    until = ALWAYS if as_of_us is None else as_of_us
    for part in parts(sorted(series_ids)):
        for row in connection.execute(CHANGES, {"series": part, "latest": until}):
            change = Change(row.at_us, row.present, row.scope_id, row.before_us)
            found.setdefault(row.series_id, []).append(change)
    return found


def scope_id(connection: Connection, provider: str, region: str, part: str) -> int:
    """Return the number of a scope, made where it is new."""
    here = and_(SCOPES.c.provider == provider, SCOPES.c.region == region, SCOPES.c.part == part)
    found = connection.execute(select(SCOPES.c.id).where(here)).scalar()
    if found is None:
        connection.execute(insert(SCOPES).values(provider=provider, region=region, part=part))
        found = connection.execute(select(SCOPES.c.id).where(here)).scalar_one()
    return int(found)


def latest_complete(connection: Connection, scope: int) -> int | None:
    """Return the moment of the latest complete run of a scope."""
    query = select(func.max(RUNS.c.at_us)).where(RUNS.c.scope_id == scope, RUNS.c.complete)
    return connection.execute(query).scalar()


def note_presence(connection: Connection, scope: int, at_us: int, seen: set[int]) -> None:
    """Write down which series have come and which have gone with a complete run; it is not written as a run yet."""
    state: dict[int, bool] = {}
    query = (
        select(PRESENCE.c.series_id, PRESENCE.c.present).where(PRESENCE.c.scope_id == scope).order_by(PRESENCE.c.at_us)
    )
    for row in connection.execute(query):
        state[row.series_id] = row.present
    there = {number for number, present in state.items() if present}
    before = latest_complete(connection, scope)
    names = ("series_id", "at_us", "present", "scope_id", "before_us")
    rows: list[tuple[int | bool | None, ...]] = [(number, at_us, True, scope, None) for number in sorted(seen - there)]
    rows += [(number, at_us, False, scope, before) for number in sorted(there - seen)]
    insert_many(connection, PRESENCE, names, rows)


def restatements(connection: Connection, fresh: Sequence[Point]) -> list[Point]:
    """Return the points that keep late arrivals from overruling later complete runs.

    `fresh` are about to be stored. Where a complete run after such a point saw the series, and no stored point lies
    between, the run saw what was in force before: that is stated anew at the run's moment.
    """
    by_series: dict[int, list[Point]] = {}
    for point in fresh:
        by_series.setdefault(point[0], []).append(point)
    coverage = full_coverage(connection, by_series)
    found: list[Point] = []
    for part in parts(sorted(set(by_series) & set(coverage.changes))):
        stored: dict[int, list[Point]] = {}
        query = (
            select(POINTS)
            .where(POINTS.c.series_id.in_(part))
            .order_by(POINTS.c.series_id, POINTS.c.observed_us, POINTS.c.turn)
        )
        for p in connection.execute(query):
            place = (p.series_id, p.observed_us, p.turn, p.micro_per_hour, p.detail_id)
            stored.setdefault(p.series_id, []).append(place)
        for number in part:
            found += _restated(number, by_series[number], stored.get(number, []), coverage)
    return found


def _restated(number: int, fresh: Sequence[Point], stored: Sequence[Point], coverage: Coverage) -> list[Point]:
    runs = sorted({at for c in coverage.changes[number] for at in coverage.runs.get(c.scope_id, ())})
    moments = sorted({point[1] for point in (*fresh, *stored)})
    found: dict[int, Point] = {}
    for _, at, *_ in fresh:
        next_run = bisect_right(runs, at)
        if next_run == len(runs):
            continue
        run, next_point = runs[next_run], bisect_right(moments, at)
        overtaken = next_point < len(moments) and moments[next_point] <= run
        before = bisect_right(stored, run, key=lambda point: point[1]) - 1
        if not overtaken and before >= 0 and coverage.present(number, run):
            _, _, _, micro, detail = stored[before]
            found[run] = (number, run, 0, micro, detail)
    return list(found.values())
