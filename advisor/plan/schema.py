"""The plan document as the contract gives it: what to train, by when, on what, at which limits.

Pure shape and ranges; what one part says of another (names, times, cycles) is checked in `plan.references`.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainSerializer, Tag, WithJsonSchema

from advisor.plan.fields import (
    Count,
    Margin,
    Moment,
    Month,
    Name,
    NodesOrNone,
    NotNegative,
    Percent,
    Positive,
    Pue,
    Share,
    Text,
    Utilization,
    Version,
    Whole,
    plain_number,
    positive,
)
from pricing.offer import Market


class Part(BaseModel):
    """A mapping of the document: unknown fields are errors, nothing is coerced, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _market(value: Any) -> Market:
    try:
        return Market(value)
    except ValueError:
        raise ValueError(f"unknown market {str(value)[:40]!r}; one of {', '.join(Market)}") from None


MarketName = Annotated[Market, BeforeValidator(_market)]


class SpotPrices(Part):
    """Which figure of the spot history to plan with."""

    basis: Literal["last", "mean", "quantile"] = "mean"
    days: Positive = Decimal(30)
    quantile: Share = Field(default=Decimal("0.5"), description="used with basis quantile only")


class Prices(Part):
    """How prices are read from the price book."""

    spot: SpotPrices = SpotPrices()


class Attention(Part):
    """Attention of an inline model; the latent ranks and dimensions belong to `mla`."""

    type: Literal["gqa", "mla"] = "gqa"
    head_dim: Count | None = None
    q_lora_rank: Count | None = None
    kv_lora_rank: Count | None = None
    qk_nope_head_dim: Count | None = None
    qk_rope_head_dim: Count | None = None
    v_head_dim: Count | None = None


class Experts(Part):
    """Routed experts of an inline mixture-of-experts model."""

    count: Count
    top_k: Count
    ffn_size: Count
    shared: NodesOrNone = 0
    moe_layers: Count | None = Field(default=None, description="default: every layer")


class InlineModel(Part):
    """A model by its shape, or by its parameter count alone."""

    parameters: Count | None = None
    layers: Count | None = None
    hidden_size: Count | None = None
    attention_heads: Count | None = None
    kv_heads: Count | None = None
    ffn_size: Count | None = None
    vocab_size: Count | None = None
    gated_mlp: bool = True
    tied_embeddings: bool = False
    experts: Experts | None = None
    attention: Attention = Attention()


def _model_kind(value: Any) -> str:
    return "named" if isinstance(value, str) else "inline"


ModelChoice = Annotated[
    Annotated[Text, Tag("named")] | Annotated[InlineModel, Tag("inline")], Discriminator(_model_kind)
]


class Exclusions(Part):
    """Places that a job must not use."""

    regions: list[Name] = []
    machines: list[Name] = []


class Placement(Part):
    """Where a job may run: the first three restrict offers and commitments, `clusters` owned nodes."""

    providers: list[Name] | None = None
    regions: list[Name] | None = None
    machines: list[Name] | None = None
    clusters: list[Name] | None = None
    exclude: Exclusions = Exclusions()


class Dataset(Part):
    """Training data and where it lies: provider/region, or the name of a cluster."""

    gib: Positive
    location: Name


def _interval(value: Any) -> Any:
    return value if value == "auto" else positive(value)


def _interval_json(value: Any) -> Any:
    return value if value == "auto" else plain_number(value)


class Checkpoint(Part):
    """Size and timing of the job's checkpoints."""

    gib: Positive | None = None
    restore_minutes: NotNegative | None = None
    interval_minutes: Annotated[
        Any,
        BeforeValidator(_interval),
        PlainSerializer(_interval_json),
        WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "exclusiveMinimum": 0}]}),
    ] = "auto"


class Measured(Part):
    """A speed that the user has seen: whole job, on a rented machine or the named cluster."""

    machine: Name
    nodes: Count
    tokens_per_second: Positive
    source: Text | None = Field(default=None, description="where the figure comes from; shown beside it")


Method = Literal["pretrain", "full_finetune", "lora", "qlora"]
Precision = Literal["fp32", "fp16", "bf16", "fp8"]
SoftwareStack = Literal["current", "fused", "plain", "unfused"]
Optimizer = Literal["adamw", "adamw_8bit", "adafactor", "sgd"]


class Job(Part):
    """One part of the plan: a model trained on so many tokens, by when, where it may run."""

    name: Name
    model: ModelChoice
    method: Method
    tokens: Count
    sequence_length: Count = 4096
    global_batch_size: Count | None = Field(default=None, description="sequences per optimizer step")
    precision: Precision = "bf16"
    optimizer: Optimizer = "adamw"
    software_stack: SoftwareStack = Field(
        default="current",
        description="what trains: current, fused (kernels of 2023 and 2024), plain (PyTorch alone), unfused (to 2022)",
    )
    data_parallel: Literal["sharded", "plain"] = Field(
        default="sharded", description="plain: every GPU keeps whole states (DDP), so only layouts of ZeRO 0 compete"
    )
    gradient_compression: Literal["none", "8bit", "4bit"] = Field(
        default="none", description="width at which replicas exchange gradients; estimates alone read it"
    )
    deadline: Moment | None = None
    earliest_start: Moment | None = None
    after: list[Name] = []
    priority: Whole = 0
    markets: list[MarketName] = Field(default=[Market.ON_DEMAND, Market.SPOT])
    placement: Placement = Placement()
    max_nodes: Count = 64
    max_segments: Count = 4
    startup_minutes: NotNegative | None = None
    budget_usd: NotNegative | None = None
    cost_center: Text | None = None
    dataset: Dataset | None = None
    checkpoint: Checkpoint | None = None
    measured: list[Measured] = []
    only_measured: bool = False


class RentedMachine(Part):
    """A rented machine that no table knows; its prices come from price rows."""

    name: Name
    provider: Name
    gpu: Name
    gpus_per_node: Count
    network_gbit_per_second: Positive


class Window(Part):
    """So many nodes of a cluster from one moment to another."""

    from_: Moment = Field(alias="from")
    to: Moment
    nodes: NodesOrNone


class ClusterCost(Part):
    """What an owned node costs; `basis` says whether its capital counts."""

    capex_usd_per_node: NotNegative | None = None
    amortization_years: Positive | None = None
    residual_fraction: Share = Decimal("0")
    utilization: Utilization = Decimal("1")
    node_power_kw: NotNegative
    idle_power_kw: NotNegative | None = None
    pue: Pue
    usd_per_kwh: NotNegative
    staff_usd_per_node_month: NotNegative = Decimal("0")
    other_usd_per_node_month: NotNegative = Decimal("0")
    basis: Literal["full", "marginal"] = "full"


class Cluster(Part):
    """Nodes that the company owns."""

    name: Name
    gpu: Name
    gpus_per_node: Count
    nodes: Count
    network_gbit_per_second: Positive
    location: Name | None = None
    available: list[Window] | None = None
    cost: ClusterCost


class Limit(Part):
    """At most so many nodes at one moment over everything the entry matches."""

    provider: Name | None = None
    region: Name | None = None
    machine: Name | None = None
    market: MarketName | None = None
    max_nodes: Count


class BudgetCap(Part):
    """At most so much money for the jobs of a cost centre (default: all), in a month (default: the whole plan).

    In a month only what running costs in it counts; data and checkpoints count in budgets of the whole plan.
    """

    usd: NotNegative
    cost_center: Text | None = None
    month: Month | None = None


class Discount(Part):
    """Percent off the list price of what the entry matches."""

    provider: Name | None = None
    region: Name | None = None
    machine: Name | None = None
    market: MarketName | None = None
    percent: Percent


class Commitment(Part):
    """Capacity already held: no hourly charge inside its window."""

    name: Name
    provider: Name
    region: Name
    machine: Name
    nodes: Count
    start: Moment
    end: Moment
    kind: Literal["reservation", "block"] = "reservation"
    upfront_usd: NotNegative = Decimal("0")
    sunk: bool = True


class CalibratedFactor(Part):
    """Measured over estimated on the site's own runs of one GPU and stack: a row that `advisor validate` writes."""

    quantity: Literal["tput", "mem", "gpuh"]
    gpu: Name
    stack: SoftwareStack
    runs: Count
    factor: Positive
    low: Positive
    high: Positive


def _calibration_kind(value: Any) -> str:
    return "file" if isinstance(value, str) else "factors"


CalibrationChoice = Annotated[
    Annotated[Text, Tag("file")] | Annotated[list[CalibratedFactor], Tag("factors")], Discriminator(_calibration_kind)
]


class TrainingPlan(Part):
    """The whole plan document, version 1."""

    version: Version
    name: Name
    start: Moment | None = None
    horizon_days: Positive | None = None
    end_grid_minutes: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60] = 60
    budget_usd: NotNegative | None = None
    max_miss_probability: Share = Decimal("0.05")
    speed_margin: Margin | None = None
    calibration: CalibrationChoice | None = Field(
        default=None,
        description="the site's own factors: a CSV beside the plan that advisor validate wrote, or its rows",
    )
    prices: Prices = Prices()
    jobs: list[Job] = Field(min_length=1)
    machines: list[RentedMachine] = []
    clusters: list[Cluster] = []
    limits: list[Limit] = []
    discounts: list[Discount] = []
    commitments: list[Commitment] = []
    budgets: list[BudgetCap] = []
