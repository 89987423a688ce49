"""Constants that no data sheet gives, read from one table with unit, source, date and reason per row."""

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from advisor.estimate.work import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The table's values by name; `dataclasses.replace` makes another set, as a fit to a site's own runs does."""

    context_gib: float
    workspace_gib: float
    bucket_gib: float
    quantisation_bytes: float
    communicator_gib: float
    fragmentation: float
    activation_share: float
    logits_bytes_fused: float
    logits_bytes_chunked: float
    logits_bytes_plain: float
    logits_bytes_copies: float
    gathered_blocks: float
    matrix_efficiency_volta: float
    matrix_efficiency_ampere: float
    matrix_efficiency_ada: float
    matrix_efficiency_hopper: float
    matrix_efficiency_blackwell: float
    matrix_efficiency_amd: float
    matrix_efficiency_fp8: float
    matrix_efficiency_fp4: float
    matrix_share_fused: float
    matrix_share_plain: float
    matrix_share_plain_hopper: float
    matrix_share_plain_blackwell: float
    matrix_share_unfused: float
    wave_loss: float
    half_depth: float
    expert_efficiency: float
    expert_passes: float
    expert_floor_seconds: float
    attention_efficiency_volta: float
    attention_efficiency_ampere: float
    attention_efficiency_ada: float
    attention_efficiency_hopper: float
    attention_efficiency_blackwell: float
    attention_efficiency_amd: float
    attention_share_plain: float
    attention_share_first: float
    score_passes: float
    score_efficiency: float
    unaligned_share: float
    memory_efficiency: float
    elementwise_passes_fused: float
    elementwise_passes_plain: float
    elementwise_passes_unfused: float
    elementwise_passes_compiled: float
    layer_floor_seconds_fused: float
    layer_floor_seconds_plain: float
    layer_floor_seconds_unfused: float
    step_seconds_fused: float
    step_seconds_plain: float
    step_seconds_unfused: float
    link_efficiency: float
    network_efficiency: float
    link_latency_seconds: float
    network_latency_seconds: float
    tensor_exposed: float
    data_exposed: float
    data_hidden: float
    context_exposed: float
    expert_exposed: float
    pipeline_exposed: float
    dequantisation_passes: float
    productive_share: float

    def by_stack(self, name: str, stack: Stack) -> float:
        """Return the constant of a stack of software."""
        return float(getattr(self, f"{name}_{'fused' if stack == 'current' else stack}"))


@cache
def calibration() -> Calibration:
    """Return the product's own constants."""
    text = files("advisor.estimate").joinpath("data", "calibration.csv").read_text(encoding="utf-8")
    values = {row["name"]: float(row["value"]) for row in csv.DictReader(text.splitlines())}
    return Calibration(**{each.name: values[each.name] for each in fields(Calibration)})


# First letters of GPU ids by generation.
GENERATIONS = (
    (("V100",), "volta"),
    (("A100", "A10G", "A6000", "A800"), "ampere"),
    (("L4", "RTX4090"), "ada"),
    (("H100", "H200", "H800", "H20", "GH200"), "hopper"),
    (("B200", "B300", "GB"), "blackwell"),
    (("MI",), "amd"),
)


def generation(gpu: str) -> str:
    """Name the generation of a GPU id; one that no row knows is taken as hopper, the last fitted on many runs."""
    return next((name for letters, name in GENERATIONS if gpu.startswith(letters)), "hopper")
