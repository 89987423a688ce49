"""The service itself: health, the walls around it, its frozen description, and the real command that serves it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from api_builders import service

from api.problems import KINDS

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
ADVISOR = Path(sys.executable).with_name("advisor")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Run the service once for all tests of this module."""
    with service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def environment(tmp_path):
    """Settings of a command that runs in an empty folder with its own database, on this code."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ADVISOR_DATABASE_URL": f"sqlite:///{tmp_path / 'advisor.sqlite3'}",
    }


def test_it_is_alive_ready_and_measured(client):
    """The three addresses that a supervisor asks answer; requests are counted by route."""
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["status"] == "ready"
    assert 'advisor_http_requests_total{method="GET",route="/healthz",status="200"}' in client.get("/metrics").text


def test_without_a_database_it_is_alive_but_not_ready(tmp_path):
    """A database of a newer version, or none, is a 503 that says so, and never a stack of calls."""
    (tmp_path / "service.sqlite3").write_text("no database at all, but long enough to look like a file with a header")
    with service(tmp_path) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/v1/plans"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"


def test_facts_carry_their_sources(client):
    """Every machine and every preset names where its numbers come from."""
    machines = client.get("/v1/machines").json()
    assert all(fact["source"] for machine in machines["machines"] for fact in machine["facts"].values())
    assert all(preset["source"] for preset in client.get("/v1/models").json()["models"])


@pytest.mark.parametrize("name", ["plan", "recommendation"])
def test_schemas_are_those_of_the_command_line(client, name):
    """`advisor schema` and the service give the same schema."""
    from advisor.schemas import schema_of

    assert client.get(f"/v1/schemas/{name}").json() == schema_of(name)


def test_an_unknown_address_is_a_problem_document(client):
    """404 and 405 have the one shape of all errors."""
    for answer, status in (
        (client.get("/v2"), 404),
        (client.put("/v1/plans"), 405),
        (client.get("/v1/schemas/x"), 404),
    ):
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [({"Host": "advisor.example"}, "not-loopback"), ({"Origin": "https://elsewhere.example"}, "foreign-origin")],
)
def test_another_web_site_gets_nothing(client, headers, kind):
    """A rebound host name and a foreign page's request are refused: without keys, loopback is the only wall."""
    answer = client.post("/v1/plans", json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == f"/docs#{kind}"


def test_every_kind_of_problem_has_its_own_status_and_cure():
    """The table is complete, and 4xx and 5xx are told apart."""
    assert all(400 <= kind.status < 600 and kind.title and kind.cure for kind in KINDS.values())


def test_the_description_is_frozen(client):
    """OpenAPI 3.1 as it was last published; ADVISOR_UPDATE_GOLDEN=1 writes it anew."""
    text = json.dumps(client.get("/openapi.json").json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("ADVISOR_UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text
    assert json.loads(text)["openapi"].startswith("3.1")


def test_the_command_serves_and_stops(environment, tmp_path):
    """`advisor serve` on a free port answers, and a termination signal ends it with its workers."""
    started = subprocess.Popen(
        [str(ADVISOR), "serve", "--port", "0"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stderr is not None
        address = started.stderr.readline().split()[1]
        with httpx.Client(base_url=address, timeout=20) as client:
            assert client.get("/healthz").json()["status"] == "ok"
    finally:
        started.send_signal(signal.SIGTERM)
        _, rest = started.communicate(timeout=20)
    assert "Traceback" not in rest


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "advisor.example"])  # noqa: S104  refused
def test_another_address_than_loopback_is_not_served(environment, tmp_path, host):
    """The command refuses at once and says why."""
    words = [str(ADVISOR), "serve", "--host", host, "--port", "0"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_help_does_not_load_the_service():
    """The command line starts fast: neither `--help` nor `serve --help` imports FastAPI."""
    code = (
        "import sys; from click.testing import CliRunner; from advisor.cli.main import cli\n"
        "for words in (['--help'], ['serve', '--help']): assert CliRunner().invoke(cli, words).exit_code == 0\n"
        "assert not {'fastapi', 'uvicorn', 'sqlalchemy', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
