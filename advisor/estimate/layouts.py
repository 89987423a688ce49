"""Legal ways to split a job over GPUs, as arrays: one element of every array is one layout.

Symbols: t tensor, p pipeline, v virtual stages a rank, c context, e expert parallel, D data parallel; t p c D = GPUs.
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.estimate.work import Work
from advisor.plan.schema import Method
from advisor.recommendation import Layout

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RECOMPUTE: tuple[Literal["none", "selective", "full"], ...] = ("none", "selective", "full")
NONE, SELECTIVE, FULL = 0, 1, 2
MOST_MICRO_BATCH = 64
# Longer micro batches bring no speed: matrix products are at their best well before (calibration, half tokens).
MOST_MICRO_BATCH_TOKENS = 65_536
# Shorter pieces of a sequence are never worth their exchange.
LEAST_CONTEXT_TOKENS = 2_048
# An uneven pipeline may waste this share of its stages' time: 61 layers on 16 stages (DeepSeek-V3) waste 5 %.
MOST_UNEVEN = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """Many layouts; `nodes` names the node count that each belongs to."""

    nodes: Ints
    tp: Ints
    pp: Ints
    virtual: Ints
    cp: Ints
    ep: Ints
    dp: Ints
    zero_stage: Ints
    micro_batch: Ints
    micro_batches: Ints
    recompute: Ints

    def __len__(self) -> int:
        """Count them."""
        return len(self.tp)

    def take(self, chosen: Bools | Ints) -> "Layouts":
        """Keep those chosen by a mask or by indices."""
        return Layouts(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})

    def layout(self, index: int) -> Layout:
        """Return one as the recommendation writes it."""
        return Layout(
            tp=int(self.tp[index]),
            pp=int(self.pp[index]),
            cp=int(self.cp[index]),
            ep=int(self.ep[index]),
            dp=int(self.dp[index]),
            zero_stage=int(self.zero_stage[index]),
            micro_batch=int(self.micro_batch[index]),
            recompute=RECOMPUTE[int(self.recompute[index])],
        )

    def batch_sequences(self) -> Ints:
        """Sequences per optimizer step: D b m."""
        return self.dp * self.micro_batch * self.micro_batches

    def stage_layers(self, layers: int) -> Ints:
        """Layers of the fullest stage."""
        return -(-layers // self.pp)


def legal_layouts(work: Work, gpus_per_node: int, node_counts: tuple[int, ...]) -> Layouts:
    """Return every legal layout of the node counts.

    t divides heads, feed-forward width and the node's GPUs, and key/value heads or is a multiple of them; p may leave
    some stages a layer short; c divides the sequence in 2 c pieces (causal balance); e divides experts and c D; the
    batch is a whole number of micro batches of every rank. ZeRO 2 and 3 exclude pipelines, which keep gradients and
    weights over micro batches. QLoRA shards no matrix: 4-bit blocks are quantised over whole rows.
    """
    nodes, tp, pp, cp, ep = _grid(
        np.array(node_counts),
        _tensor_degrees(work, gpus_per_node),
        _pipeline_degrees(work, gpus_per_node * max(node_counts)),
        _context_degrees(work),
        _expert_degrees(work),
    )
    ranks = tp * pp * cp
    gpus = nodes * gpus_per_node
    dp = gpus // ranks
    kept = (gpus % ranks == 0) & (dp >= 1)
    kept &= (dp * cp % ep == 0) & (dp <= work.batch_sequences)
    nodes, tp, pp, cp, ep, dp = (each[kept] for each in (nodes, tp, pp, cp, ep, dp))
    which, zero, micro, recompute = _grid(
        np.arange(len(nodes)), np.arange(4), 2 ** np.arange(_most_micro(work) + 1), np.arange(3)
    )
    found = Layouts(
        nodes=nodes[which],
        tp=tp[which],
        pp=pp[which],
        virtual=np.ones_like(which),
        cp=cp[which],
        ep=ep[which],
        dp=dp[which],
        zero_stage=zero,
        micro_batch=micro,
        micro_batches=np.maximum(1, np.rint(work.batch_sequences / (dp[which] * micro)).astype(np.int64)),
        recompute=recompute,
    )
    return found.take(_legal(found, work))


def _legal(found: Layouts, work: Work) -> Bools:
    shards = found.dp * found.cp
    legal: Bools = (found.zero_stage == 0) | (shards > 1)
    legal &= (found.zero_stage < 2) | (found.pp == 1)
    legal &= (found.zero_stage == 0) | work.sharded
    legal &= (found.micro_batch == 1) | (
        found.micro_batch * (work.sequence_length // found.cp) <= MOST_MICRO_BATCH_TOKENS
    )
    if work.batch_is_exact:
        legal &= found.batch_sequences() == work.batch_sequences
    else:
        legal &= found.batch_sequences() <= 1.25 * work.batch_sequences
    return legal


def _tensor_degrees(work: Work, gpus_per_node: int) -> Ints:
    shape = work.shape
    if work.method == "qlora":
        return np.array([1])
    width = shape.ffn_size if shape.experts is None else np.gcd(shape.ffn_size, shape.experts.ffn_size)
    degrees = [
        t
        for t in range(1, gpus_per_node + 1)
        if gpus_per_node % t == 0
        and shape.attention_heads % t == 0
        and width % t == 0
        and (shape.kv_heads % t == 0 or t % shape.kv_heads == 0)
    ]
    return np.array(degrees)


def _pipeline_degrees(work: Work, most: int) -> Ints:
    layers = work.shape.layers
    if work.method == "qlora":
        return np.array([1])
    degrees = [p for p in range(1, min(layers, most) + 1) if -(-layers // p) * p <= layers * (1 + MOST_UNEVEN)]
    return np.array(degrees)


def _context_degrees(work: Work) -> Ints:
    if single_sequence(work.method):
        return np.array([1])
    degrees = [1]
    while work.sequence_length % (4 * degrees[-1]) == 0 and (
        work.sequence_length // (2 * degrees[-1]) >= LEAST_CONTEXT_TOKENS
    ):
        degrees.append(2 * degrees[-1])
    return np.array(degrees)


def single_sequence(method: Method) -> bool:
    """Whether a sequence stays on one GPU: the 4-bit trainers have no context parallelism."""
    return method == "qlora"


def _expert_degrees(work: Work) -> Ints:
    experts = work.shape.experts
    count = 1 if experts is None or work.method == "qlora" else experts.count
    return np.array([e for e in range(1, min(count, 256) + 1) if count % e == 0 and (e & (e - 1)) == 0])


def _most_micro(work: Work) -> int:
    """Exponent of the largest micro batch worth looking at."""
    return int(np.log2(min(MOST_MICRO_BATCH, work.batch_sequences)))


def _grid(*axes: Ints) -> tuple[Ints, ...]:
    return tuple(each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
