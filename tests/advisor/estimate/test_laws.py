"""Laws of memory and speed, on random shapes, methods and machines."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.estimate.calibration import calibration
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import Layouts, legal_layouts
from advisor.estimate.memory import memory_bytes
from advisor.estimate.throughput import tokens_per_second
from advisor.estimate.work import Work, work_of
from advisor.plan.presets import presets
from advisor.plan.schema import Job
from pricing.hardware import gpus

MODELS = ["llama-3.2-1b", "deepseek-llm-7b", "plain-13b", "qwen2.5-32b", "mixtral-8x7b", "deepseek-v2-lite"]
GPUS = ["A100-SXM-40GB", "H100-SXM-80GB", "B200-SXM-180GB", "RTX4090-24GB"]
FAMILY = ("tp", "pp", "cp", "ep", "zero_stage", "micro_batch", "recompute")


def work(model: str, method: str = "full_finetune", **fields) -> Work:
    """Make the work of a preset."""
    document = {"name": "a", "model": model, "method": method, "tokens": 1_000_000, "global_batch_size": 64, **fields}
    return work_of(Job.model_validate(document), presets()[model].shape)


works = st.builds(
    work,
    st.sampled_from(MODELS),
    st.sampled_from(["full_finetune", "lora", "qlora"]),
    sequence_length=st.sampled_from([1024, 4096, 8192]),
    precision=st.sampled_from(["bf16", "fp16", "fp32"]),
)


def totals(job: Work, layouts: Layouts) -> np.ndarray:
    """Return the bytes of every layout."""
    return memory_bytes(job, layouts, calibration()).total()


def pairs(left: Layouts, right: Layouts, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Match layouts that agree in the named fields."""
    keys = {tuple(int(getattr(right, name)[i]) for name in names): i for i in range(len(right))}
    found = []
    for i in range(len(left)):
        match = keys.get(tuple(int(getattr(left, name)[i]) for name in names))
        if match is not None:
            found.append((i, match))
    return found


@given(works, st.sampled_from([1, 2, 4]))
@settings(max_examples=15, deadline=None)
def test_more_gpus_never_need_more_bytes_each(job, nodes):
    """Twice the nodes in the same family of layouts, only more replicas: no GPU needs more."""
    few = legal_layouts(job, 8, (nodes,))
    few = few.take(few.dp > 1)
    many = legal_layouts(job, 8, (2 * nodes,))
    before, after = totals(job, few), totals(job, many)
    for i, j in pairs(few, many, FAMILY):
        assert after[j] <= before[i] * (1 + 1e-12), few.layout(i)


@given(works)
@settings(max_examples=15, deadline=None)
def test_a_larger_micro_batch_never_needs_less(job):
    """Everything else the same, in flight too."""
    layouts = legal_layouts(job, 8, (2,))
    doubled = layouts.take(np.arange(len(layouts)))
    doubled = replace(doubled, micro_batch=2 * layouts.micro_batch)
    assert np.all(totals(job, layouts) <= totals(job, doubled) * (1 + 1e-12))


@given(works)
@settings(max_examples=15, deadline=None)
def test_a_longer_sequence_never_needs_less(job):
    """Twice the sequence in the same layout."""
    layouts = legal_layouts(job, 8, (2,))
    longer = replace(job, sequence_length=2 * job.sequence_length, attention_span=2 * job.attention_span)
    assert np.all(totals(job, layouts) <= totals(longer, layouts) * (1 + 1e-12))


@given(works)
@settings(max_examples=15, deadline=None)
def test_recomputation_never_needs_more(job):
    """None needs at least what selective recomputation needs, and that at least what full needs."""
    layouts = legal_layouts(job, 8, (2,))
    by_kind = [totals(job, replace(layouts, recompute=np.full_like(layouts.recompute, kind))) for kind in range(3)]
    assert np.all(by_kind[1] <= by_kind[0] * (1 + 1e-12))
    assert np.all(by_kind[2] <= by_kind[1] * (1 + 1e-12))


@given(works, st.sampled_from(GPUS), st.sampled_from([50.0, 400.0]), st.floats(1.1, 8))
@settings(max_examples=15, deadline=None)
def test_a_faster_link_or_network_is_never_slower(job, gpu, network, factor):
    """The same layouts on nodes with faster links, or a faster network between them."""
    slow = Hardware(name="a", gpu=gpus()[gpu], gpus_per_node=8, network_gbit_per_second=network)
    if slow.flop_per_second(job.precision) is None:
        return
    layouts = legal_layouts(job, 8, (2,))
    faster = [
        replace(slow, network_gbit_per_second=factor * network),
        replace(slow, gpu=replace(slow.gpu, link_gbyte_per_second=factor * slow.gpu.link_gbyte_per_second)),
    ]
    base = tokens_per_second(job, layouts, slow, calibration())
    for hardware in faster:
        assert np.all(tokens_per_second(job, layouts, hardware, calibration()) >= base * (1 - 1e-12))


@pytest.mark.parametrize("method", ["full_finetune", "lora", "qlora"])
def test_every_legal_layout_uses_all_gpus(method):
    """t p c D is the number of GPUs, whatever the method."""
    layouts = legal_layouts(work("deepseek-llm-7b", method), 8, (1, 2, 3))
    assert np.array_equal(layouts.tp * layouts.pp * layouts.cp * layouts.dp, 8 * layouts.nodes)
    assert {each.name for each in fields(layouts)} >= set(FAMILY)


@pytest.mark.parametrize("model", ["llama-3.2-1b", "deepseek-llm-7b"])
def test_compressed_gradients_are_never_slower_on_a_slow_network(model):
    """Over 10 Gbit/s every layout whose replicas span nodes is at least as fast at 8 bits, and at 4 faster yet."""
    slow = Hardware(name="a", gpu=gpus()["H100-SXM-80GB"], gpus_per_node=8, network_gbit_per_second=10)
    plain, *short = (work(model, gradient_compression=width) for width in ("none", "8bit", "4bit"))
    layouts = legal_layouts(plain, 8, (4,))
    layouts = layouts.take(layouts.tp * layouts.cp * layouts.dp > 8)
    before = tokens_per_second(plain, layouts, slow, calibration())

    assert len(layouts) > 20
    for each in short:
        after = tokens_per_second(each, layouts, slow, calibration())
        assert (after >= before).all()
        assert (after > before).any()
        before = after


@given(works)
@settings(max_examples=10, deadline=None)
def test_plain_data_parallelism_never_needs_less_memory(job):
    """Whole states on every GPU: a subset of the layouts, so that the smallest needs at least as much."""
    whole = replace(job, sharded=False)
    kept = legal_layouts(whole, 8, (2,))

    assert (kept.zero_stage == 0).all()
    if len(kept):
        assert totals(whole, kept).min() >= totals(job, legal_layouts(job, 8, (2,))).min()
