"""Advice on one job on one kind of nodes: how its batch is reached, what a change would buy, what would make it fit.

Each change comes with its hours and dollars, reckoned as `estimates` does: one segment without interruption, at the
planned speed, at the price of the line's own place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from advisor.estimates import EstimateLine, segment_hours
from advisor.plan.load import LoadedPlan
from advisor.plan.schema import Job
from advisor.recommendation import Money
from advisor.speeds import hardware_named, planned_speed
from pricing.money import cents

if TYPE_CHECKING:
    from advisor.estimate.choices import BatchAdvice, Change, Choices

# So many of the fastest layouts, and of the Pareto set, are shown.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedChange:
    """A change with its hours and cost; both None where it does not fit, cost also where there is no price."""

    change: "Change"
    nodes: int
    hours: Fraction | None
    cost_cents: int | None

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        cost = None if self.cost_cents is None else Money.of_cents(self.cost_cents).model_dump()
        return {**self.change.document(), "hours": None if self.hours is None else float(self.hours), "cost": cost}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`batch` is None where nothing fits, `remedies` is empty where the job fits without any."""

    line: EstimateLine
    batch: "BatchAdvice | None"
    choices: "Choices"
    changes: tuple[PricedChange, ...]
    remedies: tuple[PricedChange, ...]

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        batch = None if self.batch is None else self.batch.document()
        if batch is not None:
            batch["changes"] = [each.document() for each in self.changes]
        return {
            "batch": batch,
            "layouts_looked_at": self.choices.looked_at,
            "layouts_fitting": self.choices.fitting,
            "best": [each.document() for each in self.choices.best],
            "pareto": [each.document() for each in self.choices.pareto],
            "remedies": [each.document() for each in self.remedies],
        }


def advice_of(loaded: LoadedPlan, line: EstimateLine) -> Advice:
    """Advise on the nodes of an estimate."""
    from advisor.estimate.choices import batch_advice, choices, remedies
    from advisor.estimate.work import work_of

    job, shape, nodes = line.job, loaded.shapes[line.job.name], line.estimate.nodes
    hardware, _ = hardware_named(line.name, loaded.plan)
    if hardware.flop_per_second(job.precision) is None:
        raise ValueError(f"{hardware.gpu.id} has no {job.precision}")
    work = work_of(job, shape)
    batch = batch_advice(work, hardware, nodes)
    others = {name: work_of(other, shape) for name, other in _lighter(job)}
    makes_fit = remedies(work, hardware, nodes, others=others)
    return Advice(
        line=line,
        batch=batch,
        choices=choices(work, hardware, nodes, MOST_SHOWN),
        changes=tuple(_priced(loaded, line, () if batch is None else batch.changes)),
        remedies=tuple(_priced(loaded, line, makes_fit)),
    )


def _lighter(job: Job) -> Iterator[tuple[str, Job]]:
    """Yield the job with lighter training states, the least change first."""
    if job.method in {"pretrain", "full_finetune"} and job.optimizer == "adamw":
        yield "8-bit optimizer", job.model_copy(update={"optimizer": "adamw_8bit"})
    if job.method == "full_finetune":
        yield "LoRA", job.model_copy(update={"method": "lora"})
    if job.method in {"full_finetune", "lora"}:
        yield "QLoRA", job.model_copy(update={"method": "qlora"})


def _priced(loaded: LoadedPlan, line: EstimateLine, changes: "Sequence[Change]") -> Iterator[PricedChange]:
    """Add hours and cost; a longer sequence trains the same tokens."""
    for change in changes:
        found = change.estimate
        if found is None or found.tokens_per_second is None:
            yield PricedChange(change=change, nodes=line.estimate.nodes, hours=None, cost_cents=None)
            continue
        speed = planned_speed(found, loaded.plan)
        hours = segment_hours(loaded, line.job, speed, found.nodes, owned=line.owned)
        price = None if line.offer is None else line.offer.micro_usd_per_hour
        cost = None if price is None else cents(found.nodes * hours * price)
        yield PricedChange(change=change, nodes=found.nodes, hours=hours, cost_cents=cost)


def advisable(lines: Sequence[EstimateLine], loaded: LoadedPlan) -> Iterator[Advice]:
    """Advise on every estimate whose GPU has the job's precision."""
    for line in lines:
        hardware, _ = hardware_named(line.name, loaded.plan)
        if hardware.flop_per_second(line.job.precision) is not None:
            yield advice_of(loaded, line)
