"""Model presets: counts computed from the shape against what publishers say."""

import re

import pytest

from advisor.plan.presets import presets


@pytest.mark.parametrize("name", presets())
def test_computed_counts_meet_the_published_ones(name):
    """Counted from the shape, every preset is within 0.5 % of what its publisher says, active ones within 12 %."""
    preset = presets()[name]

    assert preset.shape.parameters == pytest.approx(preset.published_parameters, rel=0.005)
    if preset.published_active:
        assert preset.shape.active_parameters == pytest.approx(preset.published_active, rel=0.12)
    assert (preset.published_active is None) == (preset.shape.experts is None)
    assert preset.source
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", preset.date)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("llama-3.1-405b", 405_853_388_800),
        ("llama-3.2-1b", 1_235_814_400),
        ("llama-2-7b", 6_738_415_616),
        ("llama-2-13b", 13_015_864_320),
        ("mistral-7b", 7_241_732_096),
        ("mixtral-8x7b", 46_702_792_704),
        ("mixtral-8x22b", 140_620_634_112),
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen2.5-7b", 7_615_616_512),
        ("qwen2.5-72b", 72_706_203_648),
        ("qwen3-8b", 8_190_735_360),
        ("qwen3-30b-a3b", 30_532_122_624),
        ("qwen3-235b-a22b", 235_093_634_560),
        ("deepseek-llm-7b", 6_910_365_696),
        ("deepseek-llm-67b", 67_425_001_472),
        ("deepseek-v2", 235_741_434_880),
        ("deepseek-v2-lite", 15_706_484_224),
        ("deepseek-v3", 671_026_419_200),
    ],
)
def test_exact_published_counts_are_met_exactly(name, count):
    """Where the published count is exact, so is ours: grouped queries, biases, norms, experts, latent attention."""
    assert presets()[name].shape.parameters == count


def test_v3_is_671_billion_of_which_37_run():
    """DeepSeek-V3 has 671 B parameters, 37 B active per token."""
    shape = presets()["deepseek-v3"].shape

    assert round(shape.parameters / 1e9) == 671
    assert 36.5 < shape.active_parameters / 1e9 < 38


@pytest.mark.parametrize(("name", "gigabytes"), [("plain-13b", 26), ("plain-32b", 64), ("plain-130b", 260)])
def test_plain_shapes_weigh_what_everyone_knows(name, gigabytes):
    """Two bytes a parameter: 13B is 26 GB, 32B 64 GB, 130B 260 GB, within 1 %."""
    assert presets()[name].shape.parameters * 2 / 1e9 == pytest.approx(gigabytes, rel=0.01)


def test_names_are_one_kind_of_name():
    """Preset names are lower-case words, digits and dots joined by hyphens."""
    assert all(re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)*", name) for name in presets())
