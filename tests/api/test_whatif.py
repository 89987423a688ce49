"""What-if over HTTP: a stored plan asked again at its own prices, and progress in the body of a plan."""

import pytest
from advisor_builders import document, hour, job, price, speed
from api_builders import AS_OF, rows, service

P5 = "p5.48xlarge"
PLAN = document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24)), max_miss_probability=1)
ROWS = rows(price(4, market="spot", zone="use1-az1"), price(10))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Run the service once for all tests of this module."""
    with service(tmp_path_factory.mktemp("whatif")) as running:
        yield running


def planned(client, **more):
    """Make a plan and return its recommendation."""
    answer = client.post("/v1/plans?wait=60", json={"plan": PLAN, "as_of": AS_OF, "prices": ROWS, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_stored_plan_is_asked_again(client):
    """Spot 30 percent dearer is $52 instead of $40; without spot it is $100; break-even lies at $10."""
    name = planned(client)["id"]

    body = {"set": {"max_miss_probability": 0}, "break_even": f"{P5}:spot", "time_limit_s": 60}
    forbidden = client.post(f"/v1/plans/{name}/whatif", json=body)
    dearer = client.post(f"/v1/plans/{name}/whatif", json={"spot_price": 30})

    assert forbidden.status_code == 200, forbidden.text
    assert forbidden.json()["base"]["total"]["amount"] == "40.00"
    assert forbidden.json()["changes"][0]["total"]["amount"] == "100.00"
    assert float(forbidden.json()["break_even"]["stays_at"]["usd_per_hour"]) <= 10
    assert dearer.json()["changes"][0]["total"]["amount"] == "52.00"


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({}, 422, "set"),
        ({"set": {"budget_usd": -1}}, 422, "budget_usd"),
        ({"surprise": 1}, 422, "surprise"),
        ({"break_even": "p5"}, 422, "break_even"),
        ({"spot_price": -100}, 422, "spot_price"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_with_its_path(client, body, status, path):
    """A wrong change is refused with its path, and an unknown plan is not found."""
    name = planned(client)["id"]

    answer = client.post(f"/v1/plans/{name}/whatif", json=body)

    assert answer.status_code == status, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert client.post("/v1/plans/rec_none/whatif", json={"spot_price": 1}).status_code == 404


def test_progress_in_the_body_plans_only_the_rest(client):
    """Of 10 h, 6 are done: 4 h of spot are $16; a progress that names no job of the plan is refused by its path."""
    progress = {"version": 1, "at": hour(3), "jobs": [{"name": "a", "tokens_done": 21_600_000}]}

    rest = planned(client, progress=progress)
    wrong = {**progress, "jobs": [{"name": "b"}]}
    body = {"plan": PLAN, "as_of": AS_OF, "prices": ROWS, "progress": wrong}
    refused = client.post("/v1/plans?wait=60", json=body)

    assert rest["total"]["amount"] == "16.00"
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["path"] == "jobs[0].name"
