"""The optimisation problem: integer seconds, micro-USD, tokens and nodes; frozen, complete, ready to solve.

Field names and meanings are those of the problem file `gpuplan-problem/1` (solver/README.md). Step functions are
tuples of (from_s, value), right-open, the first at 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Steps = tuple[tuple[int, int], ...]
Objective = Literal["cost", "finish", "risk"]
NOTHING: Mapping[str, int] = MappingProxyType({})
# Read by solver.documents: unknown fields are errors and nothing is coerced.
STRICT = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Up-front micro-USD per node for the whole life of a pool; how many nodes are sold, in whole lots."""

    __pydantic_config__ = STRICT

    unit_cost: int
    max_units: int
    lot: int = 1

    @property
    def most(self) -> int:
        """Return the most nodes that whole lots give."""
        return self.max_units // self.lot * self.lot


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A place to run nodes of one kind; price in micro-USD per node-hour, capacity in nodes."""

    __pydantic_config__ = STRICT

    id: str
    region: str
    price: Steps
    capacity: Steps
    min_bill_s: int = 0
    commit: Commit | None = None
    interrupts_ppm_nh: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit on nodes in use over several pools."""

    __pydantic_config__ = STRICT

    id: str
    pools: tuple[str, ...]
    limit: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Commit pools that are bought together or instead of each other: at most so many pools, at most so many nodes."""

    __pydantic_config__ = STRICT

    id: str
    pools: tuple[str, ...]
    max_pools: int | None = None
    max_units: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """A predecessor and the seconds that must pass after its last end."""

    __pydantic_config__ = STRICT

    job: str
    lag_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A job on so many nodes of a pool: goodput in tokens/s, paid seconds without progress at each segment's head.

    Segments with this option end by `deadline_s` where it is given.
    """

    __pydantic_config__ = STRICT

    pool: str
    nodes: int
    rate: int
    start_s: int = 0
    deadline_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work in tokens to be done between release and deadline."""

    __pydantic_config__ = STRICT

    id: str
    work: int
    release_s: int
    deadline_s: int
    options: tuple[Option, ...]
    after: tuple[After, ...] = ()
    max_segments: int | None = None
    max_interrupts_ppm: int | None = None
    hold_cost_h: int = 0
    stage_cost: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    move_cost: Mapping[str, int] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Money of the listed jobs in the listed pools is at most `limit` micro-USD; None means all.

    With a window [from_s, to_s) only what running costs in it counts, and a commit where the pool's first capacity
    lies in it.
    """

    __pydantic_config__ = STRICT

    id: str
    pools: tuple[str, ...] | None
    jobs: tuple[str, ...] | None
    limit: int
    from_s: int | None = None
    to_s: int | None = None

    @property
    def has_window(self) -> bool:
        """Whether only a part of the plan's time counts."""
        return self.from_s is not None or self.to_s is not None

    def covers(self, begin_s: int, end_s: int) -> bool:
        """Whether a stretch of time lies in the window."""
        return (self.from_s or 0) <= begin_s and (self.to_s is None or end_s <= self.to_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Minimise the objectives one after the other, and cost at last where it is not among them; (C1)...(C10) hold.

    `max_interrupts_ppm` limits the expected interruptions of all jobs together.
    """

    __pydantic_config__ = STRICT

    name: str
    grid_s: int
    end_grid_s: int
    horizon_s: int
    pools: tuple[Pool, ...]
    jobs: tuple[Job, ...]
    quotas: tuple[Quota, ...] = ()
    budgets: tuple[Budget, ...] = ()
    choices: tuple[Choice, ...] = ()
    max_interrupts_ppm: int | None = None
    objective: Objective | tuple[Objective, ...] = "cost"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Return what is minimised, one after the other, each name once."""
        stated: tuple[Objective, ...] = (self.objective,) if isinstance(self.objective, str) else self.objective
        return tuple(dict.fromkeys((*stated, "cost")))

    def pool(self, name: str) -> Pool:
        """Return the pool of this id."""
        return next(pool for pool in self.pools if pool.id == name)


def pays_at(pool: Pool) -> int:
    """Return the second at which a commit of this pool is paid: its first capacity, 0 where it never has any."""
    return next((at for at, nodes in pool.capacity if nodes > 0), 0)


def pieces(steps: Steps, horizon_s: int) -> list[tuple[int, int, int]]:
    """Return a step function as (from_s, to_s, value) up to the horizon, equal neighbours merged."""
    merged: list[tuple[int, int, int]] = []
    ends = [at for at, _ in steps[1:]] + [max(horizon_s, steps[-1][0])]
    for (begin, value), end in zip(steps, ends, strict=True):
        stop = min(end, horizon_s)
        if stop <= begin:
            continue
        if merged and merged[-1][2] == value and merged[-1][1] == begin:
            merged[-1] = (merged[-1][0], stop, value)
        else:
            merged.append((begin, stop, value))
    return merged
