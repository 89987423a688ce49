"""What a job loses when it starts, restarts and is interrupted: derived from its model and its nodes, each figure said.

The constants are priors with their origin; a stated `startup_minutes`, `checkpoint.gib`, `restore_minutes` or
`interval_minutes` replaces what is derived.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, exp, sqrt

from advisor.estimate.work import adapter_parameters, state_bytes
from advisor.places import Place
from advisor.plan.schema import Job
from advisor.plan.shapes import ModelShape

GIB = 2**30
# From the order to a running trainer on rented nodes: the machine boots (4 min), the container image is pulled (3 min),
# communicators form and are checked (1 min). "Can't Be Late" (Wu et al., NSDI'24) plans 12 min with the checkpoint.
RENTED_START_SECONDS = 480
# On owned nodes that run already: scheduling, a cached image, communicators.
OWNED_START_SECONDS = 180
# What a node reads and writes of a sharded checkpoint, GiB/s: a fifth of a 40 Gbit/s host interface. BLOOM-176B wrote
# 2.3 TB in 40 s from 48 nodes to a parallel file system, 1.1 GiB/s a node.
CHECKPOINT_GIB_PER_SECOND = 1.0
# The least stall of a write, whatever its size.
LEAST_WRITE_SECONDS = 10.0
# Mean time between interruptions of one spot node, and how a gang's rate grows with its nodes: up-spells of 9.7 h for
# one node, rates of gangs ~ nodes ^ 0.2 (median of six traces of K80 and V100, 2022/23). A stated rate goes first.
SPOT_UP_HOURS = 9.7
GANG_EXPONENT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotLoss:
    """Kept share of paid spot time, with what it rests on."""

    kept: Fraction
    up_hours: float
    interval_minutes: float
    write_seconds: float
    restart_seconds: float


def checkpoint_gib(job: Job, shape: ModelShape) -> float:
    """Size of one checkpoint: what is trained with its optimizer, 14 bytes a parameter under AdamW in bf16.

    Weights, fp32 master copy and moments are kept, gradients are not (BLOOM-176B: 2.3 TB); of LoRA and QLoRA the
    adapters alone.
    """
    if job.checkpoint is not None and job.checkpoint.gib is not None:
        return float(job.checkpoint.gib)
    states = state_bytes(job)
    trained = adapter_parameters(shape) if _is_adapter(job) else shape.parameters
    return trained * (states.weight + states.optimizer) / GIB


def load_gib(job: Job, shape: ModelShape) -> float:
    """What a start reads: the checkpoint, and the frozen weights in 16 bits where only adapters are trained."""
    frozen = 2.0 * shape.parameters / GIB if _is_adapter(job) else 0.0
    return checkpoint_gib(job, shape) + frozen


def _is_adapter(job: Job) -> bool:
    return job.method in {"lora", "qlora"}


def load_seconds(job: Job, shape: ModelShape, nodes: int) -> float:
    """Seconds to bring weights and checkpoint into memory, every node reading its part; stated restore goes first."""
    if job.checkpoint is not None and job.checkpoint.restore_minutes is not None:
        return float(job.checkpoint.restore_minutes) * 60
    return load_gib(job, shape) / (CHECKPOINT_GIB_PER_SECOND * nodes)


def start_seconds(job: Job, shape: ModelShape, nodes: int, *, owned: bool) -> int:
    """Return the paid time without progress at the head of every segment, in whole seconds, rounded up."""
    if job.startup_minutes is not None:
        return ceil(job.startup_minutes * 60)
    if job.only_measured:
        return 0
    fixed = OWNED_START_SECONDS if owned else RENTED_START_SECONDS
    return ceil(fixed + load_seconds(job, shape, nodes))


def spot_loss(job: Job, shape: ModelShape, place: Place, nodes: int) -> SpotLoss:
    """Share of paid spot time that makes progress: exp(-r/M) (t/M) / (exp((t + w)/M) - 1).

    M mean up-spell of the gang, w seconds of a write, r of a restart, t the interval: stated, or Young's sqrt(2 w M).
    """
    rate = place.interruption_rate_per_hour
    alone = SPOT_UP_HOURS if not rate else 1 / rate
    up = alone * 3600 / nodes**GANG_EXPONENT
    write = max(LEAST_WRITE_SECONDS, checkpoint_gib(job, shape) / (CHECKPOINT_GIB_PER_SECOND * nodes))
    restart = float(start_seconds(job, shape, nodes, owned=False))
    stated = job.checkpoint.interval_minutes if job.checkpoint is not None else "auto"
    interval = sqrt(2 * write * up) if stated == "auto" else float(stated) * 60
    kept = exp(-restart / up) * (interval / up) / (exp(min(700.0, (interval + write) / up)) - 1)
    # To the millionth: the share enters whole tokens per second, and sixteen digits would promise too much.
    return SpotLoss(
        kept=Fraction(round(kept * 1_000_000), 1_000_000),
        up_hours=up / 3600,
        interval_minutes=interval / 60,
        write_seconds=write,
        restart_seconds=restart,
    )
