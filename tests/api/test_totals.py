"""One answer, many forms: JSON, CSV, Markdown, HTML, workbooks and REST tell the same totals to the cent."""

import csv
import io
import re
from decimal import Decimal

import pytest
from advisor_builders import cluster, document, hour, job, price, speed
from api_builders import body, service

from advisor.outputs.files import written_names

PLAN = document(
    job("a", 100, speed("p5.48xlarge", 3, 3333), speed("onprem", 1, 700), deadline=hour(300), cost_center="=1+1"),
    job("b|<i>", 33, speed("p5.48xlarge", 1, 1234), after=["a"], deadline=hour(400)),
    clusters=[cluster(2, basis="full", capex_usd_per_node=250_000, amortization_years=4)],
)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Run the service once for all tests of this module."""
    with service(tmp_path_factory.mktemp("totals")) as running:
        yield running


@pytest.fixture(scope="module")
def answer(client):
    """Make a plan on owned and rented nodes whose lines do not come out even."""
    lines = (price("55.043217"), price("21.170333", market="spot", zone="use1-az2", nodes=4))
    found = client.post("/v1/plans?wait=90", json=body(PLAN, *lines))
    assert found.status_code == 200, found.text
    return found.json()


def dollars(amount):
    """Write an amount as people read it."""
    return f"${Decimal(amount):,.2f}"


def text_of(client, answer, name):
    """Return a file of the plan as text."""
    found = client.get(f"/v1/plans/{answer['id']}/{name}")
    assert found.status_code == 200
    return found.text


def test_json_adds_up(answer):
    """The total is the sum of the lines, and of the jobs and what belongs to the whole plan."""
    total = Decimal(answer["total"]["amount"])
    assert total > 0
    assert total == sum(Decimal(line["cost"]["amount"]) for line in answer["lines"])
    whole = sum(Decimal(line["cost"]["amount"]) for line in answer["lines"] if line["job"] is None)
    assert total == sum(Decimal(each["cost"]["amount"]) for each in answer["jobs"]) + whole


def test_rest_lists_the_same_total(client, answer):
    """The list of plans and the plan itself say what the answer said."""
    listed = next(each for each in client.get("/v1/plans").json()["plans"] if each["id"] == answer["id"])
    assert listed["total"] == answer["total"]
    assert client.get(f"/v1/plans/{answer['id']}").json() == answer


def test_costs_csv_adds_up(client, answer):
    """The sum over cost_usd is the total, by job as well."""
    rows = list(csv.DictReader(io.StringIO(text_of(client, answer, "costs.csv"))))
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(answer["total"]["amount"])
    for each in answer["jobs"]:
        mine = sum(Decimal(row["cost_usd"]) for row in rows if row["job"] == each["job"])
        assert mine == Decimal(each["cost"]["amount"])


@pytest.mark.parametrize("name", [name for name in written_names() if name.startswith("report.")])
def test_reports_show_the_same_totals(client, answer, name):
    """Each report shows the total and every job's cost, with all their digits."""
    text = re.sub(r"[\\]", "", text_of(client, answer, name))
    for amount in (answer["total"]["amount"], *(each["cost"]["amount"] for each in answer["jobs"])):
        assert dollars(amount) in text


@pytest.mark.skipif("focus.csv" not in written_names(), reason="this version writes no focus.csv")
def test_focus_adds_up(client, answer):
    """The billed cost of all rows, to the cent, is the total."""
    rows = list(csv.DictReader(io.StringIO(text_of(client, answer, "focus.csv"))))
    assert round(sum(Decimal(row["EffectiveCost"]) for row in rows), 2) == Decimal(answer["total"]["amount"])


@pytest.mark.parametrize("name", written_names())
def test_the_same_recommendation_gives_the_same_bytes(client, answer, name):
    """Every file is the same when it is asked for again."""
    path = f"/v1/plans/{answer['id']}/{name}"
    first = client.get(path)
    assert client.get(path).content == first.content
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
