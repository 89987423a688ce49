"""Memory of serving: sizes that everyone knows, laws, and the command."""

import json

import pytest
from click.testing import CliRunner

from advisor.cli.estimate import estimate
from advisor.estimate.inference import PRECISIONS, cache_bytes, serving_memory, weight_bytes
from advisor.plan.presets import presets
from advisor.plan.shapes import shape_from_parameters
from pricing.hardware import gpus

PLAN = "version: 1\nname: a\njobs:\n  - {name: serve, model: llama-2-7b, method: lora, tokens: 1e9, sequence_length: 4096}\n"


@pytest.mark.parametrize(("billions", "fp16", "int8"), [(7, 14, 7), (13, 26, 13), (32, 64, 32), (130, 260, 130)])
def test_weights_take_their_bits_a_parameter(billions, fp16, int8):
    """7B is 28 GB in fp32, 14 in fp16, 7 in int8, and a little over a quarter of fp16 in int4."""
    shape = shape_from_parameters("any", billions * 10**9)
    sizes = {precision: weight_bytes(shape, precision) / 1e9 for precision in PRECISIONS}
    assert (sizes["fp32"], sizes["fp16"], sizes["int8"]) == pytest.approx((2 * fp16, fp16, int8), rel=1e-9)
    assert 0.25 < sizes["int4"] / sizes["fp16"] < 0.4


def test_the_cache_of_llama_2_7b_takes_half_a_mib_a_token():
    """2 x 32 layers x 4096 x 2 bytes; grouped queries of Llama 3 8B take a quarter of it."""
    llama, grouped = presets()["llama-2-7b"].shape, presets()["llama-3-8b"].shape
    assert cache_bytes(llama, "fp16", 1) == 2**19
    assert cache_bytes(grouped, "fp16", 1) == 2**17


def test_a_latent_cache_is_small():
    """DeepSeek-V3 keeps (512 + 64) x 61 numbers a token: 70 KB, less than a model of 8B with grouped queries."""
    assert cache_bytes(presets()["deepseek-v3"].shape, "fp16", 1) == 61 * 576 * 2


@pytest.mark.parametrize(
    ("model", "gpu", "precision", "cards"),
    [("llama-2-7b", "RTX4090-24GB", "fp16", 1), ("plain-13b", "RTX4090-24GB", "fp16", 2),
     ("plain-13b", "RTX4090-24GB", "int4", 1), ("plain-32b", "A100-SXM-80GB", "fp16", 1),
     ("plain-130b", "H100-SXM-80GB", "fp16", 4), ("plain-130b", "A100-SXM-80GB", "int8", 2),
     ("deepseek-v3", "H200-SXM-141GB", "int8", 8), ("deepseek-v3", "H100-SXM-80GB", "int8", None)],
)  # fmt: skip
def test_cards_that_models_are_known_to_need(model, gpu, precision, cards):
    """A 7B in 16 bits on one 24 GB card, a 130B on four of 80 GB, DeepSeek-V3 in 8 bits on eight of 141 GB."""
    found = serving_memory(presets()[model].shape, gpus()[gpu], precision, batch=1, context=4096)
    assert found.gpus == cards


def test_the_largest_batch_fits_and_one_more_does_not():
    """On one card: the batch that is named fits, the next needs another card."""
    shape, gpu = presets()["llama-2-7b"].shape, gpus()["A100-SXM-80GB"]
    most = serving_memory(shape, gpu, "fp16", batch=1, context=4096).largest_batch
    assert serving_memory(shape, gpu, "fp16", batch=most, context=4096).gpus == 1
    assert serving_memory(shape, gpu, "fp16", batch=most + 1, context=4096).gpus == 2


def test_the_command_says_what_a_model_needs(tmp_path):
    """JSON has every precision on every GPU; the text is no wider than a terminal."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    arguments = [str(tmp_path / "plan.yaml"), "--task", "inference", "--batch", "8"]
    found = json.loads(CliRunner().invoke(estimate, [*arguments, "--json"]).stdout)["estimates"]
    assert {each["precision"] for each in found} == set(PRECISIONS)
    card = next(each for each in found if (each["gpu"], each["precision"]) == ("RTX4090-24GB", "int4"))
    assert card["memory_gib"]["cache"] == pytest.approx(16)
    text = CliRunner().invoke(estimate, arguments).output
    assert "RTX4090-24GB" in text
    assert max(map(len, text.splitlines())) <= 90
