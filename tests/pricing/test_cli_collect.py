"""`advisor prices collect` and `status` as their user runs them, against a loopback AWS."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from aws_builders import FakeAws, error_json, error_xml, us_east
from loopback_builders import Answer


def advisor(folder: Path, url: str, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the installed command in a folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ADVISOR_", "AWS_"))}
    environment |= {
        "ADVISOR_DATABASE_URL": f"sqlite:///{folder / 'book.sqlite3'}",
        "ADVISOR_AWS_ENDPOINT_URL": url,
        "ADVISOR_REFERENCE_PRICES": "off",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        **settings,
    }
    command = [sys.executable, "-c", "from advisor.cli.main import main; main()", *words]
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, text=True, capture_output=True, timeout=170
    )


def test_an_empty_database_is_filled_and_a_second_time_adds_nothing(tmp_path: Path) -> None:
    """Exit 0, every market there with zone ids; the second collection has no new rows and confirms."""
    with FakeAws().running() as server:
        first = advisor(tmp_path, server.url, "prices", "collect", "--provider", "aws", "--json")
        assert first.returncode == 0, first.stderr
        assert "Traceback" not in first.stderr
        second = advisor(tmp_path, server.url, "prices", "collect", "--provider", "aws", "--json")
    (one,), (two,) = (json.loads(done.stdout)["collections"] for done in (first, second))
    assert (one["outcome"], one["rows_new"]) == ("complete", 9)
    assert (two["outcome"], two["rows_new"]) == ("complete", 0)
    shown = json.loads(advisor(tmp_path, server.url, "prices", "show", "--json").stdout)["offers"]
    assert {offer["market"] for offer in shown} == {
        "on_demand", "spot", "reserved_1y", "reserved_3y", "savings_plan", "capacity_block",
    }  # fmt: skip
    assert {offer["zone"] for offer in shown} == {None, "use1-az6", "use1-az1"}
    assert all(offer["confirmed_at"] == two["runs"][0]["at"] for offer in shown)
    status = json.loads(advisor(tmp_path, server.url, "prices", "status", "--json").stdout)
    assert status["collections"][0]["id"] == two["id"]
    assert status["placement_scores"][0]["score"] == 3


def test_a_missing_part_is_named_on_stderr_and_the_rest_is_stored(tmp_path: Path) -> None:
    """A region that fails and a missing permission are named; the exit code says that something is missing."""
    second = replace(us_east(), name="us-west-2", zones={"us-west-2a": "usw2-az1"})

    def broken(operation: str, region: str, _asked: object) -> Answer | None:
        if region == "us-west-2":
            return error_xml("InternalError", 500)
        return error_json("AccessDeniedException", 403) if operation == "GetProducts" else None

    with FakeAws([us_east(), second], instead=broken).running() as server:
        done = advisor(tmp_path, server.url, "prices", "collect", "--provider", "aws")
    assert done.returncode == 1
    assert "us-west-2" in done.stderr
    assert "pricing:GetProducts" in done.stderr
    assert "Traceback" not in done.stderr
    assert "spot" in advisor(tmp_path, server.url, "prices", "export").stdout


def test_a_denied_savings_plan_alone_is_exit_0(tmp_path: Path) -> None:
    """Denied Savings Plans and scores are told and no failure."""

    def denied(operation: str, _region: str, _asked: object) -> Answer | None:
        if operation == "DescribeSavingsPlansOfferingRates":
            return error_json("AccessDeniedException", 403)
        return error_xml("UnauthorizedOperation", 403) if operation == "GetSpotPlacementScores" else None

    with FakeAws(instead=denied).running() as server:
        done = advisor(tmp_path, server.url, "prices", "collect", "--provider", "aws")
    assert done.returncode == 0, done.stderr
    assert "ec2:GetSpotPlacementScores" in done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "errors"])
def test_where_nothing_can_be_reached_it_is_exit_5_soon(tmp_path: Path, url: str) -> None:
    """A refused connection and a service that answers 500 alone end within two minutes with one message."""
    began = time.monotonic()
    with FakeAws(instead=lambda *_: error_xml("InternalError", 500)).running() as server:
        done = advisor(
            tmp_path, url if url.startswith("http") else server.url, "prices", "collect", "--provider", "aws"
        )
    assert done.returncode == 5
    assert time.monotonic() - began < 110
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--provider", "azure"], "azure"),
        (["--provider", "aws", "--region", "us-central1"], "us-central1"),
        (["--provider", "aws", "--since", "2999-01-01T00:00:00Z"], "future"),
        (["--loop"], "ADVISOR_COLLECT_SCHEDULE"),
    ],
)
def test_what_cannot_be_asked_is_exit_2_with_the_cure(tmp_path: Path, words: list[str], says: str) -> None:
    """One line names the option and what to write."""
    done = advisor(tmp_path, "http://127.0.0.1:9", "prices", "collect", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_loop_collects_at_once_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """`--loop` fills an empty book right away, shows itself in the status, and SIGTERM ends it well."""
    with FakeAws().running() as server:
        environment = {
            **os.environ,
            "ADVISOR_DATABASE_URL": f"sqlite:///{tmp_path / 'book.sqlite3'}",
            "ADVISOR_AWS_ENDPOINT_URL": server.url,
            "ADVISOR_GCP_COMPUTE_ENDPOINT": "http://127.0.0.1:9",
            "ADVISOR_GCP_BILLING_ENDPOINT": "http://127.0.0.1:9",
            "ADVISOR_COLLECT_SCHEDULE": "0 0 1 1 *",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        command = [sys.executable, "-c", "from advisor.cli.main import main; main()", "prices", "collect", "--loop"]
        running = subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stderr=subprocess.PIPE)
        assert running.stderr is not None
        said = ""
        for line in running.stderr:
            said += line
            if "placement_score" in line:
                break
        status = advisor(tmp_path, server.url, "prices", "status", ADVISOR_COLLECT_SCHEDULE="0 0 1 1 *").stdout
        running.terminate()
        assert running.wait(60) == 0
        running.stderr.close()
    assert "next at" in said
    assert f":{running.pid}" in status
