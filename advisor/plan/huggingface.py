"""From a Hugging Face `config.json` to a shape. The file is untrusted: only numbers in sane ranges are taken.

Families differ in names, not in meaning; a table gives each field its known spellings. What cannot be read is named
with the key, and of the file nothing but the offending value is quoted.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape

MAX_BYTES = 1024 * 1024
LARGEST = 10_000_000

SPELLINGS: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "attention_heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "ffn_size": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "expert_count": ("num_local_experts", "num_experts", "n_routed_experts"),
    "top_k": ("num_experts_per_tok", "moe_top_k"),
    "expert_ffn_size": ("moe_intermediate_size",),
    "shared": ("n_shared_experts", "num_shared_experts"),
}
# Families with a plain (not gated) feed-forward block and layer norms with biases.
PLAIN_FAMILIES = {"gpt2", "gpt_neox", "gpt_bigcode", "gptj", "opt", "bloom", "falcon", "mpt", "starcoder2", "phi"}
BIASED_FAMILIES = {"gpt2", "gpt_neox", "gpt_bigcode", "opt", "bloom", "starcoder2", "phi"}
QKV_BIAS_FAMILIES = {"qwen2", "qwen2_moe"}
QK_NORM_FAMILIES = {"qwen3", "qwen3_moe"}
LEARNED_POSITIONS = {
    "gpt2": ("n_positions", "n_ctx"),
    "gpt_bigcode": ("n_positions",),
    "opt": ("max_position_embeddings",),
}
TIED_BY_DEFAULT = {"gpt2", "gpt_bigcode", "bloom", "falcon", "mpt", "opt", "gemma", "gemma2"}


class ShapeInvalid(Exception):
    """The configuration gives no shape: (key, what is wrong)."""

    def __init__(self, key: str, says: str) -> None:
        self.key = key
        self.says = says
        super().__init__(f"{key}: {says}" if key else says)


def read_config(path: Path) -> ModelShape:
    """Read a `config.json` of at most 1 MiB.

    Raises:
        ShapeInvalid: unreadable, not JSON, or without the numbers that make a shape.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ShapeInvalid("", f"{path.name} cannot be read ({error.strerror})") from None
    if len(raw) > MAX_BYTES:
        raise ShapeInvalid("", f"{path.name} is larger than 1 MiB; it is no model configuration")
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError):
        raise ShapeInvalid("", f"{path.name} is not JSON") from None
    if not isinstance(config, dict):
        raise ShapeInvalid("", f"{path.name} is not a JSON object")
    return shape_of(config, path.parent.name or path.stem)


def shape_of(config: Mapping[str, Any], name: str) -> ModelShape:
    """Make a shape of a configuration; a nested `text_config` is used where there is one."""
    inner = config.get("text_config")
    if isinstance(inner, dict):
        config = {**config, **inner}
    family = str(config.get("model_type", ""))
    hidden = _needed(config, "hidden_size")
    heads = _needed(config, "attention_heads")
    head_dim = _number(config, ("head_dim",)) or hidden // heads
    latent = _latent(config)
    ffn = _number(config, SPELLINGS["ffn_size"]) or _plain_width(config, family, hidden)
    return ModelShape(
        name=name,
        layers=_needed(config, "layers"),
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=_kv_heads(config, family, heads),
        head_dim=latent.v_head_dim if latent else head_dim,
        ffn_size=ffn,
        vocab_size=_needed(config, "vocab_size"),
        gated_mlp=family not in PLAIN_FAMILIES,
        tied_embeddings=_flag(config, "tie_word_embeddings", family in TIED_BY_DEFAULT),
        qkv_bias=_flag(config, "attention_bias", family in QKV_BIAS_FAMILIES),
        qk_norm=family in QK_NORM_FAMILIES,
        biases=family in BIASED_FAMILIES,
        learned_positions=_number(config, LEARNED_POSITIONS.get(family, ())) or 0,
        latent=latent,
        experts=_experts(config, ffn),
    )


def _number(config: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        value = config.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ShapeInvalid(key, f"must be a whole number, not {str(value)[:40]!r}")
        if not 0 <= value <= LARGEST:
            raise ShapeInvalid(key, f"must be between 0 and {LARGEST:,}, not {str(value)[:40]}")
        return value
    return None


def _needed(config: Mapping[str, Any], field: str) -> int:
    value = _number(config, SPELLINGS[field])
    if not value:
        raise ShapeInvalid(SPELLINGS[field][0], "is missing; it makes the shape of the model")
    return value


def _flag(config: Mapping[str, Any], key: str, default: bool) -> bool:
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise ShapeInvalid(key, f"must be true or false, not {str(value)[:40]!r}")
    return value


def _kv_heads(config: Mapping[str, Any], family: str, heads: int) -> int:
    if config.get("multi_query") is True and family in {"falcon", "gpt_bigcode"}:
        return 1
    return _number(config, SPELLINGS["kv_heads"]) or heads


def _plain_width(config: Mapping[str, Any], family: str, hidden: int) -> int:
    """Families that state no width use four times the hidden size, or a stated ratio of it."""
    ratio = _number(config, ("expansion_ratio",))
    if family in PLAIN_FAMILIES:
        return (ratio or 4) * hidden
    raise ShapeInvalid("intermediate_size", "is missing; it makes the shape of the model")


def _latent(config: Mapping[str, Any]) -> LatentAttention | None:
    rank = _number(config, ("kv_lora_rank",))
    if not rank:
        return None
    parts = {key: _number(config, (key,)) for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")}
    missing = next((key for key, value in parts.items() if not value), None)
    if missing:
        raise ShapeInvalid(missing, "is missing; latent attention needs it")
    return LatentAttention(
        q_lora_rank=_number(config, ("q_lora_rank",)) or None,
        kv_lora_rank=rank,
        qk_nope_head_dim=parts["qk_nope_head_dim"] or 0,
        qk_rope_head_dim=parts["qk_rope_head_dim"] or 0,
        v_head_dim=parts["v_head_dim"] or 0,
    )


def _experts(config: Mapping[str, Any], ffn: int) -> ExpertLayers | None:
    count = _number(config, SPELLINGS["expert_count"])
    if not count or count == 1:
        return None
    layers = _needed(config, "layers")
    dense = _number(config, ("first_k_dense_replace",)) or 0
    every = _number(config, ("moe_layer_freq", "decoder_sparse_step")) or 1
    width = _number(config, SPELLINGS["expert_ffn_size"]) or ffn
    shared = _number(config, SPELLINGS["shared"]) or 0
    shared_width = _number(config, ("shared_expert_intermediate_size",))
    if shared_width:
        shared = max(1, round(shared_width / width))
    return ExpertLayers(
        count=count,
        top_k=_number(config, SPELLINGS["top_k"]) or 2,
        ffn_size=width,
        shared=shared,
        moe_layers=max(0, layers - dense) // every,
    )
