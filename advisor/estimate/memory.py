"""Peak bytes of the fullest GPU of a layout, by part.

Symbols as in `layouts`; T = b s / c tokens of a rank's micro batch. Sources: Korthikanti et al., arXiv:2205.05198,
table 2 and section 4; ZeRO, arXiv:1910.02054, section 5; Megatron-LM `theoretical_memory_usage.py`.
"""

from dataclasses import dataclass, fields

import numpy as np

from advisor.estimate.calibration import Calibration
from advisor.estimate.flop import body_scale, expert_parameters, layer_parameters
from advisor.estimate.layouts import FULL, NONE, SELECTIVE, Bools, Floats, Layouts
from advisor.estimate.work import Work

GIB = 2.0**30


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
    parameters = rank_parameters(work, layouts, stage)
    weights, gradients, optimizer = state_bytes(work, layouts, parameters)
    flying = in_flight(layouts) if stage == "first" else np.ones(len(layouts))
    activations = activation_bytes(work, layouts, constants, flying)
    logits = logits_bytes(work, layouts, constants) * (stage == "last")
    communication = communication_bytes(work, layouts, constants)
    kept = constants.context_gib * GIB + constants.communicator_gib * GIB * _communicators(layouts)
    loose = activations + logits + communication + gradients * (layouts.zero_stage >= 2)
    return MemoryBytes(
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        activations=activations,
        logits=logits,
        communication=communication,
        overhead=kept + (constants.fragmentation - 1) * loose,
    )


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
    single = shape.embedding_parameters if stage == "first" or shape.tied_embeddings else 2 * table
    embeddings = np.where(layouts.pp == 1, single, table)
    return RankParameters(
        dense=(layers * dense + embeddings) / layouts.tp,
        experts=layers * experts / (layouts.tp * layouts.ep),
        adapters=work.adapter_parameters * layers / shape.layers / layouts.tp,
    )


def state_bytes(work: Work, layouts: Layouts, parameters: RankParameters) -> tuple[Floats, Floats, Floats]:
    """Return bytes of weights, gradients and optimizer.

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
    return weights, states.gradient * sharded(*trained, 2), states.optimizer * sharded(*trained, 1)


def _frozen_bytes(work: Work, layouts: Layouts, parameters: RankParameters) -> tuple[Floats, Floats]:
    """Frozen matrices at their own width; the input table and the head stay at 16 bits under QLoRA."""
    table = work.shape.vocab_size * work.shape.hidden_size
    tables = np.where(layouts.pp == 1, work.shape.embedding_parameters, table) / layouts.tp
    return (
        work.states.frozen * (parameters.dense - tables) + work.states.weight * tables,
        work.states.frozen * parameters.experts,
    )


def layer_activation_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Bytes that one layer keeps for one micro batch without full recomputation.

    16-bit tensors a token: 4 hidden-wide (both norms' inputs and outputs), queries and attention's output, keys and
    values, the MLP's inner ones (gate, up, product; or before and after the activation): 34 h with dropout masks in a
    plain layer (Korthikanti, table 2). Kept scores add 5 a s. Selective recomputation drops scores, norm outputs and
    the activation's product. Sequence parallelism divides everything by t, else the 4 hidden-wide stay whole.
    """
    shape, width = work.shape, float(work.element_bytes)
    query, keys = shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if shape.latent is not None:
        keys = query
    routed, dense_share = _routed_width(work)
    ffn = dense_share * shape.ffn_size + routed
    selective = layouts.recompute >= SELECTIVE
    hidden = shape.hidden_size * (4 - 2.0 * selective)
    masks = shape.hidden_size * 2.0 if work.stack == "unfused" else 0.0
    inner = ffn * ((3 if shape.gated_mlp else 2) - 1.0 * selective)
    scores = 5.0 * shape.attention_heads * work.sequence_length * (~selective) if work.scores_are_kept else 0.0
    whole = np.where(work.sequence_parallel, layouts.tp, 1)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    share = constants.adapter_activation_share if work.is_adapter else constants.activation_share
    per_token = (hidden * width + masks) / whole + (width * (2 * query + 2 * keys + inner) + scores) / layouts.tp
    kept: Floats = share * tokens * per_token
    return kept


def _routed_width(work: Work) -> tuple[float, float]:
    """Inner width of experts that a token passes through, of an average layer, and the share of dense layers."""
    experts = work.shape.experts
    if experts is None:
        return 0.0, 1.0
    share = experts.moe_layers / work.shape.layers
    # Dispatch and combine each keep a copy of the token per expert (training_formulas.md, section 2).
    copies = 2 * experts.top_k * work.shape.hidden_size / (3 if work.shape.gated_mlp else 2)
    return share * ((experts.top_k + experts.shared) * experts.ffn_size + copies), 1 - share


def activation_bytes(work: Work, layouts: Layouts, constants: Calibration, micro_batches: Floats) -> Floats:
    """Bytes of all layers of a stage over its micro batches in flight.

    Full recomputation keeps each layer's input, 2 h a token, and one layer whole.
    """
    layer = layer_activation_bytes(work, layouts, constants)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    split = np.where(work.sequence_parallel, layouts.tp, 1)
    checkpoint = work.element_bytes * work.shape.hidden_size * tokens / split
    flying = layouts.stage_layers(work.shape.layers) * micro_batches
    full = layouts.recompute == FULL
    whole_layer = layer_activation_bytes(work, _without_recompute(layouts, full), constants)
    kept: Floats = np.where(full, np.minimum(flying * checkpoint + whole_layer, flying * whole_layer), flying * layer)
    return kept


def _without_recompute(layouts: Layouts, full: Bools) -> Layouts:
    """Inside a recomputed layer all of its tensors live."""
    values = {each.name: getattr(layouts, each.name) for each in fields(layouts)}
    return Layouts(**{**values, "recompute": np.where(full, NONE, layouts.recompute)})


def in_flight(layouts: Layouts) -> Floats:
    """Micro batches that the first stage holds: min(m, p), x (1 + (p - 1) / (p v)) interleaved (Korthikanti, 4.2.3)."""
    p, v = layouts.pp, layouts.virtual
    interleaved = np.where(v > 1, 1 + (p - 1) / (p * v), 1.0)
    flying: Floats = np.minimum(layouts.micro_batches, p) * interleaved
    return flying


def logits_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Bytes of logits and their gradient, split over t: so many a token and vocabulary entry."""
    each = constants.by_stack("logits_bytes", work.stack)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    entries: Floats = each * tokens * work.shape.vocab_size / layouts.tp
    return entries


def communication_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Buffers: whole 16-bit layers that ZeRO 3 gathers, and the tensors that t, c and e exchange."""
    width, shape = work.element_bytes, work.shape
    block = body_scale(shape) * (layer_parameters(shape) - expert_parameters(shape) * (1 - 1 / layouts.ep))
    largest = np.maximum(block * constants.gathered_blocks, float(shape.vocab_size * shape.hidden_size))
    gathered = np.where(layouts.zero_stage == 3, width * largest / layouts.tp, 0.0)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    hidden = width * shape.hidden_size * tokens
    exchanged = hidden * ((layouts.tp > 1) + 0.0) + hidden * (layouts.pp > 1) / layouts.tp
    keys = 2 * width * shape.kv_heads * shape.head_dim * tokens / layouts.tp
    buffers: Floats = gathered + exchanged + 2 * keys * (layouts.cp > 1)
    return buffers


def _communicators(layouts: Layouts) -> Floats:
    groups = [layouts.tp, layouts.pp, layouts.cp, layouts.ep, layouts.dp]
    counted: Floats = sum((each > 1).astype(np.float64) for each in groups) + np.zeros(len(layouts))
    return counted
