"""Memory of serving a model: weights, the cache of keys and values, what a prompt needs on its way, the process.

Weights take their bits a parameter; 4-bit ones carry a scale per group of 128 and leave the tables in 16 bits. A token
in the cache takes 2 L g d w bytes, under latent attention L (rank + rope) w (DeepSeek-V2, arXiv:2405.04434, section
2.1.3); on sliding layers no more than their window is kept. Tensor parallelism divides weights and cache, the latent
cache only by replicas.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, get_args

from advisor.estimate.calibration import Calibration, calibration
from advisor.estimate.work import GPTQ_BYTES
from advisor.plan.shapes import ModelShape
from pricing.hardware import Gpu

ServingPrecision = Literal["fp32", "fp16", "int8", "int4"]
PRECISIONS: tuple[ServingPrecision, ...] = get_args(ServingPrecision)
WEIGHT_BYTES: dict[ServingPrecision, float] = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "int4": GPTQ_BYTES}
# The cache and activations stay at 16 bits under 8- and 4-bit weights, as vLLM and TensorRT-LLM do by themselves.
CACHE_BYTES: dict[ServingPrecision, float] = {"fp32": 4.0, "fp16": 2.0, "int8": 2.0, "int4": 2.0}
# Tokens of a prompt that pass through the model at once (vLLM's chunked prefill, default of max_num_batched_tokens).
CHUNK_TOKENS = 2048
GIB = 2.0**30
MOST_GPUS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingMemory:
    """GiB of one replica over all its GPUs; `gpus` are the fewest of a node that hold it, None where 8 do not."""

    precision: ServingPrecision
    weights: float
    cache: float
    activations: float
    overhead: float
    gpus: int | None
    largest_batch: int

    @property
    def total(self) -> float:
        """Add the parts."""
        return self.weights + self.cache + self.activations + self.overhead

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        names = ("weights", "cache", "activations", "overhead", "total")
        parts = {name: round(getattr(self, name), 3) for name in names}
        return {
            "precision": self.precision,
            "memory_gib": parts,
            "gpus": self.gpus,
            "largest_batch": self.largest_batch,
        }


def serving_memory(
    shape: ModelShape,
    gpu: Gpu,
    precision: ServingPrecision,
    *,
    batch: int,
    context: int,
    constants: Calibration | None = None,
) -> ServingMemory:
    """Size a replica that serves `batch` sequences of `context` tokens at once.

    `largest_batch` is what fits on those GPUs at that context (on 8 where the asked batch does not fit).
    """
    chosen = constants or calibration()
    weights = weight_bytes(shape, precision) / GIB
    each = cache_bytes(shape, precision, context) / GIB
    activations = _prefill_bytes(shape, precision, min(CHUNK_TOKENS, batch * context)) / GIB
    alone = chosen.context_gib + chosen.workspace_gib
    capacity = gpu.memory_mib / 1024

    def overhead(gpus: int) -> float:
        return gpus * (alone + chosen.communicator_gib * (gpus > 1))

    fitting = (
        gpus for gpus in (1, 2, 4, 8) if weights + batch * each + gpus * activations + overhead(gpus) <= gpus * capacity
    )
    gpus = next(fitting, None)
    used = gpus or MOST_GPUS
    room = used * capacity - weights - used * activations - overhead(used)
    return ServingMemory(
        precision=precision,
        weights=weights,
        cache=batch * each,
        activations=used * activations,
        overhead=overhead(used),
        gpus=gpus,
        largest_batch=max(0, int(room / each)),
    )


def weight_bytes(shape: ModelShape, precision: ServingPrecision) -> float:
    """Bytes of all weights; tables stay at 16 bits under 4-bit weights."""
    tables = shape.embedding_parameters if precision == "int4" else 0
    return WEIGHT_BYTES[precision] * (shape.parameters - tables) + 2.0 * tables


def cache_bytes(shape: ModelShape, precision: ServingPrecision, context: int) -> float:
    """Bytes of keys and values of one sequence."""
    width = CACHE_BYTES[precision]
    if shape.latent is not None:
        return shape.layers * (shape.latent.kv_lora_rank + shape.latent.qk_rope_head_dim) * width * context
    sliding = min(context, shape.sliding_window or context)
    tokens = (shape.layers - shape.sliding_layers) * context + shape.sliding_layers * sliding
    return 2 * shape.kv_heads * shape.head_dim * width * tokens


def _prefill_bytes(shape: ModelShape, precision: ServingPrecision, tokens: int) -> float:
    """Bytes of the widest moment of a chunk of prompt in one layer, and of its logits of one token a sequence."""
    widest = max(3 * shape.ffn_size, 4 * shape.attention_heads * shape.head_dim) + 2 * shape.hidden_size
    return CACHE_BYTES[precision] * tokens * widest + 4.0 * ceil(tokens / CHUNK_TOKENS) * shape.vocab_size
