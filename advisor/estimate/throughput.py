"""Tokens per second of layouts: FLOP at the efficiency of their sizes, bytes of memory, exchange, pipeline bubble.

The order of effects is that of training_formulas.md, section 8. Symbols as in `layouts`; a step is m micro batches.
"""

from dataclasses import dataclass

import numpy as np

from advisor.estimate.calibration import Calibration, matrix_efficiency
from advisor.estimate.collectives import Fabric, fabric_of
from advisor.estimate.flop import attention_width, forward_flop, model_flop_per_token
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import FULL, SELECTIVE, Floats, Layouts
from advisor.estimate.memory import rank_parameters, state_bytes
from advisor.estimate.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a device reaches on large operations, per second."""

    matrix: float
    linear: float
    attention: float
    memory: float


def tokens_per_second(work: Work, layouts: Layouts, hardware: Hardware, constants: Calibration) -> Floats:
    """Tokens of a step over its seconds, of the whole job."""
    tokens = layouts.batch_sequences() * work.sequence_length
    speed: Floats = tokens / step_seconds(work, layouts, hardware, constants)
    return speed


def model_flop_utilization(work: Work, layouts: Layouts, hardware: Hardware, speed: Floats) -> Floats:
    """Model FLOP per second over the dense peak of the job's precision."""
    peak = hardware.flop_per_second(work.precision)
    if peak is None:
        raise ValueError(f"{hardware.gpu.id} has no {work.precision}")
    share: Floats = speed * model_flop_per_token(work) / (layouts.nodes * hardware.gpus_per_node * peak)
    return share


def rates_of(work: Work, hardware: Hardware, constants: Calibration) -> Rates:
    """Efficiencies times peaks: linear layers in the job's precision, all else in 16 bits (fp32 in fp32)."""
    wide = "bf16" if work.precision == "fp8" else work.precision
    peak, own = hardware.flop_per_second(wide), hardware.flop_per_second(work.precision)
    if peak is None or own is None:
        raise ValueError(f"{hardware.gpu.id} has no {work.precision}")
    efficiency = matrix_efficiency(constants, hardware.gpu.id) * constants.by_stack("matrix_share", work.stack)
    narrow = constants.matrix_efficiency_fp8 if work.precision == "fp8" else 1.0
    return Rates(
        matrix=efficiency * peak,
        linear=efficiency * narrow * own,
        attention=constants.by_stack("attention_efficiency", "fused" if work.stack in {"fused", "current"} else "plain")
        * peak,
        memory=constants.memory_efficiency * hardware.memory_byte_per_second,
    )


def step_seconds(work: Work, layouts: Layouts, hardware: Hardware, constants: Calibration) -> Floats:
    """Seconds of a step: (m + (p - 1) / v) of the slowest stage, what data parallelism exposes, the optimizer.

    Bubble: Narayanan et al., arXiv:2104.04473, section 2.2.
    """
    rates, fabric = rates_of(work, hardware, constants), fabric_of(hardware, constants)
    layer = layer_seconds(work, layouts, rates, fabric, constants)
    head = head_seconds(work, layouts, rates)
    layers = layouts.stage_layers(work.shape.layers)
    # The head shares the last stage with its layers; a balanced split hides the part that is less than a layer.
    balanced = (work.shape.layers * layer + head) / layouts.pp
    stage = np.maximum(balanced, layers * layer) + _between_stages(work, layouts, fabric)
    stage = stage + _weights_each_micro_batch(work, layouts, stage, fabric, constants)
    filled = layouts.micro_batches + (layouts.pp - 1) / layouts.virtual
    step: Floats = filled * stage + _data_seconds(work, layouts, stage, fabric, constants)
    return step + _optimizer_seconds(work, layouts, rates)


def layer_seconds(work: Work, layouts: Layouts, rates: Rates, fabric: Fabric, constants: Calibration) -> Floats:
    """Seconds of an average layer for one micro batch, forward, backward and recomputation.

    max(products + scores + memory-bound parts, launch floor) + exposed exchange.
    """
    passes = _passes(work, layouts)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    forward, shape = forward_flop(work), work.shape
    width = np.minimum(shape.hidden_size, min(shape.ffn_size, 2 * shape.hidden_size) / layouts.tp)
    size = tokens / (tokens + constants.half_tokens) * width / (width + constants.half_width)
    linear = forward.linear * tokens / layouts.tp / (rates.linear * size)
    compute = passes * linear + _expert_seconds(work, layouts, rates, constants, tokens, passes)
    compute = compute + _score_seconds(work, layouts, rates, constants, tokens)
    compute = compute + _elementwise_seconds(work, layouts, rates, constants, tokens)
    if work.method == "qlora":
        frozen = (work.shape.parameters - shape.embedding_parameters) / shape.layers
        compute = compute + (passes * constants.dequantisation_passes * 2 * frozen / rates.memory)
    floor = constants.by_stack("layer_floor_seconds", work.stack)
    busy: Floats = np.maximum(compute, floor * (1 + 0.5 * (layouts.recompute == FULL)))
    return busy + _exchange_seconds(work, layouts, fabric, constants, tokens)


def _passes(work: Work, layouts: Layouts) -> Floats:
    """Forward-equivalents of linear layers: 3 (2 under frozen weights), one more with full recomputation."""
    base = 2.0 if work.is_adapter else 3.0
    passes: Floats = base + 1.0 * (layouts.recompute == FULL)
    return passes


def _expert_seconds(
    work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats, passes: Floats
) -> Floats:
    """Routed experts: their products see tokens k / count of the batch each, at the efficiency of grouped products."""
    experts = work.shape.experts
    if experts is None:
        return np.zeros(len(layouts))
    each = tokens * layouts.ep * experts.top_k / experts.count
    size = each / (each + constants.half_tokens) * experts.ffn_size / (experts.ffn_size + constants.half_width)
    flop = forward_flop(work).experts * tokens / layouts.tp
    seconds: Floats = passes * flop / (rates.linear * size * constants.expert_efficiency)
    return seconds


def _score_seconds(work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats) -> Floats:
    """Scores and values: fused kernels 3.5 forwards (the backward recomputes), unfused ones pass over the matrix."""
    forward = forward_flop(work).scores * tokens / layouts.tp
    if not work.scores_are_kept:
        fused: Floats = (3.5 + 1.0 * (layouts.recompute == FULL)) * forward / rates.attention
        return fused
    again = 1.0 * (layouts.recompute >= SELECTIVE)
    matrix = 2 * work.shape.attention_heads * work.sequence_length * tokens / layouts.tp
    seconds: Floats = (3 + again) * (forward / rates.matrix + constants.score_passes * matrix / rates.memory)
    return seconds


def _elementwise_seconds(work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats) -> Floats:
    """Norms, residuals, rotary and activations: so many passes over a hidden-wide tensor, forward, 3 in training."""
    passes = constants.by_stack("elementwise_passes", work.stack)
    shape, split = work.shape, np.where(work.sequence_parallel, layouts.tp, 1)
    wide = 0.5 * shape.hidden_size / split + 0.5 * attention_width(shape)[0] / 2 / layouts.tp
    rounds = 3.0 + 1.0 * (layouts.recompute == FULL) + 0.5 * (layouts.recompute == SELECTIVE)
    seconds: Floats = rounds * passes * work.element_bytes * wide * tokens / rates.memory
    return seconds


def _exchange_seconds(work: Work, layouts: Layouts, fabric: Fabric, constants: Calibration, tokens: Floats) -> Floats:
    """What tensor, context and expert parallelism expose in a layer.

    t: 4 gathers and 4 scatters of 2 T h bytes, half as many again with full recomputation (Megatron-LM; with and
    without sequence parallelism alike). c: keys and values once forward, twice backward. e: dispatch and combine,
    forward and backward, k copies of a token.
    """
    shape, width = work.shape, work.element_bytes
    again = 1 + 0.5 * (layouts.recompute == FULL)
    hidden = width * shape.hidden_size * tokens
    tensor = 8 * again * fabric.gather_seconds(hidden, layouts.tp, np.ones_like(layouts.tp))
    keys = 2 * width * shape.kv_heads * shape.head_dim * tokens / np.minimum(layouts.tp, shape.kv_heads)
    context = 3 * fabric.gather_seconds(keys * layouts.cp, layouts.cp, layouts.tp)
    exposed = constants.tensor_exposed * tensor + constants.context_exposed * context
    if shape.experts is not None:
        copies = shape.experts.top_k * hidden / layouts.tp * shape.moe_layers / shape.layers
        exposed = exposed + constants.expert_exposed * 4 * again * fabric.exchange_seconds(
            copies, layouts.ep, layouts.tp
        )
    seconds: Floats = exposed
    return seconds


def head_seconds(work: Work, layouts: Layouts, rates: Rates) -> Floats:
    """Output head and loss of a micro batch: 3 (2) x 2 T h V / t at 16 bits, and 6 passes over fp32 logits."""
    shape = work.shape
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    products = (2 if work.is_adapter else 3) * forward_flop(work).head * tokens / layouts.tp / rates.matrix
    loss: Floats = products + 6 * 4 * tokens * shape.vocab_size / layouts.tp / rates.memory
    return loss


def _between_stages(work: Work, layouts: Layouts, fabric: Fabric) -> Floats:
    """Two sends of 2 T h / t bytes a micro batch and virtual stage (Narayanan, section 4.1)."""
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    size = work.element_bytes * work.shape.hidden_size * tokens / layouts.tp
    distance = layouts.tp * layouts.cp * layouts.dp
    sends: Floats = np.where(layouts.pp > 1, 2 * layouts.virtual * fabric.send_seconds(size, distance), 0.0)
    return sends


def _trained_bytes(work: Work, layouts: Layouts) -> tuple[Floats, Floats]:
    """Bytes that replicas exchange, before ZeRO: of gradients, and of weights that are gathered."""
    parameters = rank_parameters(work, layouts, "first")
    trained = parameters.adapters if work.is_adapter else parameters.dense
    gathered = work.states.frozen * parameters.dense if work.is_adapter else work.element_bytes * parameters.dense
    return work.element_bytes * trained, gathered


def _weights_each_micro_batch(
    work: Work, layouts: Layouts, stage: Floats, fabric: Fabric, constants: Calibration
) -> Floats:
    """ZeRO 3 gathers weights for both passes and scatters gradients every micro batch; ZeRO 2 scatters them.

    Exposed: a fixed share, and what is longer than the computation behind it (ZeRO, section 7).
    """
    gradients, weights = _trained_bytes(work, layouts)
    ranks = layouts.dp * layouts.cp
    gather = 2 * fabric.gather_seconds(weights, ranks, layouts.tp)
    scatter = fabric.gather_seconds(gradients, ranks, layouts.tp)
    busy = np.where(layouts.zero_stage == 3, gather, 0.0) + np.where(layouts.zero_stage >= 2, scatter, 0.0)
    exposed: Floats = np.maximum(constants.data_exposed * busy, busy - constants.data_hidden * stage)
    return exposed


def _data_seconds(work: Work, layouts: Layouts, stage: Floats, fabric: Fabric, constants: Calibration) -> Floats:
    """Gradients reduced and weights returned once a step (ZeRO 0 to 2), behind the last backward and first forward."""
    gradients, _ = _trained_bytes(work, layouts)
    each = fabric.gather_seconds(gradients, layouts.dp * layouts.cp, layouts.tp)
    times = np.select([layouts.zero_stage == 3, layouts.zero_stage == 2], [0.0, 1.0], 2.0)
    busy = times * each
    exposed: Floats = np.maximum(constants.data_exposed * busy, busy - constants.data_hidden * stage)
    return exposed


def _optimizer_seconds(work: Work, layouts: Layouts, rates: Rates) -> Floats:
    """Reads and writes every state once: twice its bytes over the memory's bandwidth."""
    weights, gradients, optimizer = state_bytes(work, layouts, rank_parameters(work, layouts, "first"))
    if work.is_adapter:
        weights = np.zeros_like(weights)
    seconds: Floats = 2 * (weights + gradients + optimizer) / rates.memory
    return seconds
