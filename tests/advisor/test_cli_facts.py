"""`advisor models` and `advisor machines`: readable in 80 columns, every number with its source."""

import json

import pytest
from click.testing import CliRunner

from advisor.cli.facts import machines, models
from advisor.errors import UsageInvalid
from advisor.plan.presets import presets
from pricing import hardware


def run(command, *words):
    """Run a command in 80 columns; it must succeed."""
    result = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(command, words, catch_exceptions=False)

    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (models, []),
        (models, ["--sources"]),
        (models, ["deepseek-v3"]),
        (machines, []),
        (machines, ["--sources"]),
        (machines, ["a3-megagpu-8g"]),
        (machines, ["H100-SXM-80GB"]),
    ],
)
def test_everything_fits_80_columns_without_colour(command, words):
    """No line is longer than 80 characters and none holds an escape sequence."""
    output = run(command, *words)

    assert max(len(line) for line in output.splitlines()) <= 80
    assert "\x1b" not in output


def test_every_machine_and_gpu_is_on_one_line():
    """The list names each machine with its GPU, and each GPU with its peak, unbroken."""
    lines = run(machines).splitlines()

    for machine in hardware.machines().values():
        assert sum(machine.name in line and f"{machine.gpus_per_node} x {machine.gpu}" in line for line in lines) == 1
    for gpu in hardware.gpus().values():
        assert sum(line.startswith(f"{gpu.id} ") and f"{gpu.memory_mib:,}" in line for line in lines) == 1


def test_a_format_that_a_device_lacks_is_none():
    """V100 has neither bf16 nor fp8: the cell says none, not 0."""
    line = next(line for line in run(machines).splitlines() if line.startswith("V100-SXM-32GB"))

    assert line.split()[3:5] == ["none", "none"]


def test_every_preset_is_listed():
    """The list names each preset."""
    output = run(models)

    assert all(name in output for name in presets())


def test_sources_are_shown_for_every_row():
    """With --sources each row is followed by where it comes from."""
    listed = " ".join(run(models, "--sources").split())
    facts = " ".join(run(machines, "--sources").split())

    assert all(" ".join(preset.source.split()) in listed for preset in presets().values())
    assert "EC2 DescribeInstanceTypes, copy in moto 5.2.5 (2026-08)" in facts
    assert "NVIDIA A100 data sheet (2021-06)" in facts


def test_one_machine_shows_each_fact_with_source_and_date():
    """A named machine lists value, unit, note, source and date of every fact."""
    output = " ".join(run(machines, "a3-ultragpu-8g").split())

    for fact in hardware.machines()["a3-ultragpu-8g"].facts.values():
        assert f"{fact.source} ({fact.date})" in output
        assert fact.note in output
    assert "3,200 Gbit/s" in output


def test_one_model_shows_its_shape_and_both_counts():
    """A named preset shows the count from its shape beside the published one."""
    output = run(models, "deepseek-v3")

    assert "671,026,419,200" in output
    assert "37,000,000,000" in output
    assert "arXiv:2412.19437" in output


def test_json_carries_every_fact_with_its_source():
    """--json is one document: values beside facts, lists for several words, null for what is lacking."""
    document = json.loads(run(machines, "--json"))
    gpu = next(row for row in document["gpus"] if row["id"] == "V100-SXM-32GB")

    assert len(document["machines"]) == len(hardware.machines())
    assert gpu["bf16_flop_per_second"] is None
    assert gpu["facts"]["memory_mib"]["unit"] == "MiB"
    assert document["machines"][0]["markets"] == ["on_demand", "spot"]


def test_json_of_models_has_shape_counts_and_source():
    """A preset in JSON has its shape, computed and published counts, source and date."""
    rows = json.loads(run(models, "qwen3-30b-a3b", "--json"))["models"]

    assert [row["name"] for row in rows] == ["qwen3-30b-a3b"]
    assert rows[0]["parameters"] == rows[0]["published_parameters"] == 30_532_122_624
    assert rows[0]["experts"]["top_k"] == 8
    assert rows[0]["source"]


@pytest.mark.parametrize(
    ("command", "name", "near"),
    [(models, "llama-3.1-7b", "llama-3.1-70b"), (machines, "p5.48xlarg", "p5.48xlarge"), (machines, "h100", "")],
)
def test_an_unknown_name_is_refused_with_the_nearest_known(command, name, near):
    """A slip of the pen is answered with what was probably meant."""
    with pytest.raises(UsageInvalid, match=name) as raised:
        CliRunner().invoke(command, [name], catch_exceptions=False)

    assert near in str(raised.value)


@pytest.mark.parametrize("command", [models, machines])
def test_help_has_an_example(command):
    """--help shows how the command is called."""
    assert f"Example:\n    advisor {command.name} " in run(command, "--help")
