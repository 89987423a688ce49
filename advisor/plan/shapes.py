"""The shape of a transformer, and how many parameters it has, counted from the shape.

Symbols: h hidden, L layers, V vocabulary, a heads, g key/value heads, d head dimension, f feed-forward width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from typing import Any

HEAD_DIM = 128


class ShapeInvalid(Exception):
    """What was given makes no shape; `faults` holds (field or key, what is wrong)."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{key}: {says}" if key else says for key, says in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentAttention:
    """Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1): ranks and head dimensions."""

    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertLayers:
    """Routed experts: `count` of width `ffn_size` of which `top_k` run per token, `shared` that always run.

    `shared_ffn_size` is the width of what always runs, all of it; None is `shared` times `ffn_size`. `shared_gate`
    is a gate of h in front of it, `router_bias` one number per expert.
    """

    count: int
    top_k: int
    ffn_size: int
    shared: int
    moe_layers: int
    shared_ffn_size: int | None = None
    shared_gate: bool = False
    router_bias: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What decides memory and FLOP of a model. `stated_parameters` overrides the count where only it is known.

    `qk_norm_size` is what the norms of queries and keys hold in one layer. `sliding_layers` of the layers attend to
    the last `sliding_window` tokens only.
    """

    name: str
    layers: int
    hidden_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    ffn_size: int
    vocab_size: int
    gated_mlp: bool = True
    tied_embeddings: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    norm_bias: bool = False
    head_bias: bool = False
    qk_norm_size: int = 0
    norms_per_layer: int = 2
    other_norms: int = 1
    learned_positions: int = 0
    sliding_window: int | None = None
    sliding_layers: int = 0
    latent: LatentAttention | None = None
    experts: ExpertLayers | None = None
    stated_parameters: int | None = None
    note: str = ""

    @property
    def inferred(self) -> bool:
        """Whether only the parameter count was stated and the shape is ours."""
        return self.stated_parameters is not None

    @property
    def embedding_parameters(self) -> int:
        """V h for the input, as much again for an output head of its own, its bias, and learned positions."""
        tables = 1 if self.tied_embeddings else 2
        count = (tables * self.vocab_size + self.learned_positions) * self.hidden_size
        return count + (self.vocab_size if self.head_bias else 0)

    @property
    def attention_parameters(self) -> int:
        """One layer's projections: 2 h a d + 2 h g d, or the latent ones; biases and norms of queries and keys."""
        h, a, g, d = self.hidden_size, self.attention_heads, self.kv_heads, self.head_dim
        if self.latent is not None:
            return self._latent_parameters(self.latent)
        biases = (a + 2 * g) * d * self.qkv_bias + h * self.output_bias
        return 2 * h * a * d + 2 * h * g * d + biases + self.qk_norm_size

    def _latent_parameters(self, latent: LatentAttention) -> int:
        """Queries h r + r + r a (n + p) or h a (n + p); keys and values h (c + p) + c + c a (n + v); output a v h."""
        h, a = self.hidden_size, self.attention_heads
        query_dim = a * (latent.qk_nope_head_dim + latent.qk_rope_head_dim)
        rank = latent.q_lora_rank
        query = h * query_dim if rank is None else h * rank + rank + rank * query_dim
        down = h * (latent.kv_lora_rank + latent.qk_rope_head_dim) + latent.kv_lora_rank
        up = latent.kv_lora_rank * a * (latent.qk_nope_head_dim + latent.v_head_dim)
        return query + down + up + a * latent.v_head_dim * h

    def mlp_parameters(self, width: int) -> int:
        """3 h f for a gated block, 2 h f for a plain one, and its biases."""
        h, inner = self.hidden_size, 2 if self.gated_mlp else 1
        return (inner + 1) * h * width + (inner * width + h) * self.mlp_bias

    @property
    def norm_parameters(self) -> int:
        """h for each norm of the layers and for the others; twice that where a norm has a bias."""
        return (self.norms_per_layer * self.layers + self.other_norms) * self.hidden_size * (2 if self.norm_bias else 1)

    @property
    def moe_layers(self) -> int:
        """How many layers have experts."""
        return 0 if self.experts is None else self.experts.moe_layers

    @property
    def shared_parameters(self) -> int:
        """What always runs beside the routed experts of one layer: shared experts, their gate, router and its bias."""
        if self.experts is None:
            return 0
        h, e = self.hidden_size, self.experts
        shared = e.shared * self.mlp_parameters(e.ffn_size)
        if e.shared_ffn_size is not None:
            shared = self.mlp_parameters(e.shared_ffn_size)
        return shared + h * e.shared_gate + h * e.count + e.count * e.router_bias

    def _counted(self, running: int) -> int:
        """Count everything, with so many routed experts in each layer that has them."""
        dense = (self.layers - self.moe_layers) * self.mlp_parameters(self.ffn_size)
        routed = 0 if self.experts is None else running * self.mlp_parameters(self.experts.ffn_size)
        sparse = self.moe_layers * (self.shared_parameters + routed)
        attention = self.layers * self.attention_parameters
        return self.embedding_parameters + attention + dense + sparse + self.norm_parameters

    @cached_property
    def parameters(self) -> int:
        """All parameters, or the stated count."""
        if self.stated_parameters is not None:
            return self.stated_parameters
        return self._counted(0 if self.experts is None else self.experts.count)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that a token touches: `top_k` routed experts instead of all."""
        return self.parameters if self.experts is None else self._counted(self.experts.top_k)


def shape_from_fields(name: str, **given: Any) -> ModelShape:
    """Make a shape of `ModelShape`'s fields and check that they fit together.

    Raises:
        ShapeInvalid: they do not; all faults at once, each with its field.
    """
    shape = ModelShape(name=name, **given)
    faults = [(key, says) for holds, key, says in _rules(shape) if not holds]
    if faults:
        raise ShapeInvalid(faults)
    return shape


def _rules(shape: ModelShape) -> list[tuple[bool, str, str]]:
    sizes = ("layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "ffn_size", "vocab_size")
    rules = [(getattr(shape, size) > 0, size, "must be above 0") for size in sizes]
    heads, kv_heads = shape.attention_heads, max(shape.kv_heads, 1)
    rules.append((heads % kv_heads == 0, "kv_heads", f"must divide the {heads} attention heads"))
    rules.append((shape.sliding_layers <= shape.layers, "sliding_layers", f"must be at most layers ({shape.layers})"))
    if shape.experts is not None:
        e = shape.experts
        rules.append((e.count > 0 and e.ffn_size > 0, "experts", "count and width must be above 0"))
        rules.append((0 < e.top_k <= e.count, "top_k", f"must be between 1 and the count of experts ({e.count})"))
        rules.append((0 <= e.moe_layers <= shape.layers, "moe_layers", f"must be at most layers ({shape.layers})"))
    return rules


def shape_from_parameters(name: str, parameters: int) -> ModelShape:
    """Infer a dense gated shape with grouped queries for a bare parameter count; the count stays as stated.

    Heads of 128 in numbers that divide among GPUs, at most 8 key/value heads, a vocabulary of 128,256 from 3e9
    parameters on and of 32,000 below, tied embeddings below 2e9. Of the widths h in the size's steps the largest is
    taken that with h / 128 layers of f = 2.5 h has no more than N parameters; then so many layers that f is near
    3.25 h; then f = (N - everything else) / (3 h L), in steps of 64.
    """
    step = HEAD_DIM * (8 if parameters >= 5_000_000_000 else 4 if parameters >= 500_000_000 else 1)
    hidden = step
    while _sized(name, parameters, hidden + step).parameters <= parameters:
        hidden += step
    bare = _sized(name, parameters, hidden, layers=1, ffn_size=0)
    body = parameters - bare.embedding_parameters
    each = bare.attention_parameters + 2 * hidden
    quarter = body / (each + 9.75 * hidden**2) / 4
    layers = 4 * round(quarter) or 2
    width = (body / layers - each) / (3 * hidden)
    shape = _sized(name, parameters, hidden, layers=layers, ffn_size=max(64, 64 * round(width / 64)))
    return replace(shape, stated_parameters=parameters, note="shape inferred from the parameter count")


def _sized(
    name: str, parameters: int, hidden: int, *, layers: int | None = None, ffn_size: int | None = None
) -> ModelShape:
    heads = hidden // HEAD_DIM
    return ModelShape(
        name=name,
        layers=max(2, heads) if layers is None else layers,
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=gcd(heads, 8),
        head_dim=HEAD_DIM,
        ffn_size=hidden * 5 // 2 if ffn_size is None else ffn_size,
        vocab_size=128_256 if parameters >= 3_000_000_000 else min(32_000, max(1_000, parameters // 512)),
        tied_embeddings=parameters < 2_000_000_000,
    )
