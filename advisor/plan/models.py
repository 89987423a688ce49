"""From what a plan calls a model to its shape: a preset, a Hugging Face config.json, or an inline mapping."""

from pathlib import Path
from typing import Any

from advisor.errors import Fault
from advisor.plan.schema import TrainingPlan


def resolve_models(plan: TrainingPlan, folder: Path | None) -> tuple[dict[str, Any], list[Fault]]:
    return {}, []
