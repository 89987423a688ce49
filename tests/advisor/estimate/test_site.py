"""A plan that names its site's calibration is estimated by it, and says so."""

import json

import pytest
from click.testing import CliRunner

from advisor.cli.estimate import estimate
from advisor.errors import DocumentInvalid
from advisor.estimate.site import read_site
from advisor.plan.load import plan_of
from pricing.moments import moment

PLAN = """
version: 1
name: calibrated
{calibration}
jobs:
  - {{name: tune, model: deepseek-llm-7b, method: full_finetune, tokens: 1e9}}
"""
SITE = "quantity,gpu,stack,runs,factor,low,high\ntput,H100-SXM-80GB,current,{runs},{factor},0.7,0.9\n"


def asked(folder, calibration: str) -> dict:
    """Estimate on one node of H100."""
    (folder / "plan.yaml").write_text(PLAN.format(calibration=calibration))
    arguments = [str(folder / "plan.yaml"), "--machine", "p5.48xlarge", "--nodes", "1", "--json"]
    return json.loads(CliRunner().invoke(estimate, arguments, catch_exceptions=False).stdout)["estimates"][0]


def test_speed_is_scaled_by_the_sites_own_runs(tmp_path):
    """A factor of 0.8 of 12 runs: 80 % of the speed, the site's interval around it."""
    (tmp_path / "site.csv").write_text(SITE.format(runs=12, factor=0.8))
    before, after = asked(tmp_path, ""), asked(tmp_path, "calibration: site.csv")
    assert after["tokens_per_second"] == pytest.approx(0.8 * before["tokens_per_second"], rel=1e-4)
    assert after["tokens_per_second_low"] == pytest.approx(0.7 * before["tokens_per_second"], rel=1e-4)
    assert (before["site_runs"], after["site_runs"]) == (None, 12)


def test_memory_is_scaled_too(tmp_path):
    """Twice the memory leaves fewer layouts, and what is shown adds up to the total."""
    (tmp_path / "site.csv").write_text(SITE.format(runs=12, factor=0.8).replace("tput", "mem").replace("0.8,0.7,0.9", "2,1.9,2.1"))  # fmt: skip
    found = asked(tmp_path, "calibration: site.csv")
    parts = found["memory_gib"]
    assert sum(gib for name, gib in parts.items() if name != "total") == pytest.approx(parts["total"], abs=0.01)
    assert found["tokens_per_second"] < asked(tmp_path, "")["tokens_per_second"]


def test_rows_stand_in_a_plan_as_well_as_in_a_file(tmp_path):
    """The file and its rows make the same plan, sha256 included."""
    (tmp_path / "site.csv").write_text(SITE.format(runs=12, factor=0.8))
    row = {"quantity": "tput", "gpu": "H100-SXM-80GB", "stack": "current", "runs": 12, "factor": 0.8, "low": 0.7, "high": 0.9}  # fmt: skip
    job = {"name": "tune", "model": "deepseek-llm-7b", "method": "full_finetune", "tokens": 10**9}
    at = moment("2026-11-21T00:00:00Z")
    plans = [
        plan_of({"version": 1, "name": "a", "calibration": given, "jobs": [job]}, name="a", as_of=at, folder=tmp_path)
        for given in ("site.csv", [row])
    ]
    assert plans[0].sha256 == plans[1].sha256


@pytest.mark.parametrize(
    ("calibration", "says"),
    [("calibration: none.csv", "cannot read 'none.csv'"), ("calibration: plan.yaml", "columns must be"),
     ("calibration: [{quantity: tput, gpu: X1, stack: current, runs: 1, factor: 1, low: 1, high: 1}]", "no table knows 'X1'")],
)  # fmt: skip
def test_faults_name_the_field_and_the_cure(tmp_path, calibration, says):
    """A file that is none, or a GPU that no table knows, is a fault of `calibration`."""
    with pytest.raises(DocumentInvalid, match=says) as caught:
        asked(tmp_path, calibration)
    assert all(fault.path.startswith("calibration") for fault in caught.value.faults)


def test_an_unknown_stack_is_refused(tmp_path):
    """A calibration of a stack that no estimate has names its line."""
    path = tmp_path / "site.csv"
    path.write_text(SITE.format(runs=1, factor=0.8).replace("current", "modern"))
    with pytest.raises(DocumentInvalid, match=r"line 2.*stack"):
        read_site(path)
