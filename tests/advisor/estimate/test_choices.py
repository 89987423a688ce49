"""The best k, the Pareto set, batch advice and remedies, against brute force over all layouts."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.estimate.calibration import calibration
from advisor.estimate.choices import batch_advice, choices, remedies
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import legal_layouts
from advisor.estimate.memory import memory_bytes
from advisor.estimate.search import best_layouts
from advisor.estimate.throughput import tokens_per_second
from advisor.estimate.work import work_of
from advisor.plan.presets import presets
from advisor.plan.schema import Job
from pricing.hardware import gpus


def work(model: str = "deepseek-llm-7b", method: str = "full_finetune", **fields):
    """Make the work of a preset."""
    document = {"name": "a", "model": model, "method": method, "tokens": 10**9, **fields}
    return work_of(Job.model_validate(document), presets()[model].shape)


def nodes_of(gpu: str = "H100-SXM-80GB", count: int = 8) -> Hardware:
    """Return nodes of so many cards."""
    return Hardware(name="a", gpu=gpus()[gpu], gpus_per_node=count, network_gbit_per_second=3200)


@pytest.mark.parametrize("model", ["deepseek-llm-7b", "mixtral-8x7b"])
def test_best_and_pareto_are_those_of_brute_force(model):
    """The k fastest of all that fit, and no listed layout beaten in both speed and memory by any other."""
    job, hardware = work(model, "pretrain"), nodes_of()
    found = choices(job, hardware, 4, k=7)
    layouts = legal_layouts(job, 8, (4,))
    gib = memory_bytes(job, layouts, calibration()).total() / 2**30
    speed = tokens_per_second(job, layouts, hardware, calibration())
    fits = gib <= hardware.capacity_gib
    assert (found.looked_at, found.fitting) == (len(layouts), int(fits.sum()))
    assert [each.tokens_per_second for each in found.best] == pytest.approx(sorted(speed[fits], reverse=True)[:7])
    for each in found.pareto:
        faster = fits & (speed > each.tokens_per_second * (1 + 1e-9))
        assert not np.any(gib[faster] < each.memory_gib.total * (1 - 1e-9))
    assert found.pareto[0].tokens_per_second == found.best[0].tokens_per_second
    assert found.pareto[-1].memory_gib.total == pytest.approx(gib[fits].min(), rel=0.2)


def test_the_batch_is_micro_batch_times_accumulation_times_replicas():
    """A stated global batch is reached exactly, and the largest micro batch that fits does fit."""
    job = work(global_batch_size=256)
    found = batch_advice(job, nodes_of(), 2)
    assert found.batch == 256
    assert found.largest_micro_batch >= found.micro_batch
    assert {each.what for each in found.changes} >= {"one more node", "sequences of 8192 tokens"}


def test_changes_say_what_they_bring():
    """Full recomputation is slower and smaller; one more node is faster in all."""
    job = work(global_batch_size=256)
    here = best_layouts(job, nodes_of(), (2,))[0]
    found = {each.what: each.estimate for each in batch_advice(job, nodes_of(), 2).changes}
    assert found["full recomputation"].tokens_per_second < here.tokens_per_second
    assert batch_advice(job, nodes_of(), 4) is not None


def test_nothing_fits_gives_no_batch_but_remedies():
    """A full fine-tune of 7B on one 24 GB card: QLoRA fits, what comes before it does not, in an engineer's order."""
    card = nodes_of("RTX4090-24GB", 1)
    job = work(sequence_length=2048)
    assert batch_advice(job, card, 1) is None
    others = {"8-bit optimizer": work(sequence_length=2048, optimizer="adamw_8bit"), "QLoRA": work(method="qlora", sequence_length=2048)}  # fmt: skip
    found = remedies(job, card, 1, others=others, bigger=[nodes_of("H200-SXM-141GB", 1)])
    names = [each.what for each in found]
    assert names.index("micro batch 1") < names.index("recomputation") < names.index("8-bit optimizer") < names.index("QLoRA")  # fmt: skip
    fits = {each.what for each in found if each.estimate is not None}
    assert "QLoRA" in fits
    assert "on H200-SXM-141GB" in fits
    assert not fits & {"micro batch 1", "recomputation", "ZeRO", "8-bit optimizer"}
    assert all(each.reason for each in found if each.estimate is None)


def test_a_job_that_fits_as_it_is_needs_no_remedy():
    """LoRA of 7B on H100: nothing to mend."""
    assert remedies(work(method="lora"), nodes_of(), 1) == []


def test_every_layout_of_deepseek_v3_on_2048_gpus_is_looked_at():
    """Thousands of legal splits, experts and heads respected, and one of them fits."""
    job = work("deepseek-v3", "pretrain", precision="fp8", global_batch_size=15360)
    hardware = replace(nodes_of("H800-SXM-80GB"))
    found = choices(job, hardware, 256)
    assert found.looked_at > 5000
    assert all(256 % each.layout.ep == 0 and 128 % each.layout.tp == 0 for each in found.pareto)
    assert found.best[0].verdict in {"fits", "tight"}
