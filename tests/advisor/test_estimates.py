"""`advisor estimate`: what fits where, hours and cost of one segment, why the others do not fit."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from advisor_builders import AS_OF, HEADER, cluster, document, hour, price
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.errors import UsageInvalid
from advisor.estimates import estimate_lines
from advisor.offers import offers_in_rows
from advisor.plan.load import plan_of
from advisor.planning import places_in
from advisor.service import PlanRequest, question_of
from pricing.sheet import read_prices

P5 = "p5.48xlarge"


def lines(plan: dict, *prices: str, **asked):
    """Estimate a document on a price sheet."""
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    rows = read_prices("\n".join([HEADER, *prices]) + "\n", now=AS_OF).rows
    offers = offers_in_rows(loaded.plan, AS_OF, rows)
    request = PlanRequest(loaded=loaded, offers=offers, as_of=AS_OF, max_age=timedelta(hours=72), exempt_from_age=True)
    question, _ = question_of(request)
    return estimate_lines(loaded, places_in(question), **asked)


def job(name: str = "a", **fields) -> dict:
    """Write a 7B pretraining of 1e9 tokens."""
    return {"name": name, "model": "deepseek-llm-7b", "method": "pretrain", "tokens": 1_000_000_000, **fields}


def test_hours_and_cost_are_those_of_one_segment_at_the_cheapest_usable_price():
    """Hours are startup + tokens / planned speed up to the grid; cost is nodes x hours x the cheapest allowed price."""
    plan = document(job(startup_minutes=30, markets=["on_demand"]), end_grid_minutes=10)
    rows = [price(40), price(30, region="us-west-2"), price(9, market="spot", zone="use1-az1")]

    (line,) = lines(plan, *rows, name=P5, nodes=2)

    fields = line.document()
    speed = fields["planned_tokens_per_second"]
    assert speed == int(line.estimate.tokens_per_second_low)
    seconds = 1800 + -(-1_000_000_000 // speed)
    assert fields["hours"] == pytest.approx(-(-seconds // 600) / 6)
    assert Decimal(fields["cost"]["amount"]) == pytest.approx(Decimal(2 * 30 * fields["hours"]), abs=Decimal("0.01"))
    assert (fields["price"]["region"], fields["price"]["market"]) == ("us-west-2", "on_demand")
    assert fields["price"]["source"]
    assert fields["price"]["observed_at"]


def test_every_field_of_the_contract_is_there_and_what_does_not_apply_is_null():
    """A place where the job does not fit has a reason and its memory, and neither speed, hours nor cost."""
    plan = document(job(model="plain-130b", method="full_finetune", max_nodes=1))

    (line,) = lines(plan, price(40), name=P5)

    fields = line.document()
    assert fields["verdict"] == "does_not_fit"
    assert fields["reason"].startswith("needs ")
    assert set(fields["memory_gib"]) == {
        "weights", "gradients", "optimizer", "activations", "logits", "communication", "overhead", "total",
    }  # fmt: skip
    for name in ("layout", "tokens_per_second", "mfu", "hours", "cost", "cluster", "price"):
        assert fields[name] is None, name


def test_an_owned_cluster_has_its_own_price_and_its_size():
    """A cluster is named as such; more nodes than it has do not fit, and the reason says so."""
    plan = document(job(), clusters=[cluster(2)])

    (two,) = lines(plan, name="onprem", nodes=2)
    (three,) = lines(plan, name="onprem", nodes=3)

    assert (two.document()["cluster"], two.document()["machine"]) == ("onprem", None)
    assert two.document()["price"]["usd_per_node_hour"]["amount"] == "1.0452"
    assert three.document()["reason"] == "cluster onprem has 2 nodes"
    assert three.document()["hours"] is None


def test_an_unpriced_machine_has_hours_and_no_cost():
    """No price is no cost, never zero; a commitment that is held is no offer."""
    held = {
        "name": "block", "provider": "aws", "region": "us-east-1", "machine": P5, "nodes": 2,
        "start": hour(0), "end": hour(9),
    }  # fmt: skip

    (line,) = lines(document(job(), commitments=[held]), name=P5, nodes=1)

    assert line.hours is not None
    assert line.document()["cost"] is None


def test_an_unknown_machine_is_refused_with_a_suggestion():
    """A slip of the pen is answered with the nearest name."""
    with pytest.raises(UsageInvalid, match=r"p5\.48xlarge"):
        lines(document(job()), name="p5.48xlarg")


def test_the_command_fits_80_columns_and_says_where_numbers_come_from(tmp_path, monkeypatch):
    """Text for people with the cheapest first; JSON for programs; exit 3 where a job fits nowhere."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ADVISOR_DATABASE_URL", f"sqlite:///{tmp_path / 'advisor.sqlite3'}")
    path, sheet = tmp_path / "plan.json", tmp_path / "prices.csv"
    sheet.write_text("\n".join([HEADER, price(40), price(20, machine="p4d.24xlarge")]) + "\n", encoding="utf-8")
    path.write_text(json.dumps(document(job(max_nodes=2))), encoding="utf-8")
    words = ["estimate", str(path), "--prices", str(sheet), "--as-of", "2026-11-24T00:00:00Z"]

    shown = CliRunner().invoke(cli, words)
    found = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)

    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "$40.00 a node-hour: on_demand us-east-1, list, seen 2026-11-20" in shown.stdout
    assert found["version"] == 1
    assert {entry["job"] for entry in found["estimates"]} == {"a"}
    path.write_text(json.dumps(document(job(model="deepseek-v3", max_nodes=1))), encoding="utf-8")
    assert CliRunner().invoke(cli, [*words, "--machine", P5]).exit_code == 3
