"""Plans over HTTP: made once, stored, read back with the same bytes; every refusal says what to do."""

import json
import time

import pytest
from advisor_builders import document, hour, job, price, speed
from api_builders import AS_OF, body, long_body, service, small_plan

from advisor.outputs.files import file_content, written_names
from advisor.recommendation import Recommendation


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Run the service once for all tests of this module."""
    with service(tmp_path_factory.mktemp("plans")) as running:
        yield running


@pytest.fixture(scope="module")
def stored(client):
    """Make the small plan."""
    answer = client.post("/v1/plans?wait=60", json=body())
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_plan_is_answered_and_stored(client, stored):
    """20 h of work at 1,000 tokens/s on two nodes of 2,000 take 10 h: 20 node-hours x $55.04 = $1,100.80."""
    assert stored["status"] == "optimal"
    assert stored["total"] == {"amount": "1100.80", "currency": "USD"}
    again = client.get(f"/v1/plans/{stored['id']}")
    assert again.json() == stored
    assert stored["id"] in [entry["id"] for entry in client.get("/v1/plans").json()["plans"]]


def test_a_client_that_has_the_answer_gets_304(client, stored):
    """If-None-Match with the ETag that was given saves the body."""
    path = f"/v1/plans/{stored['id']}"
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", written_names())
def test_files_are_those_of_the_command_line(client, stored, name):
    """Each file is the same bytes that `advisor plan --out` writes of the same recommendation."""
    answer = client.get(f"/v1/plans/{stored['id']}/{name}")
    assert answer.status_code == 200
    assert answer.content == file_content(Recommendation.model_validate(stored), name)


def test_a_file_that_is_not_written_is_said_so(client, stored):
    """An unknown file is a 404 that names those that there are."""
    answer = client.get(f"/v1/plans/{stored['id']}/plans.pdf")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "report.md" in answer.json()["detail"]


def test_without_waiting_the_address_is_given_at_once(client):
    """202 names in Location where the answer will be; asking there ends with the answer."""
    answer = client.post("/v1/plans", json=body())
    assert answer.status_code == 202
    assert answer.json()["state"] in {"queued", "running"}
    for _ in range(300):
        found = client.get(answer.headers["Location"])
        if found.status_code == 200:
            break
        assert found.status_code == 202
        time.sleep(0.1)
    assert found.json()["total"]["amount"] == "1100.80"


def test_an_infeasible_plan_is_an_answer(client):
    """A deadline that nothing meets gives 200 with the conflict, not an error."""
    plan = document(job("a", 20, speed("p5.48xlarge", 2, 2000), deadline=hour(5)))
    answer = client.post("/v1/plans?wait=60", json=body(plan))
    assert answer.status_code == 200
    assert answer.json()["status"] == "infeasible"
    assert "jobs[0].deadline" in [each["path"] for each in answer.json()["infeasibility"]["conflict"]]


def test_missing_prices_are_a_conflict_with_the_reason(client):
    """Where a job's configurations fit and none has a price, 409 names the job and the offers that may not be used."""
    answer = client.post("/v1/plans?wait=60", json=body(None, price(55.04, currency="EUR")))
    assert answer.status_code == 409
    messages = [each["message"] for each in answer.json()["errors"]]
    assert any(message.startswith("a: configurations fit") for message in messages)
    assert any("priced in EUR" in message for message in messages)


def test_bundled_prices_fill_an_empty_price_book(client):
    """Without own prices the price book counts; where it is empty the answer rests on bundled prices and marks them."""
    plan = body()
    del plan["prices"]
    answer = client.post("/v1/plans?wait=60", json=plan)
    assert answer.status_code == 200
    assert {line["bundled"] for line in answer.json()["lines"]} == {True}


def test_a_bad_price_row_is_left_out_and_named(client):
    """The good rows count; the answer names the bad one by its index with the reason."""
    answer = client.post("/v1/plans?wait=60", json=body(None, price(55.04), price(-1)))
    assert answer.json()["total"]["amount"] == "1100.80"
    named = {each["what"]: each["reason"] for each in answer.json()["excluded"]}
    assert "usd_per_hour" in named["prices[1]"]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"plan": small_plan(jbos=[])}, "jbos", "did you mean 'jobs'"),
        (
            {"plan": document(job("a", 20, speed("p5.48xlarge", 2, 2000), deadline="soon"))},
            "jobs[0].deadline",
            "moment",
        ),
        ({"plan": document({**job("a", 20), "model": "/etc/passwd"})}, "jobs[0].model", "cannot name a file"),
        ({"plan": document({**job("a", 20), "model": "config.json"})}, "jobs[0].model", "cannot name a file"),
        ({"time_limit_s": 10**6}, "time_limit_s", "ADVISOR_MAX_TIME_LIMIT_S"),
        ({"objective": "risk"}, "objective", "cannot be judged"),
        ({"as_of": "9999-12-31T23:59:59Z"}, "as_of", "between the years"),
        ({"plans": {}}, "plans", "did you mean 'plan'"),
        ({"prices": [{"provider": "aws"}]}, "prices[0]", "must not be blank"),
        ({"prices": [{"colour": "red"}]}, "prices[0]", "unknown column"),
        ({"prices": []}, "prices", "leave it out"),
    ],
)
def test_a_bad_document_is_refused_with_path_and_cure(client, change, path, words):
    """Nothing is queued; the problem document names each fault by its path."""
    answer = client.post("/v1/plans", json=body(**change))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each for each in answer.json()["errors"] if each["path"] == path and words in each["message"]], answer.text


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"[1]", 400, "JSON object"),
        (b'{"plan": {}, "plan": {}}', 400, "given twice"),
        (b'{"plan": ', 400, "broken JSON"),
        (b'{"plan": {"name": "\\ud800"}}', 400, "surrogate"),
        (b'{"plan": {"a": 1e999}}', 400, "too large a number"),
        (b" " * (2 * 1024 * 1024 + 1), 413, "2 MiB"),
    ],
)
def test_a_broken_body_is_refused(client, content, status, words):
    """What is no document of at most 2 MiB is refused in one sentence."""
    answer = client.post("/v1/plans", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert words in answer.text


def test_thousands_of_faults_are_counted(client):
    """A plan of 5,000 unknown fields is refused with 30 errors, the last of which counts the others."""
    answer = client.post("/v1/plans", json=body({**small_plan(), **{f"field{index}": 1 for index in range(5_000)}}))
    errors = answer.json()["errors"]
    assert (answer.status_code, len(errors)) == (422, 30)
    assert errors[-1]["message"] == "… and 4971 more"


def test_a_body_that_hides_its_length_is_cut_off(client):
    """A body sent in pieces is counted as it comes."""
    pieces = (b" " * 65536 for _ in range(40))
    answer = client.post("/v1/plans", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_another_media_type_is_refused(client):
    """A form or plain text, which any web page could send, is no request."""
    answer = client.post("/v1/plans", content=json.dumps(body()), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_too_many_jobs_are_refused_with_the_limit(tmp_path):
    """A plan over HTTP has at most ADVISOR_MAX_JOBS_PER_PLAN jobs."""
    plan = document(*(job(f"job-{index}", 1, speed("p5.48xlarge", 1, 1000)) for index in range(3)))
    with service(tmp_path, max_jobs_per_plan=2) as client:
        answer = client.post("/v1/plans", json=body(plan))
    assert answer.status_code == 422
    assert "at most 2 jobs" in answer.json()["detail"]


def test_a_key_gives_the_first_answer_again(client):
    """The second call with an Idempotency-Key gets the first's id; another body under it is refused."""
    first = client.post("/v1/plans?wait=60", json=body(), headers={"Idempotency-Key": "one"})
    again = client.post("/v1/plans?wait=60", json=body(), headers={"Idempotency-Key": "one"})
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = client.post("/v1/plans?wait=60", json=body(seed=1), headers={"Idempotency-Key": "one"})
    assert other.status_code == 422
    assert "another body" in other.json()["detail"]
    fresh = client.post("/v1/plans?wait=60", json=body(), headers={"Idempotency-Key": "two"})
    assert fresh.json()["id"] != first.json()["id"]


def test_the_list_goes_on_behind_its_cursor(client, stored):
    """Pages of one hold every stored plan once, in the order of the whole list."""
    whole = [entry["id"] for entry in client.get("/v1/plans").json()["plans"] if entry["state"] == "done"]
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/v1/plans?limit=1{cursor and f'&cursor={cursor}'}").json()
        found += [entry["id"] for entry in page["plans"] if entry["state"] == "done"]
        cursor = page["next_cursor"]
    assert found == whole
    assert stored["id"] in found


@pytest.mark.parametrize("cursor", ["x", "bm9uZQ", "W10", "eyJpZCI6MX0", "\u00e9"])
def test_a_foreign_cursor_is_refused(client, cursor):
    """A cursor that the service never gave is a 422, whatever it holds."""
    assert client.get("/v1/plans", params={"cursor": cursor}).status_code == 422


def test_a_stored_plan_is_never_deleted(client, stored):
    """DELETE on a finished plan is refused; on an unknown one it is 404."""
    assert client.delete(f"/v1/plans/{stored['id']}").status_code == 409
    assert client.delete("/v1/plans/rec_0").status_code == 404
    assert client.get(f"/v1/plans/{stored['id']}").status_code == 200


def test_the_queue_is_bounded_and_plans_can_be_taken_back(tmp_path):
    """With one worker and one place to wait the third plan gets 503; cancelling ends the work and frees the place."""
    with service(tmp_path, plan_workers=1, plan_queue=1) as client:
        first, second = (client.post("/v1/plans", json=long_body()) for _ in range(2))
        full = client.post("/v1/plans", json=long_body())
        assert (first.status_code, second.status_code, full.status_code) == (202, 202, 503)
        assert int(full.headers["Retry-After"]) > 0
        assert "ADVISOR_PLAN_QUEUE" in full.json()["detail"]
        deadline = time.monotonic() + 60
        while client.get(first.headers["Location"]).json()["state"] != "running" and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        for plan in (first, second):
            assert client.delete(plan.headers["Location"]).status_code == 204
            assert client.get(plan.headers["Location"]).status_code == 410
            assert client.delete(plan.headers["Location"]).status_code == 204
        assert client.post("/v1/plans?wait=60", json=body()).json()["as_of"] == AS_OF
        ended = 'advisor_plans_ended{state="cancelled"} 2.0'
        assert ended in client.get("/metrics").text
