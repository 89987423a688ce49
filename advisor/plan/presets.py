"""Model presets by name: the table of shapes, each row with its source and date."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape, shape_from_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named shape, what its publisher says of its size, and where that stands."""

    shape: ModelShape
    published_parameters: int
    published_active: int | None
    source: str
    date: str


@cache
def presets() -> Mapping[str, Preset]:
    """Return every preset by its name."""
    text = files("advisor.plan").joinpath("data/model_presets.csv").read_text(encoding="utf-8")
    return MappingProxyType({row["name"]: _preset(row) for row in csv.DictReader(text.splitlines())})


def _preset(row: dict[str, str]) -> Preset:
    return Preset(
        shape=_shape(row),
        published_parameters=int(row["published_parameters"]),
        published_active=int(row["published_active"]) if row["published_active"] else None,
        source=row["source"],
        date=row["date"],
    )


def _shape(row: dict[str, str]) -> ModelShape:
    biases, window = row["all_biases"] == "1", row["sliding_window"]
    return shape_from_fields(
        row["name"],
        layers=int(row["layers"]),
        hidden_size=int(row["hidden_size"]),
        attention_heads=int(row["attention_heads"]),
        kv_heads=int(row["kv_heads"]),
        head_dim=int(row["head_dim"]),
        ffn_size=int(row["ffn_size"]),
        vocab_size=int(row["vocab_size"]),
        gated_mlp=row["gated_mlp"] == "1",
        tied_embeddings=row["tied_embeddings"] == "1",
        qkv_bias=biases or row["qkv_bias"] == "1",
        output_bias=biases,
        mlp_bias=biases,
        norm_bias=biases,
        qk_norm_size=int(row["qk_norm_size"] or 0),
        learned_positions=int(row["learned_positions"] or 0),
        sliding_window=int(window) if window else None,
        sliding_layers=int(row["layers"]) if window else 0,
        latent=_latent(row),
        experts=_experts(row),
    )


def _latent(row: dict[str, str]) -> LatentAttention | None:
    if not row["kv_lora_rank"]:
        return None
    return LatentAttention(
        q_lora_rank=int(row["q_lora_rank"]) if row["q_lora_rank"] else None,
        kv_lora_rank=int(row["kv_lora_rank"]),
        qk_nope_head_dim=int(row["qk_nope_head_dim"]),
        qk_rope_head_dim=int(row["qk_rope_head_dim"]),
        v_head_dim=int(row["v_head_dim"]),
    )


def _experts(row: dict[str, str]) -> ExpertLayers | None:
    if not row["experts"]:
        return None
    return ExpertLayers(
        count=int(row["experts"]),
        top_k=int(row["top_k"]),
        ffn_size=int(row["expert_ffn_size"]),
        shared=int(row["shared_experts"]),
        moe_layers=int(row["moe_layers"]),
        router_bias=row["router_bias"] == "1",
    )
