"""The recommendation document, version 1: what the product answers, with the origin of every number.

Field names and shapes are the contract's. Money is a decimal text with its currency; unknown is null.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from pricing.moments import moment_text
from pricing.money import cents_text, micro_usd_text

Moment = Annotated[
    datetime,
    PlainSerializer(moment_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Part(BaseModel):
    """A frozen part of the document; unknown fields are errors when one is read back."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Money(Part):
    """An amount as decimal text."""

    amount: str = Field(pattern=r"^-?\d+\.\d{2,}$")
    currency: Literal["USD"] = "USD"

    @classmethod
    def of_cents(cls, cents: int) -> "Money":
        """Make an amount of whole cents."""
        return cls(amount=cents_text(cents))

    @classmethod
    def of_micro_usd(cls, micro_usd: int) -> "Money":
        """Make a unit price of whole micro-USD."""
        return cls(amount=micro_usd_text(micro_usd))


class PlanReference(Part):
    """Which plan was answered: its name, and the SHA-256 of its validated canonical JSON (RFC 8785)."""

    name: str
    sha256: str


class Layout(Part):
    """How a job is split over GPUs."""

    tp: int
    pp: int
    cp: int
    ep: int
    dp: int
    zero_stage: int
    micro_batch: int
    recompute: Literal["none", "selective", "full"]


class Segment(Part):
    """A job on one pool with a fixed node count for a time."""

    job: str
    kind: Literal["local", "cloud"]
    cluster: str | None
    provider: str | None
    region: str | None
    zone: str | None
    machine: str | None
    market: str | None
    commitment: str | None
    nodes: int
    gpus: int = Field(description="nodes x GPUs per node")
    layout: Layout | None
    start: Moment
    end: Moment
    tokens: int = Field(description="tokens done in the segment")
    tokens_per_second: int = Field(description="speed of the whole job")
    speed_basis: Literal["measured", "estimated"]
    speed_source: str
    tokens_per_second_low: int | None = Field(
        default=None, description="low end of the estimate's 80 % interval, whole job, after spot; null: measured"
    )
    tokens_per_second_high: int | None = Field(default=None, description="high end of that interval")


class JobResult(Part):
    """One job's times, cost and risk."""

    job: str
    cost_center: str | None
    start: Moment
    finish: Moment
    deadline: Moment | None
    slack_hours: float | None
    cost: Money
    usd_per_million_tokens: str
    miss_probability: float | None
    expected_interruptions: float | None
    finish_early: Moment | None = Field(
        default=None, description="finish at the high end of the estimates' 80 % interval; null: all is measured"
    )
    finish_late: Moment | None = Field(
        default=None, description="finish at the low end, the last nodes held until the work is done"
    )
    cost_low: Money | None = Field(default=None, description="cost of the job that is done at finish_early")
    cost_high: Money | None = Field(default=None, description="cost of the job that is done at finish_late")


class Line(Part):
    """A row of cost: quantity x unit price, rounded half-even to cents; the total is a sum of lines."""

    job: str | None
    category: Literal["compute", "capital", "power", "staff", "other", "storage", "egress", "interruption", "upfront"]
    description: str
    quantity: str
    unit: str
    unit_price: Money
    cost: Money
    basis: str
    source: str
    observed_at: Moment | None
    confirmed_at: Moment | None = Field(default=None, description="when a price was last seen unchanged, by as_of")
    bundled: bool = Field(default=False, description="whether it is a reference price that came with the product")
    segment: int | None = Field(default=None, description="index into segments of what the line is for")

    @property
    def known_at(self) -> datetime | None:
        """When the price was last known to hold: its age counts from here."""
        moments = [at for at in (self.observed_at, self.confirmed_at) if at is not None]
        return max(moments, default=None)


class PricePoint(Part):
    """A price from this moment on."""

    at: Moment
    usd_per_hour: Money


class PriceHistory(Part):
    """How the price of a pool that the plan uses moved before `as_of`: a step at each point, the newest last."""

    provider: str
    region: str
    zone: str | None
    machine: str
    market: str
    points: list[PricePoint]


class Savings(Part):
    """Against the cheapest plan in which every job runs on on-demand offers alone."""

    against: Literal["all on-demand"] = "all on-demand"
    total: Money
    saved: Money
    finish: Moment
    status: Literal["optimal", "feasible"]
    gap: float


class Idle(Part):
    """Unused part of a cluster's available nodes over the plan's span; cost null where idle power is unknown."""

    cluster: str
    node_hours: str
    cost: Money | None
    reason: str | None = None


# How the reason of an exclusion begins where fresher prices would lift it.
TOO_OLD = "price too old"


class Excluded(Part):
    """What was not considered, and why."""

    what: str
    reason: str


class Alternative(Part):
    """The best plan under another restriction; total and finish are null where it cannot be done."""

    description: str
    total: Money | None
    finish: Moment | None
    status: Literal["optimal", "feasible", "infeasible", "undecided"]
    gap: float | None
    reason: str | None = None


class AsPlanned(Part):
    """The plan's own nodes, held until the work is done: what that adds, and the first deadline it breaks."""

    added: Money
    first_deadline_missed: str | None
    late_hours: float | None


class Replanned(Part):
    """The plan made again for the case; total and added are null where there is none."""

    status: Literal["optimal", "feasible", "infeasible", "undecided"]
    total: Money | None
    added: Money | None
    gap: float | None


class Sensitivity(Part):
    """What becomes of the answer in a less kind case."""

    case: str
    as_planned: AsPlanned
    replanned: Replanned


class Conflict(Part):
    """A requirement of the plan that, with the others named, cannot hold."""

    path: str
    says: str


class Repair(Part):
    """A change that makes the plan possible, priced by solving again."""

    path: str
    change: str
    total: Money


class Relaxed(Part):
    """A plan solved with less of a requirement: its total, and what that saves."""

    change: str
    total: Money
    saves: Money
    status: Literal["optimal", "feasible"]


class Relief(Part):
    """What a requirement costs: the plan without it, and with one unit or one choice of relief."""

    path: str
    says: str
    without: Relaxed
    steps: list[Relaxed]


class Infeasibility(Part):
    """Why there is no plan."""

    conflict: list[Conflict]
    repairs: list[Repair]


class Recommendation(Part):
    """The whole answer, stored unchanged for ever under its id."""

    version: Literal[1] = 1
    id: str = Field(pattern=r"^rec_[0-9A-Za-z]+$")
    status: Literal["optimal", "feasible", "infeasible", "undecided"]
    stopped_by: Literal["proof", "work_limit", "wall_time"]
    plan: PlanReference
    created_at: Moment
    as_of: Moment
    software: str
    seed: int
    start: Moment = Field(description="the plan's start: hours count from here")
    horizon: Moment = Field(description="the end of the plan's time")
    total: Money | None
    lower_bound: Money | None
    gap: float | None
    segments: list[Segment]
    jobs: list[JobResult]
    lines: list[Line]
    savings: Savings | None
    idle: list[Idle]
    assumptions: list[str]
    warnings: list[str]
    excluded: list[Excluded]
    alternatives: list[Alternative]
    sensitivity: list[Sensitivity] = Field(description="less kind cases; empty where none can change the answer")
    infeasibility: Infeasibility | None
    price_history: list[PriceHistory] = Field(default=[], description="past prices of the pools in use, as then stored")

    def document(self) -> dict[str, Any]:
        """Return the document as plain JSON values."""
        return self.model_dump(mode="json")
