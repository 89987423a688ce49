"""Intervals are calibrated, wider where nothing was measured, and the README shows the errors that the code has."""

import csv
from pathlib import Path

import pytest
from run_builders import DEV_RUNS

from advisor.estimate import estimate_job
from advisor.estimate.accuracy import errors_of
from advisor.estimate.calibration import calibration
from advisor.estimate.fit import in_sample
from advisor.estimate.hardware import Hardware
from advisor.estimate.report import HERE, TITLES, report
from advisor.estimate.uncertainty import INSIDE, fitted_intervals, intervals
from advisor.plan.presets import presets
from advisor.plan.schema import Job
from pricing.hardware import gpus

README = (HERE / "README.md").read_text(encoding="utf-8")
needs_runs = pytest.mark.skipif(not DEV_RUNS.exists(), reason="the measured runs are not beside this checkout")


def dev_rows():
    """Read the measured runs."""
    return list(csv.DictReader(DEV_RUNS.read_text(encoding="utf-8").splitlines()))


def estimate(model: str, method: str = "pretrain", gpu: str = "H100-SXM-80GB", **fields):
    """Estimate a job on eight nodes."""
    job = Job.model_validate({"name": "a", "model": model, "method": method, "tokens": 10**9, **fields})
    nodes = Hardware(name="a", gpu=gpus()[gpu], gpus_per_node=8, network_gbit_per_second=3200)
    return estimate_job(job, presets()[model].shape, nodes, 8)


def test_held_back_runs_fall_inside_the_intervals():
    """80 % of the runs of sources that neither constants nor interval had seen are inside, for each kind with evidence."""
    known = [each for each in intervals().values() if each.has_evidence]
    assert len(known) >= 6
    assert all(each.held_back >= INSIDE for each in known)


def test_kinds_that_nobody_measured_have_wider_intervals_and_say_so():
    """A mixture of experts is less certain than a dense model, and its estimate has no evidence."""
    dense, sparse = estimate("llama-3-8b"), estimate("mixtral-8x7b")
    assert dense.has_evidence
    assert not sparse.has_evidence
    wide = [each.tokens_per_second_high / each.tokens_per_second_low for each in (dense, sparse)]
    assert wide[1] > wide[0] > 1
    assert sparse.document()["kind"] == "mixture of experts"


def test_an_estimate_lies_within_its_own_interval():
    """Low < estimate < high, for every kind of work."""
    for method in ("pretrain", "lora", "qlora"):
        found = estimate("deepseek-llm-7b", method, gpu="A100-SXM-80GB")
        assert found.tokens_per_second_low < found.tokens_per_second < found.tokens_per_second_high


def test_one_source_is_no_evidence():
    """Fifty runs of one source give the widened interval of all runs."""
    narrow = {"a": [0.01] * 50, "b": [0.02] * 50, "c": [-0.01] * 50}
    found = {each.kind: each for each in fitted_intervals({"seen": narrow, "new": {"a": [0.3] * 50}})}
    assert found["seen"].has_evidence
    assert not found["new"].has_evidence
    assert found["new"].high > found["all"].high


@needs_runs
@pytest.mark.parametrize("measure", ["tput", "mem"])
def test_the_readme_shows_the_errors_that_the_code_has(measure):
    """The line of the whole sample is what the constants of this commit give."""
    errors = errors_of("all", in_sample(dev_rows(), measure, calibration()))
    section = README.split(f"### {TITLES[measure]}")[1]
    shown = next(line for line in section.splitlines() if line.startswith("| **in sample**"))
    assert shown.split(" | ")[1:4] == [str(errors.runs), f"{100 * errors.median:.1f} %", f"{100 * errors.p90:.1f} %"]


@needs_runs
@pytest.mark.slow
def test_the_generated_parts_are_up_to_date():
    """The README's tables and the intervals are what `python -m advisor.estimate.report` writes."""
    section, table = report(dev_rows())
    assert section in README
    assert Path(HERE / "data" / "uncertainty.csv").read_text(encoding="utf-8") == table
