"""`advisor estimate --advice` as its user meets it."""

import json

import pytest
from click.testing import CliRunner

from advisor.cli.estimate import estimate

PLAN = """
version: 1
name: advised
jobs:
  - {name: tune, model: deepseek-llm-7b, method: full_finetune, tokens: 1e9}
  - {name: big, model: llama-3-70b, method: full_finetune, tokens: 1e9}
"""
PRICES = (
    "provider,region,zone,machine,market,usd_per_hour,observed_at,source\n"
    "aws,us-east-1,,p5.48xlarge,on_demand,50,2026-11-20T00:00:00Z,list\n"
)


@pytest.fixture
def asked(tmp_path):
    """Ask for advice on one node and return a function of further arguments."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "prices.csv").write_text(PRICES)
    fixed = [str(tmp_path / "plan.yaml"), "--machine", "p5.48xlarge", "--nodes", "1", "--advice",
             "--prices", str(tmp_path / "prices.csv"), "--as-of", "2026-11-21T00:00:00Z"]  # fmt: skip
    return lambda *more: CliRunner().invoke(estimate, [*fixed, *more])


def test_advice_names_batch_changes_and_remedies_with_their_cost(asked):
    """What fits has its batch and its changes in dollars; what does not has remedies, LoRA among those that work."""
    documents = {each["job"]: each for each in json.loads(asked("--json").stdout)["estimates"]}
    tune, big = documents["tune"], documents["big"]
    assert tune["advice"]["batch"]["global_batch"] == 64
    assert all(each["cost"]["currency"] == "USD" for each in tune["advice"]["batch"]["changes"] if each["estimate"])
    assert big["verdict"] == "does_not_fit"
    assert big["advice"]["batch"] is None
    lora = next(each for each in big["advice"]["remedies"] if each["what"] == "LoRA")
    assert lora["hours"] * 50 == pytest.approx(float(lora["cost"]["amount"]))


def test_advice_reads_in_eighty_columns(asked):
    """The text names the batch and the remedies, no line wider than a terminal."""
    text = asked().output
    assert "Global batch 64 = micro batch" in text
    assert "What makes it fit" in text
    assert max(map(len, text.splitlines())) <= 80
