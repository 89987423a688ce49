"""What was derived for a job that is planned on estimates, each figure in a sentence with what it rests on."""

from collections.abc import Mapping, Sequence

from advisor.configurations import Configuration
from advisor.estimate.work import batch_of
from advisor.formulate import Ledger
from advisor.plan.schema import Job
from advisor.plan.shapes import ModelShape
from advisor.restarts import (
    CHECKPOINT_GIB_PER_SECOND,
    OWNED_START_SECONDS,
    RENTED_START_SECONDS,
    SPOT_UP_HOURS,
    checkpoint_gib,
    load_gib,
    spot_loss,
)
from advisor.site_costs import CHECKPOINTS_KEPT
from advisor.speeds import COUNT_STEP, EVERY_NODE_COUNT_TO, MOST_NODES
from pricing.money import cents, cents_text
from pricing.storage import storage_price


def derived(jobs: Sequence[Job], shapes: Mapping[str, ModelShape], ledger: Ledger) -> list[str]:
    """Say shape, checkpoint, start, spot losses, storage and what was left out; what holds for several jobs once."""
    said: dict[str, list[str]] = {}
    for job in jobs:
        for text in _derived(job, shapes[job.name], ledger):
            said.setdefault(text, []).append(job.name)
    return [f"{', '.join(names)}: {text}" for text, names in said.items()]


def _derived(job: Job, shape: ModelShape, ledger: Ledger) -> list[str]:
    mine = [choice for (name, _, _), choice in ledger.configurations.items() if name == job.name]
    said = [f"{shape.note}."] if shape.note else []
    if job.max_nodes > EVERY_NODE_COUNT_TO:
        said.append(
            f"node counts up to {EVERY_NODE_COUNT_TO} compete, above them every {COUNT_STEP}th up to {MOST_NODES:,}."
        )
    if job.global_batch_size is None:
        sequences, is_exact = batch_of(job)
        about = "" if is_exact else "about "
        said.append(f"default global_batch_size: {about}{sequences:,} sequences per optimizer step.")
    said.append(_checkpoint(job, shape))
    if mine:
        said.append(_start(job, shape, mine))
    spot = [choice for choice in mine if choice.place.is_spot]
    if spot:
        said.append(_spot(job, shape, spot))
    return said + _storage(mine) + _moves(job, ledger) + _left_out(job, ledger)


def span(values: Sequence[float], digits: int = 0) -> str:
    """Write the range of some values: "3" or "3 to 5"."""
    low, high = (f"{each:.{digits}f}" for each in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _checkpoint(job: Job, shape: ModelShape) -> str:
    size = checkpoint_gib(job, shape)
    if job.checkpoint is not None and job.checkpoint.gib is not None:
        return f"a checkpoint is {size:,.4g} GiB, as stated."
    what = "adapters" if job.method in {"lora", "qlora"} else f"{shape.parameters / 1e9:.4g}e9 parameters"
    return f"a checkpoint is {size:,.3g} GiB: {what} with their {job.optimizer} states, no gradients."


def _start(job: Job, shape: ModelShape, mine: Sequence[Configuration]) -> str:
    if job.startup_minutes is not None:
        return f"{job.startup_minutes:g} minutes without progress at the head of every segment, as stated."
    minutes = span([choice.start_seconds / 60 for choice in mine], 1)
    load = f"loading {load_gib(job, shape):,.3g} GiB at {CHECKPOINT_GIB_PER_SECOND:g} GiB/s a node"
    if job.checkpoint is not None and job.checkpoint.restore_minutes is not None:
        load = f"{job.checkpoint.restore_minutes:g} minutes of restore as stated"
    return (
        f"{minutes} minutes without progress at the head of every segment and after every interruption: "
        f"{RENTED_START_SECONDS / 60:g} on rented nodes for boot (4), image (3) and communication check (1), "
        f"{OWNED_START_SECONDS / 60:g} on owned ones, and {load} (priors; startup_minutes replaces them)."
    )


def _spot(job: Job, shape: ModelShape, spot: Sequence[Configuration]) -> str:
    losses = [spot_loss(job, shape, choice.place, choice.nodes) for choice in spot]
    every = "a checkpoint every " + span([loss.interval_minutes for loss in losses]) + " minutes"
    stated = job.checkpoint is not None and job.checkpoint.interval_minutes != "auto"
    lost = span([float(100 * (1 - choice.kept_share)) for choice in spot], 1)
    origin = (
        "the prices' interruption rates"
        if all(choice.place.interruption_rate_per_hour for choice in spot)
        else f"a prior of {SPOT_UP_HOURS:g} h for one node, from spot traces of 2022/23, where a price states no rate"
    )
    return (
        f"{lost} % of paid spot time is taken as lost, with {every} "
        f"({'as stated' if stated else 'Young'}) and {span([loss.up_hours for loss in losses], 1)} h "
        f"between interruptions of all its nodes ({origin}; rate ~ nodes^0.2)."
    )


def _storage(mine: Sequence[Configuration]) -> list[str]:
    rented = {(c.place.provider, c.place.region) for c in mine if c.place.provider and c.place.region}
    if not rented:
        return []
    said = [
        f"{CHECKPOINTS_KEPT} checkpoints are kept for a month in every rented region that is used; "
        "disks of owned clusters are part of the cluster."
    ]
    unknown = sorted({provider for provider, region in rented if storage_price(provider or "", region or "") is None})
    if unknown:
        said.append(f"no storage price of {', '.join(unknown)} is known; checkpoints there are not charged.")
    return said


def _moves(job: Job, ledger: Ledger) -> list[str]:
    prices = [charge.micro_usd_per_unit / 1e6 for (name, _), charge in ledger.moving.items() if name == job.name]
    if not prices:
        return []
    return [
        f"a checkpoint that leaves a region costs ${span(prices, 2)} a GiB, the dearest way from there to any other "
        "place in reach; what leaves an owned cluster for a cloud is free."
    ]


def _left_out(job: Job, ledger: Ledger) -> list[str]:
    """Bound what the choice among sites may cost, where sites have costs of their own."""
    reach = ledger.reach[job.name]
    used = {choice.place.site for (name, _, _), choice in ledger.configurations.items() if name == job.name}
    kept = sum(name == job.name for name, _, _ in ledger.configurations)
    once = max((sum(c.micro_usd for c in ledger.staging[job.name, site]) for site in used), default=0)
    move = max((charge.micro_usd for (name, _), charge in ledger.moving.items() if name == job.name), default=0)
    if kept == reach or not once + move:
        return []
    return [
        f"of {reach:,} configurations those stay out that another one replaces at no lower "
        "speed and no higher price; that a replacement in another region may mean one more copy of dataset and "
        f"checkpoints was not weighed (at most ${cents_text(cents((once + move) * job.max_segments))})."
    ]
