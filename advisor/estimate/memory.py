"""Peak bytes of the fullest GPU of a layout, by part.

Symbols as in `layouts`. Sources: ZeRO, arXiv:1910.02054, section 5; Korthikanti et al., arXiv:2205.05198, section 4;
Megatron-LM `theoretical_memory_usage.py`; what lives during a micro batch is in `activations`.
"""

from dataclasses import dataclass, fields

import numpy as np

from advisor.estimate.activations import (
    activation_bytes,
    communication_bytes,
    in_flight,
    logits_bytes,
    recomputed_layer_bytes,
)
from advisor.estimate.calibration import Calibration
from advisor.estimate.flop import body_scale, expert_parameters, layer_parameters
from advisor.estimate.layouts import FULL, Floats, Layouts
from advisor.estimate.work import Work

GIB = 2.0**30
# Quantising leaves no more than about a checkpoint's file of 5 GB in the allocator.
MOST_LEFT_GIB = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBytes:
    """Bytes by part of many layouts, on each one's fullest GPU."""

    weights: Floats
    gradients: Floats
    optimizer: Floats
    activations: Floats
    logits: Floats
    communication: Floats
    overhead: Floats

    def scaled(self, factor: float) -> "MemoryBytes":
        """Multiply every part."""
        return MemoryBytes(**{each.name: factor * getattr(self, each.name) for each in fields(self)})

    def total(self) -> Floats:
        """Add the parts."""
        parts: list[Floats] = [getattr(self, each.name) for each in fields(self)]
        return sum(parts[1:], start=parts[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class RankParameters:
    """Parameters on one GPU before ZeRO: outside the routed experts, in them, and those of adapters."""

    dense: Floats
    experts: Floats
    adapters: Floats


def memory_bytes(work: Work, layouts: Layouts, constants: Calibration) -> MemoryBytes:
    """Return the parts of the fuller of the first and the last pipeline stage."""
    first, last = (_stage_bytes(work, layouts, constants, stage) for stage in ("first", "last"))
    fuller = first.total() >= last.total()
    return MemoryBytes(
        **{each.name: np.where(fuller, getattr(first, each.name), getattr(last, each.name)) for each in fields(first)}
    )


def _stage_bytes(work: Work, layouts: Layouts, constants: Calibration, stage: str) -> MemoryBytes:
    """Take the greater of two moments: the backward of the last layer, and the optimizer's step.

    Backward: activations, then the greater of logits and one recomputed layer (all layers live without
    recomputation: then both), and gradients where they are persistent or already hold an earlier micro batch. Step:
    gradients and what the step allocates.
    """
    parameters = rank_parameters(work, layouts, stage)
    weights, gradients, optimizer = state_bytes(work, layouts, parameters)
    flying = in_flight(layouts) if stage == "first" else np.ones(len(layouts))
    activations = activation_bytes(work, layouts, constants, flying)
    logits = logits_bytes(work, layouts, constants) * ((stage == "last") | (layouts.pp == 1))
    inside = recomputed_layer_bytes(work, layouts, constants)
    communication = communication_bytes(work, layouts, constants)
    early = gradients * (work.states.persistent_gradients | (layouts.micro_batches > 1))
    extra = np.where(layouts.recompute == FULL, np.maximum(inside - logits, 0.0), inside)
    spread = constants.fragmentation if work.reading != "allocated" else 1.0
    loose = activations + extra + logits + communication
    stepping = gradients + state_bytes(work, layouts, parameters, step=True)[2]
    at_step = stepping > early + spread * loose
    return MemoryBytes(
        weights=weights,
        gradients=np.where(at_step, gradients, early),
        optimizer=optimizer + np.where(at_step, stepping - gradients, 0.0),
        activations=np.where(at_step, 0.0, activations + extra),
        logits=np.where(at_step, 0.0, logits),
        communication=np.where(at_step, 0.0, communication),
        overhead=_overhead_bytes(work, layouts, constants, parameters) + np.where(at_step, 0.0, (spread - 1) * loose),
    )


def _overhead_bytes(work: Work, layouts: Layouts, constants: Calibration, parameters: RankParameters) -> Floats:
    """Workspaces; on the device the process's context and NCCL's buffers; what loading the weights leaves behind."""
    kept = np.full(len(layouts), constants.workspace_gib * GIB)
    if work.reading == "device":
        kept = kept + (constants.context_gib + constants.communicator_gib * _communicators(layouts)) * GIB
    if work.method == "qlora" and work.quantised_on_device and work.reading != "allocated":
        left = constants.quantisation_bytes * (parameters.dense + parameters.experts)
        kept = kept + np.minimum(left, MOST_LEFT_GIB * GIB)
    if work.whole_weights_first:
        kept = kept + work.element_bytes * parameters.dense
    return kept


def rank_parameters(work: Work, layouts: Layouts, stage: str) -> RankParameters:
    """Shard by t and p, experts by e too; the first stage has the input table, the last one the head.

    A single stage has both, once where they are tied.
    """
    shape = work.shape
    scale = body_scale(shape)
    layers = layouts.stage_layers(shape.layers)
    experts = scale * expert_parameters(shape)
    dense = scale * layer_parameters(shape) - experts
    table = shape.vocab_size * shape.hidden_size
    embeddings = np.where(layouts.pp == 1, shape.embedding_parameters, table)
    return RankParameters(
        dense=(layers * dense + embeddings) / layouts.tp,
        experts=layers * experts / (layouts.tp * layouts.ep),
        adapters=work.adapter_parameters * layers / shape.layers / layouts.tp,
    )


def state_bytes(
    work: Work, layouts: Layouts, parameters: RankParameters, *, step: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return bytes of weights, gradients and optimizer; with `step`, what its step allocates in place of the last.

    ZeRO 1 divides the optimizer by the replicas, 2 the gradients too, 3 the weights too (ZeRO, section 5). Replicas
    are D c, of experts D c / e. Frozen weights have neither gradients nor optimizer.
    """
    states = work.states
    replicas = (layouts.dp * layouts.cp).astype(np.float64)
    of_experts = np.maximum(1.0, replicas / layouts.ep)

    def sharded(dense: Floats, experts: Floats, stage: int) -> Floats:
        shards = layouts.zero_stage >= stage
        return np.where(shards, dense / replicas + experts / of_experts, dense + experts)

    body = parameters.dense, parameters.experts
    if work.is_adapter:
        trained = parameters.adapters, np.zeros_like(parameters.adapters)
        frozen = _frozen_bytes(work, layouts, parameters)
        weights = sharded(*frozen, 3) + states.weight * sharded(*trained, 3)
    else:
        trained = body
        weights = states.weight * sharded(*body, 3)
    kept = states.step if step else states.optimizer
    return weights, states.gradient * sharded(*trained, 2), kept * sharded(*trained, 1)


def _frozen_bytes(work: Work, layouts: Layouts, parameters: RankParameters) -> tuple[Floats, Floats]:
    """Frozen matrices at their own width; the input table and the head stay at 16 bits under QLoRA."""
    states = work.states
    table = work.shape.vocab_size * work.shape.hidden_size
    tables = np.where(layouts.pp == 1, work.shape.embedding_parameters, table) / layouts.tp
    wide = states.frozen_tables if work.method == "qlora" else states.frozen
    return states.frozen * (parameters.dense - tables) + wide * tables, states.frozen * parameters.experts


def _communicators(layouts: Layouts) -> Floats:
    groups = [layouts.tp, layouts.pp, layouts.cp, layouts.ep, layouts.dp]
    counted: Floats = sum((each > 1).astype(np.float64) for each in groups) + np.zeros(len(layouts))
    return counted
