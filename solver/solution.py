"""What the solver answers: outcomes are values, each with a bound, a reason or what stopped the search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from solver.certificate import Certificate

StoppedBy = Literal["proof", "work_limit", "wall_time"]
ONE_CENT_UUSD = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A job on a fixed number of nodes of one pool from start to end, in seconds."""

    job: str
    pool: str
    nodes: int
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A schedule that passed the checker.

    `cost_n3600` is exact, in 1/3600 micro-USD; `cost_uusd` is it rounded half-even; `bound_uusd` is a lower bound of
    this very problem. `optimal` means that cost less bound is below one cent. Where the problem was decomposed,
    `certificate` proves `certified_uusd` without any solver (solver.certificate); a search may have proved more.
    """

    status: Literal["optimal", "feasible"]
    segments: tuple[Segment, ...]
    cost_n3600: int
    cost_uusd: int
    bound_uusd: int
    stopped_by: StoppedBy
    commits: Mapping[str, int] = field(default_factory=dict)
    certificate: Certificate | None = None
    certified_uusd: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A true statement about the problem: the path of what it is about, and what it says."""

    path: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Infeasible:
    """No schedule exists, by proof; `conflict` names what breaks first."""

    conflict: tuple[Reason, ...]
    stopped_by: StoppedBy = "proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Neither a schedule nor a proof that there is none was found in the time given."""

    stopped_by: StoppedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the search is; costs in micro-USD, None while unknown."""

    phase: str
    best_uusd: int | None = None
    bound_uusd: int | None = None
