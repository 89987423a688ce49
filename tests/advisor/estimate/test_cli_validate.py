"""`advisor validate` as its user meets it: files in, files out, plain words where something is wrong."""

import csv
import json

import pytest
from click.testing import CliRunner
from run_builders import run_row

from advisor.cli.validate import validate
from advisor.errors import DocumentInvalid, UsageInvalid
from advisor.estimate.site import read_site


def runs_file(path, *rows):
    """Write rows as CSV and return the path."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*arguments):
    """Invoke the command."""
    return CliRunner().invoke(validate, [str(each) for each in arguments], catch_exceptions=False)


def written(path):
    """Read the predictions by row id."""
    return {row["row_id"]: float(row["predicted"]) for row in csv.DictReader(path.read_text().splitlines())}


@pytest.mark.parametrize("quantity", ["tput", "mem", "gpuh"])
def test_predictions_are_written_for_every_row(tmp_path, quantity):
    """PRED.csv has row_id,predicted and one positive figure a row."""
    runs = runs_file(tmp_path / "runs.csv", run_row(), run_row(row_id="own-2", gpu="A100-80"))
    assert run(runs, "--out", tmp_path / "p.csv", "--quantity", quantity).exit_code == 0
    found = written(tmp_path / "p.csv")
    assert list(found) == ["own-1", "own-2"]
    assert all(value > 0 for value in found.values())


def test_gpu_hours_are_tokens_over_speed(tmp_path):
    """GPU-hours are train tokens over tokens/s per GPU, and the share of paid hours that train."""
    runs = runs_file(tmp_path / "runs.csv", run_row())
    run(runs, "--out", tmp_path / "h.csv", "--quantity", "gpuh")
    run(runs, "--out", tmp_path / "s.csv")
    hours, speed = written(tmp_path / "h.csv")["own-1"], written(tmp_path / "s.csv")["own-1"]
    assert 0.7 < 1e12 / speed / 3600 / hours < 1


def test_errors_are_shown_against_measured_values(tmp_path):
    """A run measured at half of the prediction is 100 % off, in the table and in JSON."""
    runs = runs_file(tmp_path / "runs.csv", run_row())
    run(runs, "--out", tmp_path / "p.csv")
    half = written(tmp_path / "p.csv")["own-1"] / 2
    runs = runs_file(tmp_path / "runs.csv", run_row(tokens_per_s_per_gpu=f"{half}"))
    assert "100.0 %" in run(runs).output
    shown = json.loads(run(runs, "--json").output)
    assert shown["errors"][0]["median"] == pytest.approx(1, abs=0.001)


def test_a_site_calibration_leans_on_its_evidence(tmp_path):
    """Twelve runs at 80 % of the prediction give a factor near 0.8; one such run moves it a third of the way."""
    runs = runs_file(tmp_path / "runs.csv", run_row())
    run(runs, "--out", tmp_path / "p.csv")
    speed = 0.8 * written(tmp_path / "p.csv")["own-1"]
    factors = []
    for many in (1, 12):
        rows = [run_row(row_id=f"own-{i}", tokens_per_s_per_gpu=f"{speed}") for i in range(many)]
        run(runs_file(tmp_path / "runs.csv", *rows), "--calibration", tmp_path / "site.csv")
        found = read_site(tmp_path / "site.csv").factor("tput", "H100-SXM-80GB", "fused")
        assert found.runs == many
        factors.append(found.factor)
    assert factors[0] == pytest.approx(0.8 ** (1 / 3), abs=1e-3)
    assert factors[1] == pytest.approx(0.8 ** (12 / 14), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [("a,b\n1,2\n", "no column row_id"), ("row_id\nx\nx\n", "line 3: row_id: is there twice"), ("row_id,gpu\n,H100\n", "is blank")],
)  # fmt: skip
def test_a_broken_file_of_runs_is_refused_plainly(tmp_path, text, says):
    """Faults name their line and the cure."""
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(DocumentInvalid, match=says):
        run(path)


def test_a_missing_file_is_bad_usage(tmp_path):
    """The message names the file and says what it should hold."""
    with pytest.raises(UsageInvalid, match=r"no file .*none.csv"):
        run(tmp_path / "none.csv")


def test_a_broken_calibration_names_its_line(tmp_path):
    """A factor that is no number is refused with its line."""
    path = tmp_path / "site.csv"
    path.write_text("quantity,gpu,stack,runs,factor,low,high\ntput,H100-SXM-80GB,fused,3,much,1,2\n")
    with pytest.raises(DocumentInvalid, match="line 2"):
        read_site(path)
