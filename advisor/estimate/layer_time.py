"""Seconds of one layer for one micro batch, and of the output head.

Symbols as in `layouts`; T = b s / c tokens of a rank's micro batch.
"""

import numpy as np

from advisor.estimate.calibration import Calibration
from advisor.estimate.collectives import Fabric
from advisor.estimate.flop import attention_width, body_scale, forward_flop
from advisor.estimate.layouts import FULL, SELECTIVE, Floats, Layouts
from advisor.estimate.rates import Rates
from advisor.estimate.work import Work

# Scores are computed by tensor cores at full rate where a head's size is a multiple of 8 elements of 16 bits
# (cuBLAS documentation, alignment of tensor core operations).
ALIGNMENT = 8


def layer_seconds(work: Work, layouts: Layouts, rates: Rates, fabric: Fabric, constants: Calibration) -> Floats:
    """Seconds of an average layer for one micro batch, forward, backward and recomputation.

    max(products + scores + memory-bound parts, launch floor) + exposed exchange.
    """
    passes = _passes(work, layouts)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    compute = passes * _linear_seconds(work, layouts, rates, tokens)
    compute = compute + passes * _expert_seconds(work, layouts, rates, constants, tokens)
    compute = compute + _score_seconds(work, layouts, rates, constants, tokens)
    compute = compute + _elementwise_seconds(work, layouts, rates, constants, tokens)
    if work.method == "qlora":
        frozen = (work.shape.parameters - work.shape.embedding_parameters) / work.shape.layers
        compute = compute + (passes * constants.dequantisation_passes * 2 * frozen / rates.memory)
    floor = constants.by_stack("layer_floor_seconds", work.stack)
    floor = floor + constants.expert_floor_seconds * work.shape.moe_layers / work.shape.layers
    again = 1 + 0.5 * _recomputed(work, layouts)
    busy: Floats = np.maximum(compute, floor * again)
    return busy + _exchange_seconds(work, layouts, fabric, constants, tokens)


def _recomputed(work: Work, layouts: Layouts) -> Floats:
    """Share of a forward that runs again: all with full recomputation, else what a selective kind drops."""
    dropped = 0.0 if work.selective_share is None else 1 - work.selective_share
    share: Floats = np.select([layouts.recompute == FULL, layouts.recompute == SELECTIVE], [1.0, dropped], 0.0)
    return share


def _passes(work: Work, layouts: Layouts) -> Floats:
    """Forward-equivalents of linear layers: 3 (2 under frozen weights), and what is recomputed."""
    base = 2.0 if work.is_adapter else 3.0
    return base + _recomputed(work, layouts)


def _linear_seconds(work: Work, layouts: Layouts, rates: Rates, tokens: Floats) -> Floats:
    """Forward of attention's projections, of the dense MLP and of shared experts, product by product.

    Outer projections are split over t by columns, inner ones by depth (Megatron-LM, arXiv:1909.08053, section 3).
    """
    shape, split = work.shape, layouts.tp.astype(np.float64)
    one, seconds = np.ones(len(layouts)), np.zeros(len(layouts))
    h, a, g, d = shape.hidden_size, shape.attention_heads, shape.kv_heads, shape.head_dim
    dense = 1 - shape.moe_layers / shape.layers
    layers: list[tuple[float, Floats, Floats]] = []
    if shape.latent is None:
        layers += [(1.0, (a + 2 * g) * d / split, h * one), (1.0, h * one, a * d / split)]
    else:
        rank, keys = shape.latent.q_lora_rank or h, shape.latent.kv_lora_rank
        query = attention_width(shape)[1]
        value = a * shape.latent.v_head_dim
        layers += [(1.0, (rank + keys + shape.latent.qk_rope_head_dim) * one, h * one)]
        layers += [(1.0, query / split, rank * one), (1.0, h * one, value / split)]
        layers += [(1.0, (a * shape.latent.qk_nope_head_dim + value) / split, keys * one)]
    inner = 2 if shape.gated_mlp else 1
    for share, width in ((dense, shape.ffn_size), (1 - dense, _shared_width(work))):
        if share > 0 and width > 0:
            layers += [(share, inner * width / split, h * one), (share, h * one, width / split)]
    for share, columns, depth in layers:
        seconds = seconds + share * rates.product_seconds(rates.linear, tokens * one, columns, depth, one)
    return body_scale(shape) * seconds


def _shared_width(work: Work) -> int:
    """Width of what always runs beside routed experts."""
    experts = work.shape.experts
    if experts is None:
        return 0
    return experts.shared * experts.ffn_size if experts.shared_ffn_size is None else experts.shared_ffn_size


def _expert_seconds(work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats) -> Floats:
    """Forward of routed experts: E / e products of T e k / E rows each, run together, at the share of grouped products.

    With t > 1 the experts are whole and the tokens are split (expert tensor parallelism 1), or the other way round:
    the same FLOP.
    """
    experts, shape = work.shape.experts, work.shape
    if experts is None:
        return np.zeros(len(layouts))
    share = shape.moe_layers / shape.layers
    local = experts.count / layouts.ep
    rows = tokens * layouts.ep * experts.top_k / experts.count / layouts.tp
    one = np.ones(len(layouts))
    inner = 2 if shape.gated_mlp else 1
    rate = rates.linear * constants.expert_efficiency
    up = rates.product_seconds(rate, rows, inner * experts.ffn_size * one, shape.hidden_size * one, local)
    down = rates.product_seconds(rate, rows, shape.hidden_size * one, experts.ffn_size * one, local)
    return share * (up + down)


def _score_seconds(work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats) -> Floats:
    """Scores and values: fused kernels 3.5 forwards (the backward recomputes), unfused ones pass over the matrix."""
    forward = forward_flop(work).scores * tokens / layouts.tp
    if not work.scores_are_kept:
        fused: Floats = (3.5 + 1.0 * (layouts.recompute == FULL)) * forward / rates.attention
        return fused
    again = 1.0 * (layouts.recompute >= SELECTIVE)
    matrix = 2 * work.shape.attention_heads * work.sequence_length * tokens / layouts.tp
    aligned = 1.0 if work.shape.head_dim % ALIGNMENT == 0 else constants.unaligned_share
    products = forward / (rates.matrix * aligned * constants.score_efficiency)
    seconds: Floats = (3 + again) * (products + constants.score_passes * matrix / rates.memory)
    return seconds


def _elementwise_seconds(work: Work, layouts: Layouts, rates: Rates, constants: Calibration, tokens: Floats) -> Floats:
    """Norms, residuals, rotary and activations: so many passes over a hidden-wide tensor, forward, 3 in training.

    Routed experts add passes over every copy of a token: permutation, its reverse, and the activation.
    """
    passes = constants.by_stack("elementwise_passes", work.stack)
    if work.compiled and work.stack == "plain":
        passes = constants.elementwise_passes_compiled
    shape, split = work.shape, np.where(work.sequence_parallel, layouts.tp, 1)
    wide = passes * (0.5 * shape.hidden_size / split + 0.5 * attention_width(shape)[0] / 2 / layouts.tp)
    if shape.experts is not None:
        copies = shape.experts.top_k * shape.hidden_size * shape.moe_layers / shape.layers
        wide = wide + constants.expert_passes * copies / layouts.tp
    rounds = 3.0 + _recomputed(work, layouts) + 0.5 * (layouts.recompute == SELECTIVE) * (work.selective_share is None)
    seconds: Floats = rounds * work.element_bytes * wide * tokens / rates.memory
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
        once = work.stack == "current"
        each = fabric.exchange_seconds(copies, layouts.ep, layouts.tp, shape.experts.top_k, once=once)
        exposed = exposed + constants.expert_exposed * 4 * again * each
    seconds: Floats = exposed
    return seconds


def head_seconds(work: Work, layouts: Layouts, rates: Rates) -> Floats:
    """Output head and loss of a micro batch: 3 (2) x 2 T h V / t at 16 bits, and 6 passes over fp32 logits."""
    shape = work.shape
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    products = (2 if work.is_adapter else 3) * forward_flop(work).head * tokens / layouts.tp / rates.matrix
    loss: Floats = products + 6 * 4 * tokens * shape.vocab_size / layouts.tp / rates.memory
    return loss
