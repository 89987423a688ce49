"""Pages for people: no script, nothing from elsewhere, and no text of a user is ever markup."""

import json
import re
import time

import pytest
from advisor_builders import document, hour, job, speed
from api_builders import body, database, service
from price_builders import row

from pricing.store import PriceBook

HOSTILE = "<script>alert(1)</script>"
PLAN = document(job(HOSTILE, 20, speed("p5.48xlarge", 2, 2000), deadline=hour(48)), name="q1 <b>&amp;")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Run the service on a price book of one price."""
    folder = tmp_path_factory.mktemp("pages")
    with PriceBook.open(database(folder)) as book:
        seen = row().observed_at
        book.import_rows([row(observed_at=seen)], recorded_at=seen)
    with service(folder, price_max_age_hours=1e6, reference_prices="off") as running:
        yield running


@pytest.fixture(scope="module")
def stored(client):
    """Make a plan with markup in its names."""
    return client.post("/v1/plans?wait=60", json=body(PLAN)).json()


def assert_harmless(answer):
    """Hold a page against its promises: no script, no address but its own, a policy that says so."""
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert HOSTILE not in answer.text
    assert "<script" not in answer.text
    assert not re.findall(r"(?:src|href|action)=\"(?!/|#)", answer.text)


def test_every_page_is_harmless(client, stored):
    """The list, the form, the docs, a plan and an unknown one keep the promises; the plan's name shows as typed."""
    for path in ("/", "/new", "/docs", f"/plans/{stored['id']}", "/plans/rec_0<b>"):
        assert_harmless(client.get(path))
    assert "q1 &lt;b&gt;&amp;amp;" in client.get("/").text


def test_the_page_shows_the_total_and_the_files(client, stored):
    """The answer comes first, with every file that there is."""
    text = client.get(f"/plans/{stored['id']}").text
    assert "$1,100.80" in text
    assert f"/v1/plans/{stored['id']}/costs.csv" in text


def test_a_plan_is_pasted_and_answered(client):
    """The form takes YAML or JSON, leads to the plan's page, and that one shows the answer when it is there."""
    sent = client.post("/plans", data={"plan": json.dumps(PLAN)})
    assert sent.status_code == 303
    for _ in range(300):
        shown = client.get(sent.headers["Location"])
        assert_harmless(shown)
        if "What runs where" in shown.text:
            break
        assert shown.headers["Refresh"] == "2", shown.text
        time.sleep(0.1)
    assert "$1,100.80" in shown.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("version: 1\nname: x\njobs: [", "line"),
        (json.dumps({**PLAN, "colour": HOSTILE}), "unknown field"),
        (json.dumps({**PLAN, "jobs": [{**PLAN["jobs"][0], "model": "../config.json"}]}), "cannot name a file"),
        (json.dumps({**PLAN, "name": "\ud800"}), "surrogate"),
    ],
)
def test_a_bad_plan_comes_back_with_its_faults(client, text, words):
    """The form shows again what was typed, with each fault and its cure."""
    answer = client.post("/plans", data={"plan": text})
    assert 400 <= answer.status_code < 500
    assert_harmless(answer)
    assert words in answer.text


def test_another_sites_form_is_refused(client):
    """A page of another web site cannot plan in the user's name."""
    sent = client.post("/plans", data={"plan": json.dumps(PLAN)}, headers={"Origin": "https://elsewhere.example"})
    assert sent.status_code == 403
