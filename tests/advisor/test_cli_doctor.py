"""`advisor doctor`: each thing that can be wrong is found, told with its cure, and decides the exit code."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gcp_builders import A3_HIGH, GcpDouble, a3_skus, error, serving
from price_builders import row

from advisor.cli.doctor import doctor
from pricing.store import PriceBook


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder with a database of its own and no credentials for anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVISOR_DATABASE_URL", f"sqlite:///{tmp_path / 'prices.sqlite3'}")
    return tmp_path


def stored(folder: Path, *hours_old: float) -> None:
    """Store on-demand prices that were seen so many hours ago."""
    now = datetime.now(UTC)
    with PriceBook.open(f"sqlite:///{folder / 'prices.sqlite3'}") as book:
        regions = (f"us-east-{number}" for number in range(1, 9))
        found = [row(region=r, observed_at=now - timedelta(hours=h)) for r, h in zip(regions, hours_old, strict=False)]
        book.import_rows(found, recorded_at=now)


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(doctor, words, catch_exceptions=False)


def checks(*words: str) -> dict[str, dict[str, Any]]:
    """Return the findings by check; of several the last."""
    return {one["check"]: one for one in json.loads(run("--json", *words).stdout)["checks"]}


def test_all_is_well(alone: Path) -> None:
    """With a readable database and fresh prices the exit code is 0 and every check says ok."""
    stored(alone, 1, 2)
    result = run("--offline")
    assert result.exit_code == 0
    assert "2 of 2 collected or imported prices may be planned with; 1 h to 2 h old" in result.stdout
    assert {one["verdict"] for one in checks("--offline").values()} == {"ok"}


def test_a_wrong_setting_is_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot work is named with its cure; nothing else is checked."""
    monkeypatch.setenv("ADVISOR_PRICE_MAX_AGE_HOURS", "soon")
    result = run("--offline")
    assert result.exit_code == 2
    assert "ADVISOR_PRICE_MAX_AGE_HOURS" in result.stdout
    assert list(checks("--offline")) == ["settings"]


def test_a_setting_nobody_knows_is_told(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting in the environment or the .env file is named, with the one that was probably meant."""
    stored(alone, 1)
    monkeypatch.setenv("ADVISOR_GCP_PROJEKT", "p")
    (alone / ".env").write_text("ADVISOR_PRICE_MAX_AGE=24\nOTHER=1\n", encoding="utf-8")
    result = run("--offline")
    assert result.exit_code == 0
    assert "ADVISOR_GCP_PROJEKT is no setting and changes nothing" in result.stdout
    assert "did you mean ADVISOR_PRICE_MAX_AGE_HOURS?" in result.stdout
    assert "OTHER" not in result.stdout


def test_values_of_settings_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only names are printed: addresses may hold passwords."""
    monkeypatch.setenv("ADVISOR_DATABASE_URL", "postgresql://user:hunter2@127.0.0.1:1/name")
    assert "hunter2" not in run("--offline").output


def test_a_database_out_of_reach_is_exit_5(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no database ends in exit 5 with the reason."""
    (alone / "prices.sqlite3").write_text("not a database, but long enough to look like one" * 100, encoding="utf-8")
    result = run("--offline")
    assert result.exit_code == 5
    assert checks("--offline")["database"]["verdict"] == "failed"


def test_a_database_that_is_not_there_yet_is_not_made(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking makes no file; bundled prices are a warning with their age, without them the exit code is 4."""
    result = run("--offline")
    assert result.exit_code == 0
    assert "plans use" in checks("--offline")["prices"]["says"]
    assert "days old" in checks("--offline")["prices"]["says"]
    monkeypatch.setenv("ADVISOR_REFERENCE_PRICES", "off")
    result = run("--offline")
    assert result.exit_code == 4
    assert "is not there yet" in result.stdout
    assert "advisor prices collect" in result.stdout
    assert not list(alone.iterdir())


@pytest.mark.parametrize(("hours", "verdict", "code"), [((100, 200), "failed", 4), ((1, 200), "warning", 0)])
def test_ages_of_prices(alone: Path, hours: tuple[float, ...], verdict: str, code: int) -> None:
    """Prices that are all too old to plan with are exit 4, some of them a warning, each with the limit."""
    stored(alone, *hours)
    result = run("--offline")
    assert result.exit_code == code
    assert "the limit is 72 h" in result.stdout
    assert checks("--offline")["prices"]["verdict"] == verdict


def test_providers_are_asked(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that answers is ok; one that refuses is exit 1, one that fails is exit 5, each with its words."""
    stored(alone, 1)
    held = GcpDouble(skus=a3_skus(core="1", ram="1", gpu="1"), machines={"us-central1-a": [A3_HIGH]})
    with serving(held):
        for name, value in held.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ADVISOR_AWS_ENDPOINT_URL", held.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        found = checks()
        assert found["gcp"]["verdict"] == "ok"
        assert "machine types" in found["gcp"]["says"]
        assert found["aws"]["verdict"] == "failed"
        held.fault = lambda path: error(403, "denied", "forbidden") if "/compute/" in path else None
        result = run()
        assert result.exit_code == 1
        assert "permission compute.machineTypes.list is missing" in result.stdout
