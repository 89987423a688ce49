"""From what a plan calls a model to its shape: a preset, a Hugging Face config.json, or an inline mapping."""

from pathlib import Path

from advisor.errors import Fault
from advisor.plan.huggingface import ShapeInvalid, read_config
from advisor.plan.messages import suggestion
from advisor.plan.presets import presets
from advisor.plan.schema import InlineModel, TrainingPlan
from advisor.plan.shapes import ExpertLayers, LatentAttention, ModelShape, shape_from_parameters

NEEDED = ("layers", "hidden_size", "attention_heads", "ffn_size", "vocab_size")
LATENT = ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")


def resolve_models(plan: TrainingPlan, folder: Path | None) -> tuple[dict[str, ModelShape], list[Fault]]:
    """Return each job's shape, and the faults; without a `folder` no model may name a file."""
    shapes, faults = {}, []
    for index, job in enumerate(plan.jobs):
        path = f"jobs[{index}].model"
        if isinstance(job.model, InlineModel):
            found = _inline(job.model, f"{job.name}'s model", path)
        elif job.model in presets():
            found = presets()[job.model].shape
        else:
            found = _file(job.model, path, folder)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            shapes[job.name] = found
    return shapes, faults


def _file(name: str, path: str, folder: Path | None) -> ModelShape | Fault:
    if not (name.endswith(".json") or "/" in name):
        near = suggestion(name, sorted(presets())) or "; `advisor models` lists the presets"
        return Fault(path, f"unknown model {name!r}{near}")
    if folder is None:
        what = "a plan that came over HTTP, or is stored, cannot name a file"
        return Fault(path, f"{what}; name a preset, or give the shape inline")
    try:
        return read_config(folder / name)
    except ShapeInvalid as error:
        return Fault(path, str(error))


def _inline(model: InlineModel, name: str, path: str) -> ModelShape | Fault:
    shaped = [field for field in NEEDED if getattr(model, field) is not None]
    if model.parameters is not None:
        if shaped or model.experts or model.kv_heads:
            return Fault(path, "give either parameters alone or a shape, not both")
        return shape_from_parameters(name, model.parameters)
    missing = [field for field in NEEDED if field not in shaped]
    if missing:
        return Fault(f"{path}.{missing[0]}", "is required for a shape (or give parameters alone)")
    assert model.layers and model.hidden_size and model.attention_heads  # noqa: S101, PT018  checked above
    assert model.ffn_size and model.vocab_size  # noqa: S101, PT018
    heads, kv_heads = model.attention_heads, model.kv_heads or model.attention_heads
    if model.attention.head_dim is None and model.hidden_size % heads:
        return Fault(f"{path}.attention_heads", f"{heads} does not divide hidden_size; state attention.head_dim")
    if heads % kv_heads:
        return Fault(f"{path}.kv_heads", f"must divide attention_heads ({heads})")
    latent = _latent(model, path)
    experts = _experts(model, path)
    if isinstance(latent, Fault):
        return latent
    if isinstance(experts, Fault):
        return experts
    return ModelShape(
        name=name,
        layers=model.layers,
        hidden_size=model.hidden_size,
        attention_heads=heads,
        kv_heads=kv_heads,
        head_dim=model.attention.head_dim or model.hidden_size // heads,
        ffn_size=model.ffn_size,
        vocab_size=model.vocab_size,
        gated_mlp=model.gated_mlp,
        tied_embeddings=model.tied_embeddings,
        latent=latent,
        experts=experts,
    )


def _latent(model: InlineModel, path: str) -> LatentAttention | Fault | None:
    attention = model.attention
    stated = [field for field in (*LATENT, "q_lora_rank") if getattr(attention, field) is not None]
    if attention.type == "gqa":
        return Fault(f"{path}.attention.{stated[0]}", "belongs to type mla") if stated else None
    missing = [field for field in LATENT if field not in stated]
    if missing:
        return Fault(f"{path}.attention.{missing[0]}", "is required with type mla")
    return LatentAttention(
        q_lora_rank=attention.q_lora_rank,
        kv_lora_rank=attention.kv_lora_rank or 0,
        qk_nope_head_dim=attention.qk_nope_head_dim or 0,
        qk_rope_head_dim=attention.qk_rope_head_dim or 0,
        v_head_dim=attention.v_head_dim or 0,
    )


def _experts(model: InlineModel, path: str) -> ExpertLayers | Fault | None:
    experts, layers = model.experts, model.layers or 0
    if experts is None:
        return None
    if experts.top_k > experts.count:
        return Fault(f"{path}.experts.top_k", f"must be at most count ({experts.count})")
    if experts.moe_layers is not None and experts.moe_layers > layers:
        return Fault(f"{path}.experts.moe_layers", f"must be at most layers ({layers})")
    return ExpertLayers(
        count=experts.count,
        top_k=experts.top_k,
        ffn_size=experts.ffn_size,
        shared=experts.shared,
        moe_layers=experts.moe_layers or layers,
    )
