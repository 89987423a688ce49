"""Where nodes can run: offers, owned clusters and commitments, each with its price per node-hour, part by part.

Everything here is on the plan's grid of whole hours from its start: windows are rounded inwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from advisor.plan.schema import Cluster, ClusterCost, Commitment, RentedMachine, TrainingPlan
from advisor.purchases import BLOCK_EARLY_END, PURCHASED, Purchase
from pricing.hardware import machines
from pricing.money import micro_usd
from pricing.offer import Market

HOURS_PER_YEAR = 8760
HOURS_PER_MONTH = 730

PLANNED_MARKETS = frozenset({Market.ON_DEMAND, Market.SPOT}) | PURCHASED


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """One part of the price of a node-hour, in whole micro-USD, with its origin; `bundled` came with the product."""

    category: Literal["compute", "capital", "power", "staff", "other"]
    micro_usd_per_hour: int
    basis: str
    source: str
    observed_at: datetime | None
    confirmed_at: datetime | None = None
    bundled: bool = False

    @property
    def known_at(self) -> datetime | None:
        """When the price was last known to hold: its age counts from here."""
        moments = [at for at in (self.observed_at, self.confirmed_at) if at is not None]
        return max(moments, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One pool of equal nodes under one price.

    `capacity` are right-open steps (first hour, nodes) from hour 0, None where unlimited. `site` is where its
    data lies, as `provider/region`, or the cluster's own place. `going_on` is the key of the place that this one is
    for a job that runs there already.
    """

    key: str
    kind: Literal["offer", "cluster", "commitment"]
    machine: str
    gpus_per_node: int
    prices: tuple[UnitPrice, ...]
    capacity: tuple[tuple[int, int], ...] | None
    site: str
    provider: str | None = None
    region: str | None = None
    zone: str | None = None
    market: Market | None = None
    interruption_rate_per_hour: float | None = None
    purchase: Purchase | None = None
    going_on: str | None = None

    @property
    def pool_key(self) -> str:
        """Key of the pool whose nodes these are: its own, or of a job that goes on where it runs, that place's."""
        return self.going_on or self.key

    @property
    def micro_usd_per_hour(self) -> int:
        """Price of one node for one hour, all parts together."""
        return sum(price.micro_usd_per_hour for price in self.prices)

    @property
    def is_spot(self) -> bool:
        """Whether the provider may take the nodes back."""
        return self.market is Market.SPOT

    def described(self) -> str:
        """Name the place in a few words."""
        if self.kind == "cluster":
            return f"cluster {self.machine}"
        where = f"{self.provider} {self.zone or self.region} {self.machine}"
        return f"{where} {self.market}" if self.market else f"{where} (commitment)"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Something not considered, and why; `count` offers share the reason."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The plan's time: whole hours from `start` to the horizon, ends on a finer grid of minutes."""

    start: datetime
    hours: int
    end_minutes: int

    def floor(self, at: datetime) -> int:
        """Return the last grid hour at or before the moment."""
        return (at - self.start) // timedelta(hours=1)

    def ceiling(self, at: datetime) -> int:
        """Return the first grid hour at or after the moment."""
        return -((self.start - at) // timedelta(hours=1))

    def moment(self, seconds: int) -> datetime:
        """Return the moment so many seconds after the start."""
        return self.start + timedelta(seconds=seconds)


def steps_of(windows: Iterable[tuple[int, int, int]], hours: int) -> tuple[tuple[int, int], ...]:
    """Turn windows (first hour, end hour, nodes) that do not overlap into steps; hours outside have 0 nodes."""
    level = {0: 0}
    for first, end, nodes in sorted(windows):
        begin, finish = max(0, first), min(end, hours)
        if finish <= begin:
            continue
        level[begin] = nodes
        level.setdefault(finish, 0)
    steps: list[tuple[int, int]] = []
    for hour, nodes in sorted(level.items()):
        if hour < max(hours, 1) and (not steps or steps[-1][1] != nodes):
            steps.append((hour, nodes))
    return tuple(steps)


def cluster_place(cluster: Cluster, grid: Grid, basis: Literal["full", "marginal"] | None = None) -> Place:
    """Make the place of an owned cluster, on its own basis or on the one given."""
    if cluster.available is None:
        windows = [(0, grid.hours, cluster.nodes)]
    else:
        windows = [(grid.ceiling(w.from_), grid.floor(w.to), w.nodes) for w in cluster.available]
    return Place(
        key=f"cluster/{cluster.name}",
        kind="cluster",
        machine=cluster.name,
        gpus_per_node=cluster.gpus_per_node,
        prices=owned_prices(cluster, basis or cluster.cost.basis),
        capacity=steps_of(windows, grid.hours),
        site=cluster.location or f"cluster/{cluster.name}",
    )


def owned_prices(cluster: Cluster, basis: Literal["full", "marginal"]) -> tuple[UnitPrice, ...]:
    """Price of an owned node-hour by part, each rounded half-even to 1 micro-USD (contract, Arithmetic).

    full: capital = capex x (1 - residual) / (years x 8760) / utilization; power = kW x PUE x USD/kWh; staff and other
    = monthly / 730 / utilization. marginal: power = (kW - idle kW) x PUE x USD/kWh and nothing else.
    """
    cost = cluster.cost
    source = f"plan document, clusters {cluster.name}"

    def part(category: Literal["capital", "power", "staff", "other"], usd: Fraction) -> UnitPrice:
        kind = "amortised" if category == "capital" else "plan_document"
        return UnitPrice(
            category=category, micro_usd_per_hour=micro_usd(usd), basis=kind, source=source, observed_at=None
        )

    if basis == "marginal":
        idle = cost.idle_power_kw if cost.idle_power_kw is not None else Decimal(0)
        return (part("power", _power_usd(cost.node_power_kw - idle, cost)),)
    return (
        part("capital", capital_usd_per_hour(cost) / Fraction(cost.utilization)),
        part("power", _power_usd(cost.node_power_kw, cost)),
        part("staff", Fraction(cost.staff_usd_per_node_month) / HOURS_PER_MONTH / Fraction(cost.utilization)),
        part("other", Fraction(cost.other_usd_per_node_month) / HOURS_PER_MONTH / Fraction(cost.utilization)),
    )


def capital_usd_per_hour(cost: ClusterCost) -> Fraction:
    """Amortised capital of a node per hour of the calendar, before division by utilization."""
    if cost.capex_usd_per_node is None or cost.amortization_years is None:
        raise ValueError("capital needs capex_usd_per_node and amortization_years")
    remaining = Fraction(cost.capex_usd_per_node) * (1 - Fraction(cost.residual_fraction))
    return remaining / (Fraction(cost.amortization_years) * HOURS_PER_YEAR)


def idle_micro_usd_per_hour(cluster: Cluster) -> int | None:
    """Cost of a node-hour that no job uses; None where the idle power is not stated.

    full: capital, staff and other before division by utilization, and idle power; marginal: idle power.
    """
    cost = cluster.cost
    if cost.idle_power_kw is None:
        return None
    usd = [_power_usd(cost.idle_power_kw, cost)]
    if cost.basis == "full":
        usd.append(capital_usd_per_hour(cost))
        usd += [Fraction(m) / HOURS_PER_MONTH for m in (cost.staff_usd_per_node_month, cost.other_usd_per_node_month)]
    return sum(micro_usd(part) for part in usd)


def has_both_bases(cluster: Cluster) -> bool:
    """Whether the cluster's fields allow its full and its marginal cost."""
    cost = cluster.cost
    return None not in (cost.capex_usd_per_node, cost.amortization_years, cost.idle_power_kw)


def _power_usd(kilowatt: Decimal, cost: ClusterCost) -> Fraction:
    return Fraction(kilowatt) * Fraction(cost.pue) * Fraction(cost.usd_per_kwh)


def commitment_place(commitment: Commitment, plan: TrainingPlan, grid: Grid) -> Place:
    """Make the place of a held commitment: price 0 inside its window, no nodes outside."""
    early = commitment.kind == "block" and commitment.provider == "aws"
    end = commitment.end - BLOCK_EARLY_END if early else commitment.end
    window = (grid.ceiling(commitment.start), grid.floor(end), commitment.nodes)
    price = UnitPrice(
        category="compute",
        micro_usd_per_hour=0,
        basis="plan_document",
        source=f"plan document, commitments {commitment.name}",
        observed_at=None,
    )
    return Place(
        key=f"commitment/{commitment.name}",
        kind="commitment",
        provider=commitment.provider,
        region=commitment.region,
        machine=commitment.machine,
        gpus_per_node=gpus_per_node(commitment.machine, plan.machines),
        prices=(price,),
        capacity=steps_of([window], grid.hours),
        site=f"{commitment.provider}/{commitment.region}",
    )


def gpus_per_node(machine: str, own: Sequence[RentedMachine]) -> int:
    """Return the GPUs of one node of a machine of the table or of the plan."""
    mine = next((m.gpus_per_node for m in own if m.name == machine), None)
    return mine if mine is not None else machines()[machine].gpus_per_node
