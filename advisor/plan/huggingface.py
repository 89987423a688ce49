"""From a Hugging Face `config.json` to a shape. The file is untrusted: only numbers in sane ranges are taken.

Families differ in names and in which small parts they have; one table gives each field its known spellings, another
what sets a family apart. What cannot be read is named with its key, all keys at once, and of the file nothing but the
offending value is quoted.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape, ShapeInvalid, shape_from_fields

__all__ = ["ShapeInvalid", "read_config", "shape_of"]

MAX_BYTES = 1024 * 1024
LARGEST = 10_000_000
LIMITS = {"layers": 10_000, "attention_heads": 100_000, "kv_heads": 100_000, "expert_count": 100_000}

SPELLINGS: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "attention_heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "kv_n_heads"),
    "head_dim": ("head_dim",),
    "ffn_size": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "learned_positions": ("n_positions", "max_position_embeddings"),
    "sliding_window": ("sliding_window",),
    "expert_count": ("num_local_experts", "num_experts", "n_routed_experts"),
    "top_k": ("num_experts_per_tok", "moe_top_k"),
    "expert_ffn_size": ("moe_intermediate_size",),
    "shared": ("n_shared_experts", "num_shared_experts"),
    "shared_ffn_size": ("shared_expert_intermediate_size",),
    "dense_layers": ("first_k_dense_replace",),
    "expert_every": ("moe_layer_freq", "decoder_sparse_step"),
}
ALL_BIASES = {"qkv_bias": True, "output_bias": True, "mlp_bias": True, "norm_bias": True}
PLAIN = {"gated_mlp": False}
# What sets a family apart from a gated block with two norms and no biases.
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {**PLAIN, **ALL_BIASES, "tied_embeddings": True, "learned": 0},
    "gpt_bigcode": {**PLAIN, **ALL_BIASES, "tied_embeddings": True, "learned": 0},
    "opt": {**PLAIN, **ALL_BIASES, "tied_embeddings": True, "learned": 2},
    "bloom": {**PLAIN, **ALL_BIASES, "tied_embeddings": True, "other_norms": 2},
    "gpt_neox": {**PLAIN, **ALL_BIASES},
    "gptj": {**PLAIN, "mlp_bias": True, "norm_bias": True, "norms_per_layer": 1, "head_bias": True},
    "phi": {**PLAIN, **ALL_BIASES, "norms_per_layer": 1, "head_bias": True},
    "starcoder2": {**PLAIN, **ALL_BIASES, "tied_embeddings": True},
    "falcon": {**PLAIN, "norm_bias": True, "tied_embeddings": True},
    "mpt": {**PLAIN, "tied_embeddings": True},
    "qwen2": {"qkv_bias": True},
    "qwen2_moe": {"qkv_bias": True, "shared_gate": True},
    "gemma": {"tied_embeddings": True},
    "gemma2": {"tied_embeddings": True, "norms_per_layer": 4, "slides": 2},
    "cohere": {"tied_embeddings": True, "norms_per_layer": 1},
    "olmo": {"norms_per_layer": 0, "other_norms": 0},
    "olmo2": {"qk_norm": "all heads"},
    "qwen3": {"qk_norm": "one head"},
    "qwen3_moe": {"qk_norm": "one head"},
    "stablelm": {"norm_bias": True},
    "deepseek_v3": {"router_bias": True},
}
OURS = {"learned", "slides", "qk_norm", "shared_gate", "router_bias"}


def read_config(path: Path) -> ModelShape:
    """Read a `config.json` of at most 1 MiB.

    Raises:
        ShapeInvalid: unreadable, not JSON, or without the numbers that make a shape.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ShapeInvalid([("", f"{path.name} cannot be read ({error.strerror})")]) from None
    if len(raw) > MAX_BYTES:
        raise ShapeInvalid([("", f"{path.name} is larger than 1 MiB; it is no model configuration")])
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError):
        raise ShapeInvalid([("", f"{path.name} is not JSON")]) from None
    if not isinstance(config, dict):
        raise ShapeInvalid([("", f"{path.name} is not a JSON object")])
    return shape_of(config, path.parent.name or path.stem)


def shape_of(config: Mapping[str, Any], name: str) -> ModelShape:
    """Make a shape of a configuration; a nested `text_config` is used where there is one.

    Raises:
        ShapeInvalid: keys are missing, mistyped, absurd or at odds; every fault with its key.
    """
    for part in ("text_config", "attn_config"):
        inner = config.get(part)
        if isinstance(inner, dict):
            config = {**config, **inner}
    keys = _Keys(config)
    fields = _fields(keys)
    if keys.faults:
        raise ShapeInvalid(keys.faults)
    try:
        return shape_from_fields(name, **fields)
    except ShapeInvalid as error:
        raise ShapeInvalid([(keys.spelled(field), says) for field, says in error.faults]) from None


class _Keys:
    """Reads keys of a configuration by their known spellings and collects what is wrong with them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.family = str(config.get("model_type", ""))
        self.traits = FAMILIES.get(self.family, {})
        self.faults: list[tuple[str, str]] = []

    def spelled(self, field: str) -> str:
        """Return the key under which the configuration has a field, or the usual one."""
        known = SPELLINGS.get(field, (field,))
        return next((key for key in known if self.config.get(key) is not None), known[0])

    def number(self, field: str) -> int | None:
        """Return a whole number, or None where the key is absent, null, or at fault."""
        key = self.spelled(field)
        value, limit = self.config.get(key), LIMITS.get(field, LARGEST)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.faults.append((key, f"must be a whole number, not {str(value)[:40]!r}"))
        elif not 0 <= value <= limit:
            self.faults.append((key, f"must be between 0 and {limit:,}, not {str(value)[:40]}"))
        else:
            return value
        return None

    def needed(self, field: str, why: str = "it makes the shape of the model") -> int:
        """Return a whole number above 0; 1 stands in where it is at fault."""
        before = len(self.faults)
        value = self.number(field)
        if not value and len(self.faults) == before:
            self.faults.append((self.spelled(field), f"is missing; {why}"))
        return value or 1

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false; the default where the key is absent, null, or at fault."""
        value = self.config.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.faults.append((key, f"must be true or false, not {str(value)[:40]!r}"))
            return default
        return value


def _fields(keys: _Keys) -> dict[str, Any]:
    hidden, heads, layers = keys.needed("hidden_size"), keys.needed("attention_heads"), keys.needed("layers")
    head_dim = keys.number("head_dim")
    latent = _latent(keys)
    if head_dim is None and latent is None and hidden % heads and not keys.faults:
        keys.faults.append(
            (keys.spelled("attention_heads"), f"{heads} does not divide {hidden}, and head_dim is missing")
        )
    head_dim = latent.v_head_dim if latent else head_dim or max(1, hidden // heads)
    kv_heads = _kv_heads(keys, heads)
    ffn = _width(keys, hidden)
    window = keys.number("sliding_window") if keys.flag("use_sliding_window", True) else None
    traits = keys.traits
    norms = {"one head": 2 * head_dim, "all heads": (heads + kv_heads) * head_dim}
    return {
        "layers": layers,
        "hidden_size": hidden,
        "attention_heads": heads,
        "kv_heads": kv_heads,
        "head_dim": head_dim,
        "ffn_size": ffn,
        "vocab_size": keys.needed("vocab_size"),
        "qk_norm_size": norms.get(traits.get("qk_norm", ""), 0),
        "learned_positions": keys.needed("learned_positions") + traits["learned"] if "learned" in traits else 0,
        "sliding_window": window,
        "sliding_layers": layers // traits.get("slides", 1) if window else 0,
        "latent": latent,
        "experts": _experts(keys, layers, ffn),
        **{field: value for field, value in traits.items() if field not in OURS},
        **_flags(keys),
    }


def _flags(keys: _Keys) -> dict[str, Any]:
    """Read what families let the configuration decide; a family's habit is the default."""
    traits = keys.traits
    found: dict[str, Any] = {
        "tied_embeddings": keys.flag("tie_word_embeddings", traits.get("tied_embeddings", False)),
        "mlp_bias": keys.flag("mlp_bias", traits.get("mlp_bias", False)),
    }
    if keys.config.get("attention_bias") is not None:
        found["qkv_bias"] = found["output_bias"] = keys.flag("attention_bias", False)
    if keys.family == "starcoder2":
        biases = keys.flag("use_bias", True)
        found |= {"qkv_bias": biases, "output_bias": biases, "mlp_bias": biases}
    if keys.family == "stablelm":
        found["qkv_bias"] = keys.flag("use_qkv_bias", False)
    if keys.family == "falcon":
        biases = keys.flag("bias", False)
        found |= {"qkv_bias": biases, "output_bias": biases, "mlp_bias": biases}
        alone = keys.flag("parallel_attn", True) and not keys.flag("new_decoder_architecture", False)
        found["norms_per_layer"] = 1 if alone else 2
    return found


def _kv_heads(keys: _Keys, heads: int) -> int:
    grouped = keys.flag("new_decoder_architecture", False)
    if keys.family in {"falcon", "gpt_bigcode"} and keys.flag("multi_query", True) and not grouped:
        return 1
    return keys.number("kv_heads") or heads


def _width(keys: _Keys, hidden: int) -> int:
    """Families without a stated width use four times the hidden size, or a stated ratio of it."""
    before = len(keys.faults)
    stated = keys.number("ffn_size")
    if stated or len(keys.faults) > before:
        return stated or 1
    if keys.traits.get("gated_mlp", True):
        return keys.needed("ffn_size")
    return (keys.number("expansion_ratio") or 4) * hidden


def _latent(keys: _Keys) -> LatentAttention | None:
    rank = keys.number("kv_lora_rank")
    if not rank:
        return None
    why = "latent attention needs it"
    return LatentAttention(
        q_lora_rank=keys.number("q_lora_rank") or None,
        kv_lora_rank=rank,
        qk_nope_head_dim=keys.needed("qk_nope_head_dim", why),
        qk_rope_head_dim=keys.needed("qk_rope_head_dim", why),
        v_head_dim=keys.needed("v_head_dim", why),
    )


def _experts(keys: _Keys, layers: int, ffn: int) -> ExpertLayers | None:
    count = keys.number("expert_count")
    if not count or count == 1:
        return None
    width = keys.number("expert_ffn_size") or ffn
    together = keys.number("shared_ffn_size")
    shared = keys.number("shared") or 0
    return ExpertLayers(
        count=count,
        top_k=keys.needed("top_k", "experts need it"),
        ffn_size=width,
        shared=max(1, round(together / width)) if together else shared,
        moe_layers=_moe_layers(keys, layers),
        shared_ffn_size=together or None,
        shared_gate=bool(together) and keys.traits.get("shared_gate", False),
        router_bias=keys.traits.get("router_bias", False),
    )


def _moe_layers(keys: _Keys, layers: int) -> int:
    """Count the layers with experts: dense ones first, then every n-th, less those that are listed as dense.

    DeepSeek counts layers from 0 and Qwen from 1, which matters only where n is above 1.
    """
    dense, every = keys.number("dense_layers") or 0, keys.number("expert_every") or 1
    start = 1 if keys.config.get("decoder_sparse_step") is not None else 0
    listed = keys.config.get("mlp_only_layers")
    excluded = {each for each in listed if type(each) is int} if isinstance(listed, list) else set()
    return sum(1 for each in range(dense, layers) if (each + start) % every == 0 and each not in excluded)
