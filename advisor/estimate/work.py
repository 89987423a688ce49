"""A job as the estimate sees it: what is computed per token, and how many bytes a parameter takes while it trains."""

from dataclasses import dataclass
from typing import Literal

from advisor.plan.schema import Job, Method, Precision, SoftwareStack
from advisor.plan.shapes import ModelShape

# Defaults of the contract, "The plan document", global_batch_size.
PRETRAINING_BATCH_TOKENS = 4_194_304
TUNING_BATCH_SEQUENCES = 64
# Rank of adapters on every linear layer (LoRA, arXiv:2106.09685; QLoRA, arXiv:2305.14314, section 4).
ADAPTER_RANK = 16
# 4-bit NormalFloat in blocks of 64 with doubly quantised scales: 4.127 bits (QLoRA, arXiv:2305.14314, section 3).
NF4_BYTES = 4.127 / 8
# 4-bit GPTQ in groups of 128: 4 bits, a 16-bit scale and a 4-bit zero a group, and unquantised rests.
GPTQ_BYTES = 0.53

# `current`: Megatron Core and its like since 2025; `fused`: NeMo, Transformer Engine of 2023 and 2024; `plain`: PyTorch
# with flash attention (FSDP, torchtitan, nanotron, Hugging Face); `unfused`: 2020 to 2022.
Stack = SoftwareStack
# How the loss treats logits: kernels that keep them once; chunks of tokens; PyTorch's cross entropy; the shifted
# copies of Hugging Face models.
Loss = Literal["fused", "chunked", "plain", "copies"]
# What a figure of memory is: tensors that live; what the allocator holds; what the device has lost.
Reading = Literal["allocated", "reserved", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBytes:
    """Bytes per trained parameter of weights, gradients and optimizer, and per frozen matrix parameter.

    `step` is what the optimizer's step allocates beside them (PyTorch's foreach AdamW: one more copy);
    `persistent_gradients` are allocated once, others grow while activations shrink.
    """

    weight: float
    gradient: float
    optimizer: float
    frozen: float = 0.0
    frozen_tables: float = 2.0
    step: float = 0.0
    persistent_gradients: bool = True

    @property
    def trained(self) -> float:
        """All bytes of a trained parameter before sharding (ZeRO, arXiv:1910.02054, section 3.1: 16 to 18)."""
        return self.weight + self.gradient + self.optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What runs, apart from where.

    `batch_sequences` per optimizer step; where `batch_is_exact` is false the nearest legal batch is taken.
    `gradient_share` is what compression leaves of the bytes that replicas exchange of gradients; unless `sharded`,
    states are whole on every GPU. `attention_span` is how many keys a query's scores are computed with, on average.
    """

    shape: ModelShape
    method: Method
    sequence_length: int
    batch_sequences: int
    batch_is_exact: bool
    precision: Precision
    states: StateBytes
    attention_span: float
    adapter_parameters: int = 0
    stack: Stack = "current"
    loss: Loss = "fused"
    reading: Reading = "device"
    scores_are_kept: bool = False
    sequence_parallel: bool = True
    eager_norms: bool = False
    compiled: bool = False
    quantised_on_device: bool = True
    whole_weights_first: bool = False
    adapters_on_mlp: bool = True
    four_bit_products: bool = False
    selective_share: float | None = None
    first_flash_attention: bool = False
    reduce_bytes: float = 2.0
    gradient_share: float = 1.0
    sharded: bool = True

    @property
    def is_adapter(self) -> bool:
        """Whether the model is frozen under trained adapters."""
        return self.method in {"lora", "qlora"}

    @property
    def element_bytes(self) -> int:
        """Bytes of an activation."""
        return 4 if self.precision == "fp32" else 2


def work_of(job: Job, shape: ModelShape) -> Work:
    """Make the work of a plan's job; causal attention computes s / 2 keys a query, all s where it is not fused."""
    sequences, exact = batch_of(job)
    return Work(
        shape=shape,
        method=job.method,
        sequence_length=job.sequence_length,
        batch_sequences=sequences,
        batch_is_exact=exact,
        precision=job.precision,
        states=state_bytes(job),
        attention_span=job.sequence_length / (1 if job.software_stack == "unfused" else 2),
        adapter_parameters=adapter_parameters(shape) if job.method in {"lora", "qlora"} else 0,
        stack=job.software_stack,
        loss="plain" if job.software_stack == "plain" else "fused",
        scores_are_kept=job.software_stack == "unfused",
        eager_norms=job.software_stack == "plain" and shape.gated_mlp,
        gradient_share={"none": 1.0, "8bit": 1 / 2, "4bit": 1 / 4}[job.gradient_compression],
        sharded=job.data_parallel == "sharded",
    )


def batch_of(job: Job) -> tuple[int, bool]:
    """Return sequences per step and whether they are exact: the default of pretraining is about 4M tokens."""
    if job.global_batch_size is not None:
        return job.global_batch_size, True
    if job.method == "pretrain":
        return max(1, round(PRETRAINING_BATCH_TOKENS / job.sequence_length)), False
    return TUNING_BATCH_SEQUENCES, True


def state_bytes(job: Job) -> StateBytes:
    """Bytes per parameter of mixed precision (ZeRO, section 3.1; Megatron-LM dist_optimizer.md).

    bf16 and fp8: 2 + 4 (gradients kept in fp32) + 12 = 18; fp16: 2 + 2 + 12 = 16; fp32: 4 + 4 + 8 = 16. The
    optimizer's part is an fp32 master copy (not for fp32) and AdamW's two moments in fp32, 8-bit moments 2 bytes
    (arXiv:2110.02861), Adafactor's factored one next to 0 (arXiv:1804.04235), SGD none.
    """
    moments = {"adamw": 8.0, "adamw_8bit": 2.0, "adafactor": 0.1, "sgd": 0.0}[job.optimizer]
    full = job.precision == "fp32"
    weight = 4.0 if full else 2.0
    gradient = {"fp32": 4.0, "fp16": 2.0}.get(job.precision, 4.0)
    frozen = NF4_BYTES if job.method == "qlora" else weight
    return StateBytes(weight=weight, gradient=gradient, optimizer=moments + (0.0 if full else 4.0), frozen=frozen)


def adapter_parameters(shape: ModelShape, rank: int = ADAPTER_RANK) -> int:
    """Sum r (in + out) over the linear layers; of a mixture of experts those outside the routed experts (LoRA)."""
    h, d = shape.hidden_size, shape.head_dim
    query, keys = shape.attention_heads * d, shape.kv_heads * d
    attention = 2 * (h + query) + 2 * (h + keys)
    dense = shape.layers - shape.moe_layers
    mlp = (3 if shape.gated_mlp else 2) * (h + shape.ffn_size)
    return rank * (shape.layers * attention + dense * mlp)
