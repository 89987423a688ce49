"""FLOP per token, counted from the shape. A product of an (m, k) and a (k, n) matrix is 2 m k n.

Model FLOP of training are forward plus twice that backward (inputs and weights); causal attention is counted by the
keys that a query sees, as in Megatron-LM `num_floating_point_operations`. Frozen weights need no gradient of weights:
4 instead of 6 a parameter (LoRA, arXiv:2106.09685, section 4.2).
"""

from dataclasses import dataclass

from advisor.estimate.work import Work
from advisor.plan.shapes import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardFlop:
    """Forward FLOP of one token: linear layers of an average layer, routed experts of it, its scores, the head."""

    linear: float
    experts: float
    scores: float
    head: float


def attention_width(shape: ModelShape) -> tuple[int, int]:
    """Return a (query dimension + value dimension) of the scores, and the query width: a 2d, or the latent ones."""
    a = shape.attention_heads
    if shape.latent is None:
        return 2 * a * shape.head_dim, a * shape.head_dim
    query = shape.latent.qk_nope_head_dim + shape.latent.qk_rope_head_dim
    return a * (query + shape.latent.v_head_dim), a * query


def forward_flop(work: Work) -> ForwardFlop:
    """Count a token's forward pass.

    Linear: 2 x attention and MLP parameters of a layer, shared experts and router included; routed experts: 2 k x
    their parameters; scores and values: 2 x span x (query + value dimensions); head: 2 h V.
    """
    shape = work.shape
    dense = shape.layers - shape.moe_layers
    linear = shape.layers * shape.attention_parameters + dense * shape.mlp_parameters(shape.ffn_size)
    routed = 0
    if shape.experts is not None:
        each = shape.mlp_parameters(shape.experts.ffn_size)
        linear += shape.moe_layers * (shape.hidden_size * shape.experts.count + shape.experts.shared * each)
        routed = shape.moe_layers * shape.experts.top_k * each
    stated = body_scale(shape)
    return ForwardFlop(
        linear=2 * stated * linear / shape.layers,
        experts=2 * stated * routed / shape.layers,
        scores=2 * work.attention_span * attention_width(shape)[0],
        head=2 * shape.hidden_size * shape.vocab_size,
    )


def body_scale(shape: ModelShape) -> float:
    """(stated - embeddings) / (counted - embeddings) where only a parameter count is known, else 1."""
    if shape.stated_parameters is None:
        return 1.0
    body = layer_parameters(shape) * shape.layers
    return max(0.1, (shape.stated_parameters - shape.embedding_parameters) / body)


def layer_parameters(shape: ModelShape) -> float:
    """Parameters of an average layer, all experts included."""
    dense = shape.layers - shape.moe_layers
    count = shape.layers * shape.attention_parameters + dense * shape.mlp_parameters(shape.ffn_size)
    return count / shape.layers + expert_parameters(shape) + _always_running(shape)


def expert_parameters(shape: ModelShape) -> float:
    """Routed experts' parameters of an average layer."""
    if shape.experts is None:
        return 0.0
    each = shape.mlp_parameters(shape.experts.ffn_size)
    return shape.moe_layers * shape.experts.count * each / shape.layers


def _always_running(shape: ModelShape) -> float:
    if shape.experts is None:
        return 0.0
    each = shape.experts.shared * shape.mlp_parameters(shape.experts.ffn_size)
    return shape.moe_layers * (shape.hidden_size * shape.experts.count + each) / shape.layers


def training_factor(work: Work) -> float:
    """Training over forward: 3, or 2 under adapters, whose own products are left out (r << h)."""
    return 2.0 if work.is_adapter else 3.0


def model_flop_per_token(work: Work) -> float:
    """Model FLOP of a token, without recomputation: the numerator of MFU."""
    forward = forward_flop(work)
    factor = training_factor(work)
    layers = work.shape.layers
    # Scores have no weights: their backward is twice the forward under adapters too.
    return factor * (layers * (forward.linear + forward.experts) + forward.head) + 3 * layers * forward.scores
