"""What every collector is given, returns and raises.

A collector is a generator: it yields a `Portion` as soon as one part of one region has been read, and nothing it does
touches the database. A part is what a provider answers as a whole (spot history, the price list, ...): the smallest
thing that can be complete. What a collector promises:

- Machines and places are named as the contract names them: `zone` is AWS's zone id or GCP's zone, None for a price of
  the whole region. Prices are whole machines per hour in micro-units, effective rates with the upfront included.
- A portion with `failure` None is *complete*: everything the provider has in that part and region is in it. Only such
  a portion confirms prices, and what it no longer holds counts as withdrawn. A portion with a failure may hold rows all
  the same; they are stored, and confirm nothing.
- A failure in one region never stops another; provider errors never leave the generator. Only what concerns everything
  (no credentials, nobody there) is raised, as a `ProviderError`.
- Against a provider that only answers errors it ends in time: see `Patience`.
- It guesses nothing: what fits no rule goes into `unknown`, with its id.

The store checks each row with `pricing.quality` and rejects by itself; collectors reject only what they cannot read.
"""

import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from pricing.errors import ProviderError
from pricing.observation import PriceRow

# provider -> "module:class"; a class is made with `Access` and is a `Collector`. Imported only when it is asked.
COLLECTORS = {
    "aws": "pricing.collectors.aws:AwsCollector",
    "gcp": "pricing.collectors.gcp:GcpCollector",
}
MAX_PAGES = 10_000
DEFAULT_HISTORY = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where providers are asked (settings of the same name); None is the provider's own address."""

    aws_endpoint_url: str | None = None
    gcp_compute_endpoint: str | None = None
    gcp_billing_endpoint: str | None = None
    gcp_project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a collector.

    `now` is the moment that the whole collection counts for: `observed_at` of everything that carries no moment of the
    provider's. `regions` empty means every region that sells the machines. `since` is where history is wanted from;
    `since_by_region` where what is stored ends, so that no gap stays. `scored` are machines whose placement scores are
    younger than a day. The last two are filled in by `pricing.collection`.
    """

    now: datetime
    regions: tuple[str, ...] = ()
    since: datetime | None = None
    since_by_region: Mapping[str, datetime] = field(default_factory=dict)
    scored: frozenset[str] = frozenset()

    def history_begin(self, region: str) -> datetime:
        """Return from where the history of a region is to be read: as asked, and from where the stored one ends."""
        stored = self.since_by_region.get(region)
        if self.since is None:
            return stored or self.now - DEFAULT_HISTORY
        return self.since if stored is None else min(self.since, stored)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something found that is no price row: the provider's id of it (SKU, machine, offering) and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementScore:
    """A provider's forecast of getting so many nodes of a machine on spot in a zone, 1 (unlikely) to 10."""

    region: str
    zone: str
    machine: str
    nodes: int
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one part of one region answered.

    `dated` says that `observed_at` of the rows is the provider's own: such rows are all kept, or, with `only_changes`,
    those that do not repeat the price in force before them (for a provider that dates a price anew without changing
    it). Otherwise a row says what holds at `Request.now`, and is kept only where that is a change. `failure` with
    `optional` is told and is no failure of the collection (what the account may not see). `rejected` could not be read,
    `unknown` fits no rule, `excluded` is not sold this way or not offered here.
    """

    region: str
    part: str
    rows: tuple[PriceRow, ...] = ()
    dated: bool = False
    only_changes: bool = False
    failure: ProviderError | None = None
    optional: bool = False
    rejected: tuple[Remark, ...] = ()
    unknown: tuple[Remark, ...] = ()
    excluded: tuple[Remark, ...] = ()
    scores: tuple[PlacementScore, ...] = ()
    calls: int = 0
    seconds: float = 0.0


class Collector(Protocol):
    """One provider, asked for its prices."""

    provider: str

    def collect(self, request: Request) -> Iterator[Portion]:
        """Yield what each part of each region answered.

        Raises:
            ProviderError: nothing at all can be collected, and why.
        """
        ...

    def reach(self) -> str:
        """Ask the least that shows whether a collection can begin, and say who answered.

        Raises:
            ProviderError: it cannot, and why.
        """
        ...


def collector_of(provider: str, access: Access) -> Collector:
    """Make the collector of a provider that `COLLECTORS` names."""
    module, _, name = COLLECTORS[provider].partition(":")
    made: Collector = getattr(importlib.import_module(module), name)(access)
    return made


class Patience:
    """Ends a collection that gets nothing but errors: over once no call has succeeded for so many seconds.

    A collection that makes progress may take as long as it needs, and time in which nothing was asked does not count
    where `asking` tells of every call. Several threads may share one.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._since = time.monotonic()
        self._waiting = False
        self._lock = Lock()

    def asking(self) -> None:
        """Note that a call begins: after a success the time counts from here."""
        with self._lock:
            if not self._waiting:
                self._since, self._waiting = time.monotonic(), True

    def succeeded(self) -> None:
        """Note that the provider has answered."""
        with self._lock:
            self._since, self._waiting = time.monotonic(), False

    @property
    def over(self) -> bool:
        """Whether asking further is pointless."""
        with self._lock:
            return time.monotonic() - self._since > self._seconds
