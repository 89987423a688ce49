"""`advisor plans`: what was stored is listed and shown as it was given."""

import json
from pathlib import Path

import pytest
from advisor_builders import AS_OF, document, job, speed
from answer_builders import no_answer, rich_answer

from advisor.archive import Archive
from advisor.cli.main import main
from advisor.plan.load import plan_of


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with two recommendations, one of them without a plan."""
    url = f"sqlite:///{tmp_path / 'advisor.sqlite3'}"
    monkeypatch.setenv("ADVISOR_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    loaded = plan_of(document(job("a", 1, speed("p5.48xlarge", 1, 1000))), name="plan", as_of=AS_OF, folder=None)
    archive = Archive.open(url)
    archive.store(rich_answer(), loaded, [])
    archive.store(no_answer("infeasible", id="rec_none"), loaded, [])
    archive.close()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as left:
        main(["plans", *words])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def test_list_names_what_is_stored(stored: Path, capsys: pytest.CaptureFixture[str]):
    """Each stored recommendation has a row with its whole id, its plan, its answer and its total."""
    code, out, _ = run(capsys, "list")

    assert code == 0
    assert next(row.split() for row in out.splitlines() if "rec_0123456789abcdef" in row)[1:4] == [
        "q1-models",
        "optimal",
        "$111,253.41",
    ]
    assert next(row.split() for row in out.splitlines() if "rec_none" in row)[2:4] == ["infeasible", "none"]


def test_list_as_json(stored: Path, capsys: pytest.CaptureFixture[str]):
    """The list is JSON on stdout; a total that is not there is null, not zero."""
    _, out, _ = run(capsys, "list", "--json")

    totals = {one["id"]: one["total"] for one in json.loads(out)["plans"]}
    assert totals == {"rec_0123456789abcdef": {"amount": "111253.41", "currency": "USD"}, "rec_none": None}


def test_empty_list_says_what_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """An empty archive is no failure, and the message names the command that stores."""
    monkeypatch.setenv("ADVISOR_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite3'}")

    code, out, err = run(capsys, "list")

    assert (code, out) == (0, "")
    assert "advisor plan" in err


def test_show_is_what_was_stored(stored: Path, capsys: pytest.CaptureFixture[str]):
    """The stored document comes back byte for byte, on stdout and in the files of --out."""
    code, out, err = run(capsys, "show", "rec_0123456789abcdef", "--json", "--out", "out")

    assert code == 0
    assert json.loads(out) == rich_answer().document()
    assert (stored / "out" / "recommendation.json").read_text(encoding="utf-8") == out
    assert "report.md" in err


def test_show_for_people(stored: Path, capsys: pytest.CaptureFixture[str]):
    """Without --json the report is shown, answer first."""
    _, out, _ = run(capsys, "show", "rec_0123456789abcdef")

    assert "$111,253.41" in out.splitlines()[1]


def test_unknown_id(stored: Path, capsys: pytest.CaptureFixture[str]):
    """An unknown id is bad usage: exit 2, and the message says where ids are listed."""
    code, out, err = run(capsys, "show", "rec_missing")

    assert (code, out) == (2, "")
    assert "rec_missing" in err
    assert "advisor plans list" in err


@pytest.mark.parametrize("words", [["--help"], ["list", "--help"], ["show", "--help"]])
def test_help_has_an_example(words: list[str], capsys: pytest.CaptureFixture[str]):
    """Each command's help shows how it is called."""
    code, out, _ = run(capsys, *words)

    assert code == 0
    assert "Example:\n" in out
    assert "advisor plans" in out.split("Example:")[1]
