"""Sizes that everyone in the field knows, and the fits that follow from them."""

import pytest

from advisor.estimate import estimate_job
from advisor.estimate.hardware import Hardware
from advisor.estimate.work import state_bytes, work_of
from advisor.plan.presets import presets
from advisor.plan.schema import Job
from advisor.plan.shapes import shape_from_parameters
from pricing.hardware import gpus


def job(method: str = "full_finetune", **fields) -> Job:
    """Write a job of a method."""
    return Job.model_validate({"name": "a", "model": "any", "method": method, "tokens": 1_000_000, **fields})


def card(gpu: str, count: int = 1) -> Hardware:
    """Return a node of so many cards."""
    return Hardware(name="a", gpu=gpus()[gpu], gpus_per_node=count, network_gbit_per_second=100)


@pytest.mark.parametrize(("billions", "gigabytes"), [(7, 14), (13, 26), (32, 64), (130, 260)])
@pytest.mark.parametrize(("precision", "times"), [("fp16", 1), ("bf16", 1), ("fp32", 2)])
def test_weights_of_a_stated_count_take_two_or_four_bytes_each(billions, gigabytes, precision, times):
    """7B is 14 GB, 13B 26, 32B 64, 130B 260 in 16 bits, and twice that in 32."""
    shape = shape_from_parameters("any", billions * 1_000_000_000)
    bytes_each = state_bytes(job(precision=precision)).weight

    assert shape.parameters * bytes_each / 1e9 == pytest.approx(times * gigabytes, rel=1e-9)


@pytest.mark.parametrize(("name", "gigabytes"), [("plain-13b", 26), ("plain-32b", 64), ("plain-130b", 260)])
def test_presets_called_by_a_size_have_it(name, gigabytes):
    """A preset's counted parameters make the weights that its name says, within one percent."""
    assert 2 * presets()[name].shape.parameters / 1e9 == pytest.approx(gigabytes, rel=0.01)


@pytest.mark.parametrize(("precision", "bytes_each"), [("fp16", 16), ("bf16", 18), ("fp8", 18), ("fp32", 16)])
def test_adamw_takes_sixteen_to_eighteen_bytes_a_parameter(precision, bytes_each):
    """Before any sharding: ZeRO's 16 with 16-bit gradients, 18 where they are kept in 32 bits."""
    assert state_bytes(job(precision=precision)).trained == bytes_each


def test_deepseek_v3_has_671b_parameters_of_which_37b_run():
    """Counted from its shape; the paper says 671B in all and 37B active."""
    shape = presets()["deepseek-v3"].shape

    assert round(shape.parameters / 1e9) == 671
    assert 37 <= shape.active_parameters / 1e9 < 38


def test_a_7b_full_finetune_does_not_fit_one_24_gb_card_and_qlora_does():
    """16 bytes a parameter are 100 GiB; 4-bit weights under adapters are a few."""
    shape, nodes = presets()["deepseek-llm-7b"].shape, card("RTX4090-24GB")

    full = estimate_job(job(), shape, nodes, 1)
    light = estimate_job(job("qlora", sequence_length=2048), shape, nodes, 1)

    assert full.verdict == "does_not_fit"
    assert full.memory_gib is not None
    assert full.memory_gib.total > 100
    assert "optimizer" in (full.reason or "")
    assert light.verdict == "fits"


def test_lora_keeps_gradients_and_optimizer_of_its_adapters_alone():
    """A frozen 7B keeps 13 GiB of weights and under 1 GiB of training states; full training keeps ten times that."""
    shape, nodes = presets()["deepseek-llm-7b"].shape, card("H100-SXM-80GB")
    found = estimate_job(job("lora"), shape, nodes, 1).memory_gib

    assert found is not None
    assert found.weights == pytest.approx(2 * shape.parameters / 2**30, rel=0.05)
    assert found.gradients + found.optimizer < 1


def test_the_work_of_lora_counts_its_adapters():
    """Rank 16 on every linear layer of a 7B: tens of millions, well under one percent."""
    shape = presets()["deepseek-llm-7b"].shape

    assert 0.001 < work_of(job("lora"), shape).adapter_parameters / shape.parameters < 0.01


def test_an_older_stack_of_software_is_slower():
    """The same pretraining of a 7B: current, PyTorch alone, unfused kernels of 2022; each at most as fast as the last."""
    shape, nodes = presets()["llama-2-7b"].shape, card("A100-SXM-80GB", 8)
    speeds = [
        estimate_job(job("pretrain", software_stack=stack), shape, nodes, 2).tokens_per_second
        for stack in ("current", "fused", "plain", "unfused")
    ]

    assert speeds == sorted(speeds, reverse=True)
    assert speeds[0] > 1.3 * speeds[-1]
