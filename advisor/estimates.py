"""Every job on every kind of node: memory, speed, hours and cost of one uninterrupted segment (`advisor estimate`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from advisor.configurations import allows, most_nodes
from advisor.errors import UsageInvalid
from advisor.places import Place
from advisor.plan.load import LoadedPlan
from advisor.plan.messages import suggestion
from advisor.plan.references import machine_names
from advisor.plan.schema import Job
from advisor.recommendation import Money
from advisor.restarts import start_seconds
from advisor.speeds import estimates_of, hardware_named, planned_speed, site_of
from pricing.hardware import machines
from pricing.moments import moment_text
from pricing.money import cents

if TYPE_CHECKING:
    from advisor.estimate.estimate import Estimate

HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateLine:
    """One job on so many nodes of a machine or cluster.

    `hours` are those of one segment without interruption at the planned speed, on the plan's grid; `offer` is the
    cheapest place that may be used and has the nodes. Both are None where the job does not fit, `offer` also where no
    price counts.
    """

    job: Job
    name: str
    owned: bool
    gpu: str
    estimate: "Estimate"
    planned_tokens_per_second: int | None
    hours: Fraction | None
    offer: Place | None

    @property
    def cost_cents(self) -> int | None:
        """Nodes x hours x price, rounded half-even to cents."""
        if self.hours is None or self.offer is None:
            return None
        return cents(self.estimate.nodes * self.hours * self.offer.micro_usd_per_hour)

    def document(self) -> dict[str, Any]:
        """Return an entry of `estimates` (contract, "Other shapes") with the origin of its price."""
        fields = self.estimate.document()
        reason = fields.pop("reason")
        return {
            "job": self.job.name,
            "machine": None if self.owned else self.name,
            "cluster": self.name if self.owned else None,
            **fields,
            "planned_tokens_per_second": self.planned_tokens_per_second,
            "hours": None if self.hours is None else float(self.hours),
            "cost": None if self.cost_cents is None else Money.of_cents(self.cost_cents).model_dump(),
            "price": None if self.cost_cents is None or self.offer is None else _price(self.offer),
            "reason": reason,
        }


def _price(offer: Place) -> dict[str, Any]:
    """Return where the cost comes from; parts of an owned node's price are added up."""
    first = offer.prices[0]
    return {
        "provider": offer.provider,
        "region": offer.region,
        "zone": offer.zone,
        "market": offer.market,
        "usd_per_node_hour": Money.of_micro_usd(offer.micro_usd_per_hour).model_dump(),
        "basis": first.basis,
        "source": first.source,
        "observed_at": first.observed_at and moment_text(first.observed_at),
    }


def estimate_lines(
    loaded: LoadedPlan, places: Sequence[Place], *, name: str | None = None, nodes: int | None = None
) -> list[EstimateLine]:
    """Estimate every job on every machine and cluster, or on the named one; by default on the fewest nodes that fit.

    Raises:
        UsageInvalid: neither a table nor the plan knows the name.
    """
    clusters = [cluster.name for cluster in loaded.plan.clusters]
    rented = [*machines(), *(machine.name for machine in loaded.plan.machines)]
    known = [*clusters, *rented]
    if name is not None and name not in known:
        near = suggestion(name, sorted({*clusters, *machine_names(loaded.plan)}))
        raise UsageInvalid(f"--machine: neither a table nor the plan knows {name!r}{near}; see `advisor machines`")
    chosen = known if name is None else [name]
    return [_line(loaded, places, job, each, nodes) for job in loaded.plan.jobs for each in chosen]


def _line(loaded: LoadedPlan, places: Sequence[Place], job: Job, name: str, nodes: int | None) -> EstimateLine:
    hardware, size = hardware_named(name, loaded.plan)
    found = _chosen(loaded, job, name, nodes)
    if size is not None and found.nodes > size:
        reason = f"cluster {name} has {size} node{'s' if size > 1 else ''}"
        found = replace(found, verdict="does_not_fit", layout=None, tokens_per_second=None, mfu=None, reason=reason)
    offer = _cheapest(loaded, places, job, name, found.nodes)
    speed = None if found.tokens_per_second is None else planned_speed(found, loaded.plan)
    return EstimateLine(
        job=job,
        name=name,
        owned=size is not None,
        gpu=hardware.gpu.id,
        estimate=found,
        planned_tokens_per_second=speed,
        hours=None if speed is None else segment_hours(loaded, job, speed, found.nodes, owned=size is not None),
        offer=offer,
    )


def _chosen(loaded: LoadedPlan, job: Job, name: str, nodes: int | None) -> "Estimate":
    """Return the estimate on the nodes asked for, or on the fewest that fit, else on the fewest that fit tightly."""
    from advisor.estimate import estimate_job

    shape = loaded.shapes[job.name]
    if nodes is not None:
        return estimate_job(job, shape, hardware_named(name, loaded.plan)[0], nodes, site_of(loaded.plan))
    found = estimates_of(job, shape, loaded.plan, name)
    best = next((each for each in found if each.verdict == "fits"), None)
    return best or next((each for each in found if each.verdict == "tight"), found[-1])


def _cheapest(loaded: LoadedPlan, places: Sequence[Place], job: Job, name: str, nodes: int) -> Place | None:
    """Return the cheapest place by the hour: what must be bought whole, and what is held already, is no offer."""
    open_to = [
        place
        for place in places
        if place.purchase is None
        and place.kind != "commitment"
        and place.machine == name
        and nodes <= most_nodes(place)
        and allows(job, loaded.plan, place)
    ]
    return min(open_to, key=lambda place: place.micro_usd_per_hour, default=None)


def segment_hours(loaded: LoadedPlan, job: Job, speed: int, nodes: int, *, owned: bool) -> Fraction:
    """Return startup + tokens / speed, rounded up to the end grid."""
    step = loaded.grid.end_minutes * 60
    seconds = start_seconds(job, loaded.shapes[job.name], nodes, owned=owned) + -(-job.tokens // speed)
    return Fraction(-(-seconds // step) * step, HOUR)
