"""Requests made from the description itself: no route answers with an error of its own, nor outside its description."""

import pytest
import schemathesis
from api_builders import served
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from advisor.settings import Settings
from api.app import create, described

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(described(create(Settings(database_url="sqlite://", _env_file=None))))
# Without the explicit cases at every boundary of every field: those come with the slow test.
FEW = {"deadline": None, "derandomize": True, "phases": [Phase.generate]}
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Serve on an empty price book, with plans that end within a second and room for all of them."""
    database = tmp_path_factory.mktemp("fuzz") / "service.sqlite3"
    chosen = Settings(database_url=f"sqlite:///{database}", _env_file=None, plan_queue=10_000, max_time_limit_s=1)
    with served(create(chosen)) as address:
        yield address


def ask(case, address):
    """Send a made-up request, without waiting for plans, and hold the answer against the description."""
    if isinstance((case.query or {}).get("wait"), float | int):
        case.query = {**case.query, "wait": 0}
    case.call_and_validate(base_url=address, checks=CHECKS, timeout=60)


@SCHEMA.parametrize()
@settings(max_examples=8, suppress_health_check=SLOW_MACHINE, **FEW)
def test_no_route_breaks(case, address):
    """A few requests a route, the same every time."""
    ask(case, address)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=50, suppress_health_check=SLOW_MACHINE, deadline=None)
def test_no_route_breaks_however_often(case, address):
    """Many requests a route, others every time."""
    ask(case, address)
