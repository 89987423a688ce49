"""Estimates over HTTP: the figures of the command line, and the same refusals as plans."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from advisor_builders import HEADER, document, job, price
from api_builders import AS_OF, database, rows, service

ROOT = Path(__file__).parents[2]
PLAN = document({**job("a", 20), "only_measured": False, "measured": [], "max_nodes": 4})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of the service's database."""
    return tmp_path_factory.mktemp("estimates")


@pytest.fixture(scope="module")
def client(folder):
    """Run the service once for all tests of this module."""
    with service(folder) as running:
        yield running


def test_estimates_are_those_of_the_command_line(client, folder):
    """`advisor estimate --json` and the route give the same document, dollars included."""
    body = {"plan": PLAN, "as_of": AS_OF, "machine": "p5.48xlarge", "prices": rows(price(55.04))}
    answer = client.post("/v1/estimates", json=body)
    assert answer.status_code == 200, answer.text
    (folder / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    (folder / "prices.csv").write_text("\n".join([HEADER, price(55.04)]) + "\n", encoding="utf-8")
    words = ["estimate", "plan.json", "--json", "--machine", "p5.48xlarge", "--prices", "prices.csv", "--as-of", AS_OF]
    code = "import sys; from advisor.cli.main import main; main(sys.argv[1:])"
    environment = {"PYTHONPATH": str(ROOT), "ADVISOR_DATABASE_URL": database(folder), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert answer.json() == json.loads(done.stdout)
    assert answer.json()["estimates"][0]["cost"]["currency"] == "USD"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"machine": "p5.48xlrge"}, "did you mean 'p5.48xlarge'"),
        ({"nodes": 0}, "greater than or equal to 1"),
        ({"plan": {**PLAN, "jobs": []}}, "at least one"),
        ({"plan": document({**job("a", 20), "model": "../../config.json"})}, "cannot name a file"),
    ],
)
def test_a_bad_question_is_refused(client, change, words):
    """422 names what is wrong and the cure."""
    answer = client.post("/v1/estimates", json={"plan": PLAN, "as_of": AS_OF, **change})
    assert answer.status_code == 422
    assert words in answer.text
