"""How the software of a published run trains: its stack, bytes per parameter, loss, and what its memory figure means.

Everything is read from what a row says; where it says nothing, from what its framework does by itself.
"""

import re

from advisor.estimate.published_cells import Row, text
from advisor.estimate.work import GPTQ_BYTES, NF4_BYTES, Loss, Reading, Stack, StateBytes
from advisor.plan.schema import Method, Precision

FUSED_FRAMEWORKS = ("nemo", "megatron", "maxtext", "jax", "levanter", "axlearn", "mlperf", "transformerengine", "te ")
# The first pattern that a sharding without blanks and dashes holds.
SHARDINGS = (
    (r"gradop", "fsdp2"),
    (r"zero(stage)?3|zero\+\+", "zero3"),
    (r"zero(stage)?2", "zero2"),
    (r"zero(stage)?1|distopt|distributedoptimizer", "zero1"),
    (r"hsdp|fsdp|fullshard|hybridshard", "fsdp"),
)
# DeepSeek's own framework, and kernels that it published, cross to a node once (arXiv:2412.19437, section 3.2.2).
RECENT_FRAMEWORKS = ("hai-llm", "deepep", "dualpipe")
OLD_FRAMEWORKS = ("megatron-deepspeed", "sc21", "gpt-neox", "metaseq")
PEFT_FRAMEWORKS = ("swift", "peft", "trl", "axolotl", "transformers")
HUGGING_FACE = ("swift", "hf", "hugging", "trl", "axolotl", "llama-factory", "llamafactory", "peft", "transformers")
# Linear kernels of four bits since Megatron-Bridge 25.11 (NVFP4, arXiv:2509.25149).
FOUR_BIT = ("nvfp4", "mxfp4", "fp4")


def sharding_of(row: Row) -> str:
    """Read the sharding as `none`, `zero1`, `zero2`, `zero3`, `fsdp`, `fsdp2` (gradients and optimizer), or blank.

    "ZeRO-3", "deepspeed zero 3", "FSDP full_shard", "SHARD_GRAD_OP", "HSDP", "distributed optimizer" are known. Where
    nothing is said, DeepSpeed's stage in the framework's name counts.
    """
    said = re.sub(r"[\s_\-]", "", text(row, "sharding")) or re.sub(r"[\s_\-]", "", text(row, "framework"))
    for pattern, name in SHARDINGS:
        if re.search(pattern, said):
            return name
    return "none" if text(row, "sharding") else ""


def method_of(row: Row) -> Method:
    """Tell the method by kind and by the bits of the frozen weights."""
    kind, trained = text(row, "kind"), text(row, "trainable")
    if kind == "qlora" or (kind == "lora" and re.search(r"nf4|int4|int8|4-?bit|8-?bit", trained)):
        return "qlora"
    if "lora" in kind or "lora" in trained or "adapter" in kind or "peft" in kind:
        return "lora"
    return "pretrain" if kind in {"", "pretrain"} else "full_finetune"


def precision_of(row: Row) -> Precision:
    """Read "mxfp8", "fp16", "tf32" …; bf16 where nothing is said."""
    said = text(row, "precision")
    if "fp8" in said or any(name in said for name in FOUR_BIT) or "float8" in said:
        return "fp8"
    if "bf16" in said or "bfloat16" in said:
        return "bf16"
    if "fp16" in said or "float16" in said or "half" in said:
        return "fp16"
    return "fp32" if "32" in said else "bf16"


def stack_of(row: Row) -> Stack:
    """Tell the stack by its attention and framework; NVIDIA's frameworks since 2025 are `current`.

    Where no framework is named, fp8 says that it is a recent one.
    """
    framework = text(row, "framework")
    if text(row, "attn_impl") == "unfused" or any(name in framework for name in OLD_FRAMEWORKS):
        return "unfused"
    if any(name in framework for name in RECENT_FRAMEWORKS) or (not framework and precision_of(row) == "fp8"):
        return "current"
    if any(name in framework for name in FUSED_FRAMEWORKS) or text(row, "attn_impl") == "te":
        recent = "bridge" in framework or re.search(r"nemo (2[5-9])\.", framework)
        return "current" if recent else "fused"
    return "plain"


def loss_of(row: Row, stack: Stack) -> Loss:
    """Tell the loss by its name in the notes, or by what the framework does by itself."""
    framework, notes = text(row, "framework"), text(row, "notes") + text(row, "optimizer") + text(row, "framework")
    if re.search(r"chunked|liger|cut.?cross|unsloth|fused.?linear", notes):
        return "chunked"
    if "torchtune" in framework and "compile" in framework:
        return "chunked"
    if any(name in framework for name in HUGGING_FACE):
        return "copies"
    return "plain" if stack == "plain" else "fused"


def reading_of(row: Row) -> Reading:
    """Tell what the figure of memory is; reserved where the row does not say."""
    said = text(row, "mem_metric")
    if re.search(r"smi|device|nvml|used", said):
        return "device"
    if re.search(r"alloc|active|torch peak", said):
        return "allocated"
    return "reserved"


def state_bytes_of(row: Row, method: Method, precision: Precision, stack: Stack) -> StateBytes:
    """Bytes per parameter as the framework really keeps them (training_formulas.md, section 3, and the README)."""
    optimizer, framework, sharding = text(row, "optimizer"), text(row, "framework"), sharding_of(row)
    frozen, tables = frozen_bytes(row, method)
    moments = _moments(optimizer)
    in_backward = "in-backward" in optimizer or "in backward" in optimizer
    deepspeed = "deepspeed" in framework or (text(row, "sharding").startswith("zero") and "nanotron" not in framework)
    half = precision == "fp16"
    if precision == "fp32":
        made = (4.0, 4.0, moments, 4.0 if stack == "plain" else 0.0, False)
    elif ("bf16" in optimizer and "fp32" not in optimizer) or _pure_16_bit(row, method, stack, deepspeed):
        # Weights, gradients and moments in 16 bits; foreach kernels take one copy more.
        made = (2.0, 0.0 if in_backward else 2.0, moments / 2, 0.0 if in_backward else 2.0, False)
        if "8bit" in optimizer or "8-bit" in optimizer:
            made = (2.0, 0.0 if in_backward else 2.0, moments, 0.0, False)
    elif "8bit" in optimizer or "8-bit" in optimizer or in_backward:
        made = (2.0, 0.0 if in_backward else 2.0, moments, 0.0, False)
    elif "nanotron" in framework:
        # bf16 gradients beside the fp32 ones that they are added to.
        made = (2.0, 6.0, 4.0 + moments, 0.0, True)
    elif deepspeed and half:
        # fp16 gradients; master, moments and an fp32 copy of gradients in the partition.
        made = (2.0, 2.0, 8.0 + moments, 0.0, True)
    elif deepspeed and sharding in {"zero2", "zero3"}:
        made = (2.0, 2.0, 8.0 + moments, 0.0, True)
    elif deepspeed:
        made = (2.0, 6.0, 4.0 + moments, 0.0, True)
    elif sharding.startswith("fsdp") or stack == "plain":
        made = (4.0, 4.0, moments, 0.0, sharding.startswith("fsdp"))
    else:
        made = (2.0, 2.0 if half else 4.0, 4.0 + moments + (4.0 if half else 0.0), 0.0, True)
    weight, gradient, kept, step, persistent = made
    if "offload" in optimizer or "offload" in text(row, "sharding"):
        kept, step = 0.0, 0.0
    return StateBytes(
        weight=weight,
        gradient=gradient,
        optimizer=kept,
        frozen=frozen,
        frozen_tables=tables,
        step=step,
        persistent_gradients=persistent,
    )


def _moments(optimizer: str) -> float:
    """Bytes of fp32 moments: AdamW 8, of 8 bits 2, one of momentum 4, Adafactor's factors next to none."""
    if re.search(r"8-?bit", optimizer):
        return 2.0
    if "adafactor" in optimizer:
        return 0.1
    if re.search(r"lion|muon|momentum", optimizer):
        return 4.0
    return 0.0 if "sgd" in optimizer else 8.0


def _pure_16_bit(row: Row, method: Method, stack: Stack, deepspeed: bool) -> bool:
    """Tuning with PyTorch loads weights in 16 bits and trains them as they are, unless sharding keeps masters."""
    return (
        method == "full_finetune"
        and stack in {"plain", "unfused"}
        and not deepspeed
        and sharding_of(row) in {"", "none"}
    )


def frozen_bytes(row: Row, method: Method) -> tuple[float, float]:
    """Bytes of a frozen matrix parameter and of one of the tables.

    4-bit NormalFloat with doubly quantised scales 4.127 bits, without 4.5, GPTQ 4 bits and scales, 8 bits 1 byte.
    """
    trained = text(row, "trainable")
    if method != "qlora":
        return 2.0, 2.0
    if "int8" in trained or re.search(r"8-?bit", trained):
        return 1.0, 2.0
    if "gptq" in trained or "awq" in trained:
        return GPTQ_BYTES, 2.0
    # PEFT's preparation for k-bit training turns what is not quantised into fp32.
    tables = 4.0 if any(name in text(row, "framework") for name in PEFT_FRAMEWORKS) else 2.0
    torch_own = "torchtune" in text(row, "framework")
    return (NF4_BYTES if torch_own or "nf4" not in trained or "double" in trained else 4.5 / 8), tables


def recomputes_by_itself(row: Row) -> bool:
    """Whether a framework recomputes activations where nobody says otherwise: trainers for tuning on few GPUs."""
    return any(name in text(row, "framework") for name in (*HUGGING_FACE, "unsloth", "torchtune"))
