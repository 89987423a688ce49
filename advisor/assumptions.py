"""What a recommendation takes for granted, and what its reader should be warned of, each as one sentence."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from advisor.configurations import Configuration
from advisor.derived import derived
from advisor.dominance import limit_matches
from advisor.formulate import Ledger
from advisor.offer_places import hours_text
from advisor.places import UnitPrice
from advisor.plan.defaults import defaults_used
from advisor.plan.load import LoadedPlan
from advisor.purchases import MOST_NODES_OF_A_BLOCK
from advisor.speeds import margin_words
from pricing.moments import moment_text
from pricing.offer import Market

NOT_INCLUDED = (
    "The total does not include: support plans, shared file systems, NAT and load balancers, container registries, "
    "failed or repeated runs, evaluation, people who train, and taxes."
)


def assumptions(loaded: LoadedPlan, ledger: Ledger, objective: str = "cost") -> list[str]:
    """List every assumption; what the total leaves out comes last."""
    first = "Sought is the earliest last finish, and among the plans that finish so early the cheapest; the bound and "
    return [
        *([f"{first}the gap are of that cost."] if objective == "time" else []),
        *_times(loaded),
        *_speeds(loaded, ledger),
        *_spot(loaded, ledger),
        *_money(loaded),
        *_purchases(ledger),
        *defaults_used(loaded.plan),
        NOT_INCLUDED,
    ]


def _times(loaded: LoadedPlan) -> list[str]:
    plan, grid = loaded.plan, loaded.grid
    end = moment_text(grid.start + timedelta(hours=grid.hours))
    said = [
        f"Time runs from {moment_text(grid.start)} to {end} in whole hours; "
        f"segments end on a grid of {grid.end_minutes} minutes."
    ]
    for job in plan.jobs:
        if job.deadline is not None and grid.moment(grid.floor(job.deadline) * 3600) != job.deadline:
            said.append(
                f"{job.name}: the deadline counts as {moment_text(grid.moment(grid.floor(job.deadline) * 3600))}."
            )
        if (
            job.earliest_start is not None
            and grid.moment(grid.ceiling(job.earliest_start) * 3600) != job.earliest_start
        ):
            begin = moment_text(grid.moment(grid.ceiling(job.earliest_start) * 3600))
            said.append(f"{job.name}: the earliest start counts as {begin}.")
    return said


def _speeds(loaded: LoadedPlan, ledger: Ledger) -> list[str]:
    jobs = loaded.plan.jobs
    said = []
    bare = [job.name for job in jobs if job.only_measured]
    if bare:
        said.append(
            f"{', '.join(bare)}: only_measured, so only the measured speeds of the plan compete, the configuration is "
            "taken to fit in memory, checkpoints move free, and nothing but a stated startup_minutes slows it."
        )
    estimated = [job for job in jobs if not job.only_measured]
    if estimated:
        said.append(
            f"{', '.join(job.name for job in estimated)}: speeds are estimates from model, layout and hardware, "
            f"{margin_words(loaded.plan)}; a measured speed replaces the estimate of its machine and node count, as it "
            "is. Every node count up to max_nodes competes with its best layout."
        )
        said.append(
            "finish_early to finish_late, and cost_low to cost_high, are a job at both ends of its estimates' 80 % "
            "interval: four of five measured runs of the kind fall into it. Slow, it keeps its last nodes until the "
            "work is done, and jobs after it start as much later; fast, it frees its nodes, and the others start as "
            "planned. Data and checkpoints cost as planned."
        )
    return said + derived(estimated, loaded.shapes, ledger)


def _spot(loaded: LoadedPlan, ledger: Ledger) -> list[str]:
    said = []
    with_spot = {job for (job, _, _), choice in ledger.configurations.items() if choice.place.is_spot}
    for job in loaded.plan.jobs:
        net = ledger.nets[job.name]
        if job.name in with_spot and net.kind == "until":
            last, due = (moment_text(loaded.grid.moment(s)) for s in (net.seconds, net.due_seconds))
            said.append(
                f"{job.name} uses spot only until {last}: "
                f"started afresh then off spot, it would still be done by {due}."
            )
    spot = loaded.plan.prices.spot
    if with_spot:
        figure = {
            "last": "the last price seen",
            "mean": f"the time-weighted mean of {spot.days:g} days",
            "quantile": f"the {spot.quantile:g} quantile of {spot.days:g} days",
        }[spot.basis]
        said.append(f"Spot is planned at {figure}; prices are taken to stay as they are over the whole plan.")
    return said


def _money(loaded: LoadedPlan) -> list[str]:
    said = []
    for cluster in loaded.plan.clusters:
        meaning = (
            "capital, power, staff and other cost of the hours used"
            if cluster.cost.basis == "full"
            else "only the power that use adds; capital is sunk"
        )
        said.append(f"Cluster {cluster.name} is costed on its {cluster.cost.basis} basis: {meaning}.")
    for commitment in loaded.plan.commitments:
        money = "its upfront fee is sunk" if commitment.sunk else "its upfront fee is in the total, used or not"
        taken_back = commitment.kind == "block" and commitment.provider == "aws"
        early = " (AWS takes a block back 30 minutes early)" if taken_back else ""
        said.append(f"Commitment {commitment.name} has no hourly charge inside its window{early}; {money}.")
    for job in loaded.plan.jobs:
        if job.dataset is not None:
            said.append(f"{job.name}: its dataset of {job.dataset.gib:g} GiB is copied once to every region it uses.")
    return said


def _purchases(ledger: Ledger) -> list[str]:
    """Say how capacity that can be bought for a term counts, where any is in reach."""
    markets = sorted({place.market for place in ledger.places.values() if place.purchase and place.market})
    if not markets:
        return []
    blocks = (
        [f"capacity_block: where a price row leaves available_nodes blank, {MOST_NODES_OF_A_BLOCK} nodes are on sale."]
        if Market.CAPACITY_BLOCK in markets
        else []
    )
    return [
        *blocks,
        f"{', '.join(markets)}: bought whole for its term, used or not, and free inside; it is no net under spot. What "
        "is left of a term after the plan is worth nothing here.",
    ]


def warnings(
    loaded: LoadedPlan, ledger: Ledger, as_of: datetime, max_age: timedelta, planned: Sequence[Configuration] = ()
) -> list[str]:
    """List what a careful reader should know before acting; `planned` are the configurations that the answer uses."""
    said = list(loaded.warnings)
    tight = dict.fromkeys(f"{c.job} on {c.nodes} x {c.place.machine}" for c in planned if c.is_tight)
    if tight:
        said.append(
            f"{', '.join(tight)}: memory is nearly full, and no layout there leaves more free than the estimate may be "
            "wrong by; try a short run before the long one."
        )
    offers = [place for place in ledger.places.values() if place.kind == "offer"]
    unlimited = sorted(
        {
            f"{place.provider} {place.machine} {place.market}"
            for place in offers
            if place.capacity is None and not any(limit_matches(limit, place) for limit in loaded.plan.limits)
        }
    )
    if unlimited:
        said.append(
            f"No limit is stated for {_some(unlimited)}: as many nodes as a job may use are taken to be available."
        )
    if any(place.is_spot for place in offers):
        said.append("The chance that spot nodes are taken away is not modelled yet: miss_probability is null.")
    elif planned:
        said.append("The chance of a late finish is not modelled yet: miss_probability is null.")
    said += _old_prices([price for place in offers for price in place.prices], as_of, max_age)
    return said


def _old_prices(prices: Sequence[UnitPrice], as_of: datetime, max_age: timedelta) -> list[str]:
    """Announce prices that are exempt from the age limit: bundled ones whatever their age, a price file's old ones."""
    said = []
    bundled = [as_of - price.known_at for price in prices if price.bundled and price.known_at]
    if bundled:
        said.append(
            f"{len(bundled)} of {len(prices)} prices in reach are reference prices that come with the product, "
            f"{min(bundled).days} to {max(bundled).days} days old: exempt from the limit of {hours_text(max_age)} h, "
            "and used where the price book says nothing. Prices that you collect or import take their place."
        )
    given = [as_of - price.known_at for price in prices if not price.bundled and price.known_at]
    old = [age for age in given if age > max_age]
    if old:
        said.append(
            f"{len(old)} of {len(prices)} prices in reach are older than {hours_text(max_age)} h, the oldest "
            f"{max(old).days} days; they were used because this run names its own price file."
        )
    return said


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
