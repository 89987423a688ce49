"""What layers, logits and buffers take while a micro batch is on its way, per GPU.

Symbols as in `layouts`; T = b s / c tokens of a rank's micro batch, w bytes of an element. Sources: Korthikanti et
al., arXiv:2205.05198, table 2 and section 4; what autograd keeps was counted operation by operation.
"""

from dataclasses import fields

import numpy as np

from advisor.estimate.calibration import Calibration
from advisor.estimate.flop import body_scale, expert_parameters, layer_parameters
from advisor.estimate.layouts import FULL, NONE, SELECTIVE, Bools, Floats, Layouts
from advisor.estimate.work import Work


def layer_activation_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Bytes that one layer keeps for one micro batch without full recomputation.

    Of h width: the residual stream and the norm's output, twice. Queries and attention's output, keys and values.
    The MLP's gate, up and product, and the activated gate where the activation is a kernel of its own. Frozen layers
    keep their input only under an adapter. A norm in plain PyTorch keeps an fp32 and a 16-bit copy of its input.
    Dropout masks 2 h bytes and kept scores 5 a s, unfused. Selective recomputation drops scores, norm outputs and the
    product, or the stated share. Sequence parallelism divides everything by t, else what is of h width stays whole.
    """
    shape, width = work.shape, float(work.element_bytes)
    query, keys = shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    attention = 2 * query + 2 * keys
    if shape.latent is not None:
        attention = 4 * query + (shape.latent.q_lora_rank or 0) + shape.latent.kv_lora_rank
    selective = layouts.recompute >= SELECTIVE
    listed = selective & (work.selective_share is None)
    under_mlp = not work.is_adapter or work.adapters_on_mlp
    hidden = 3.0 + under_mlp - 2.0 * listed
    masks = 2.0 * shape.hidden_size if work.stack == "unfused" and not work.is_adapter else 0.0
    masks = masks + (2 * (4.0 + width) * shape.hidden_size if work.eager_norms else 0.0)
    inner = _mlp_width(work) * (_inner_tensors(work) - (not under_mlp) - 1.0 * listed)
    scores = 5.0 * shape.attention_heads * work.sequence_length * (~selective) if work.scores_are_kept else 0.0
    whole = np.where(work.sequence_parallel, layouts.tp, 1)
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    wide = (hidden * shape.hidden_size * width + masks) / whole
    per_token = wide + (width * (attention + inner) + scores) / layouts.tp
    share = np.where(selective, work.selective_share or 1.0, 1.0)
    kept: Floats = constants.activation_share * share * tokens * per_token
    return kept


def _inner_tensors(work: Work) -> int:
    """Count the tensors of feed-forward width: gate, up, product (before and after), one more without fusion."""
    apart = work.stack in {"plain", "unfused"} and not work.compiled
    return 3 + apart if work.shape.gated_mlp else 2


def _mlp_width(work: Work) -> float:
    """Feed-forward width that a token passes through in an average layer, copies for its experts included."""
    shape, experts = work.shape, work.shape.experts
    if experts is None:
        return float(shape.ffn_size)
    share = experts.moe_layers / shape.layers
    # Dispatch and combine each keep a copy of the token per expert (training_formulas.md, section 2).
    copies = 2 * experts.top_k * shape.hidden_size / _inner_tensors(work)
    routed = (experts.top_k + experts.shared) * experts.ffn_size + copies
    return share * routed + (1 - share) * shape.ffn_size


def activation_bytes(work: Work, layouts: Layouts, constants: Calibration, micro_batches: Floats) -> Floats:
    """Bytes of all layers of a stage over its micro batches in flight, without what one recomputed layer needs."""
    layer = layer_activation_bytes(work, layouts, constants)
    flying = layouts.stage_layers(work.shape.layers) * micro_batches
    whole = flying * layer
    kept: Floats = np.where(
        layouts.recompute == FULL, np.minimum(flying * _checkpoint_bytes(work, layouts), whole), whole
    )
    return kept


def recomputed_layer_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Bytes of the one layer that lives again during its backward under full recomputation."""
    full = layouts.recompute == FULL
    layer = layer_activation_bytes(work, _without_recompute(layouts, full), constants)
    inside: Floats = np.where(full, np.maximum(layer - _checkpoint_bytes(work, layouts), 0.0), 0.0)
    return inside


def _checkpoint_bytes(work: Work, layouts: Layouts) -> Floats:
    """A layer's input: w T h, over t with sequence parallelism."""
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    split = np.where(work.sequence_parallel, layouts.tp, 1)
    size: Floats = work.element_bytes * work.shape.hidden_size * tokens / split
    return size


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
    """Bytes of logits, their copies and gradients, split over t: so many a token and vocabulary entry."""
    each = float(getattr(constants, f"logits_bytes_{work.loss}"))
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    entries: Floats = each * tokens * work.shape.vocab_size / layouts.tp
    return entries


def communication_bytes(work: Work, layouts: Layouts, constants: Calibration) -> Floats:
    """Buffers: layers and tables that ZeRO 3 gathers, buckets of ZeRO 1 and 2, tensors that t, p and c exchange.

    ZeRO 3 holds so many whole layers, at the width in which they travel, and the tables, which stay gathered.
    """
    width, shape = work.element_bytes, work.shape
    block = body_scale(shape) * (layer_parameters(shape) - expert_parameters(shape) * (1 - 1 / layouts.ep))
    travels = min(width, work.states.frozen) if work.method == "qlora" else width
    tables = width * float(shape.embedding_parameters)
    gathered = (travels * block * constants.gathered_blocks + tables) / layouts.tp
    buckets = constants.bucket_gib * 2.0**30 * ((layouts.zero_stage > 0) & (layouts.zero_stage < 3))
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    hidden = width * shape.hidden_size * tokens
    exchanged = hidden * ((layouts.tp > 1) + 0.0) + hidden * (layouts.pp > 1) / layouts.tp
    keys = 2 * width * shape.kv_heads * shape.head_dim * tokens / layouts.tp
    buffers: Floats = np.where(layouts.zero_stage == 3, gathered, buckets) + exchanged + 2 * keys * (layouts.cp > 1)
    return buffers
