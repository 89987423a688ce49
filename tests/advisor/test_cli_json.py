"""`--json` where the output is a document already: what is printed reads back as JSON, on stdout alone."""

import json

from advisor_builders import HEADER, price
from click.testing import CliRunner

from advisor.cli.documents import check, init, schema
from advisor.cli.prices import export, import_


def run(command, *words):
    """Run a command that must succeed; return its stdout."""
    result = CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_starter_plan_as_json_is_a_plan(tmp_path):
    """It passes `check`, from stdout and from a file alike."""
    path = tmp_path / "plan.json"
    run(init, path, "--json")

    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(run(init, "--json"))
    assert "is a valid plan" in run(check, path)


def test_a_schema_is_the_same_on_one_line():
    """Only the white space differs."""
    assert json.loads(run(schema, "plan", "--json")) == json.loads(run(schema, "plan"))
    assert run(schema, "plan", "--json").count("\n") == 1


def test_the_price_history_as_json_has_the_sheets_columns(tmp_path, monkeypatch):
    """A row is a mapping from column to text, as in the sheet; a price stays exact."""
    monkeypatch.setenv("ADVISOR_DATABASE_URL", f"sqlite:///{tmp_path / 'prices.sqlite3'}")
    (tmp_path / "prices.csv").write_text(f"{HEADER}\n{price('55.040001')}\n", encoding="utf-8")
    run(import_, tmp_path / "prices.csv")

    (row,) = json.loads(run(export, "--json"))["rows"]

    assert (row["machine"], row["usd_per_hour"], row["zone"]) == ("p5.48xlarge", "55.040001", "")
