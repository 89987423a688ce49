"""The shape of a transformer, and how many parameters it has, counted from the shape.

Symbols: h hidden, L layers, V vocabulary, a heads, g key/value heads, d head dimension, f feed-forward width.
"""

from dataclasses import dataclass
from functools import cached_property


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
    """Routed experts: `count` of width `ffn_size` of which `top_k` run per token, `shared` that always run."""

    count: int
    top_k: int
    ffn_size: int
    shared: int
    moe_layers: int


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What decides memory and FLOP of a model. `stated_parameters` overrides the count where only it is known."""

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
    qk_norm: bool = False
    biases: bool = False
    learned_positions: int = 0
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
        """V h for the input, as much again for an output head of its own, and learned positions."""
        tables = 1 if self.tied_embeddings else 2
        return (tables * self.vocab_size + self.learned_positions) * self.hidden_size

    @property
    def attention_parameters(self) -> int:
        """One layer's projections: 2 h a d + 2 h g d, or the latent ones; biases and norms of queries and keys."""
        h, a, g, d = self.hidden_size, self.attention_heads, self.kv_heads, self.head_dim
        if self.latent is not None:
            return self._latent_parameters(self.latent)
        count = 2 * h * a * d + 2 * h * g * d
        if self.qkv_bias or self.biases:
            count += (a + 2 * g) * d
        if self.biases:
            count += h
        return count + (2 * d if self.qk_norm else 0)

    def _latent_parameters(self, latent: LatentAttention) -> int:
        h, a = self.hidden_size, self.attention_heads
        query_dim = a * (latent.qk_nope_head_dim + latent.qk_rope_head_dim)
        rank = latent.q_lora_rank
        query = h * query_dim if rank is None else h * rank + rank + rank * query_dim
        down = h * (latent.kv_lora_rank + latent.qk_rope_head_dim) + latent.kv_lora_rank
        up = latent.kv_lora_rank * a * (latent.qk_nope_head_dim + latent.v_head_dim)
        return query + down + up + a * latent.v_head_dim * h

    def mlp_parameters(self, width: int) -> int:
        """3 h f for a gated block, 2 h f for a plain one, and its biases."""
        h = self.hidden_size
        return (3 if self.gated_mlp else 2) * h * width + (width + h if self.biases else 0)

    @property
    def norm_parameters(self) -> int:
        """Two norms a layer and a last one; a layer norm has a bias too."""
        return (2 * self.layers + 1) * self.hidden_size * (2 if self.biases else 1)

    @property
    def moe_layers(self) -> int:
        """How many layers have experts."""
        return 0 if self.experts is None else self.experts.moe_layers

    def _expert_layer(self, running: int) -> int:
        """Router, shared experts and so many routed ones of one layer."""
        if self.experts is None:
            return 0
        router = self.hidden_size * self.experts.count
        return router + (running + self.experts.shared) * self.mlp_parameters(self.experts.ffn_size)

    def _body(self, running: int) -> int:
        dense = (self.layers - self.moe_layers) * self.mlp_parameters(self.ffn_size)
        sparse = self.moe_layers * self._expert_layer(running)
        return self.layers * self.attention_parameters + dense + sparse + self.norm_parameters

    @cached_property
    def parameters(self) -> int:
        """All parameters, or the stated count."""
        if self.stated_parameters is not None:
            return self.stated_parameters
        return self.embedding_parameters + self._body(0 if self.experts is None else self.experts.count)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that a token touches: `top_k` routed experts instead of all."""
        if self.experts is None:
            return self.parameters
        return self.parameters - self.moe_layers * (self.experts.count - self.experts.top_k) * self.mlp_parameters(
            self.experts.ffn_size
        )


def shape_from_parameters(name: str, parameters: int) -> ModelShape:
    """Infer a dense gated shape with grouped queries for a bare parameter count; the count stays as stated.

    Layers and width follow what Llama models share: h about 128 L, f about 3.5 h / 1.3, heads of 128.
    """
    layers = max(2, round((parameters / (12.5 * 128 * 128)) ** (1 / 3)))
    hidden = max(128, round(layers * 128 / 128) * 128)
    heads = hidden // 128
    kv: int = 8 if heads % 8 == 0 else heads
    return ModelShape(
        name=name,
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=kv,
        head_dim=128,
        ffn_size=max(256, round(hidden * 2.75 / 256) * 256),
        vocab_size=min(128_256, max(1_000, parameters // (4 * hidden))),
        stated_parameters=parameters,
        note="shape inferred from the parameter count",
    )
