"""What-if studies on plans whose answers are known on paper, and the command's refusals."""

import json
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from advisor_builders import HEADER, cluster, document, hour, job, price, question_of, speed

from advisor.cli.main import main
from advisor.errors import UsageInvalid
from advisor.whatif.breakeven import break_even
from advisor.whatif.changes import changed_document
from advisor.whatif.frontier import frontier
from advisor.whatif.ownership import ownership

P5 = "p5.48xlarge"
SPOT = [price(4, market="spot", zone="use1-az1"), price(10)]


def spot_plan(**fields):
    """10 h of work on one node."""
    return document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24)), max_miss_probability=1, **fields)


def soon() -> float:
    """A minute from now."""
    return time.monotonic() + 60


def whatif(capsys, tmp_path, plan, prices, *words, code=0):
    """Run the command on a plan and prices; return its document."""
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (tmp_path / "prices.csv").write_text("\n".join([HEADER, *prices]) + "\n", encoding="utf-8")
    files = [str(tmp_path / "plan.json"), "--prices", str(tmp_path / "prices.csv"), "--as-of", "2026-11-24T00:00:00Z"]
    with pytest.raises(SystemExit) as left:
        main(["whatif", *files, *words])
    captured = capsys.readouterr()
    assert left.value.code == code, captured
    return captured


def test_spot_dearer_and_a_field_set(capsys, tmp_path):
    """Spot at $4 for 10 h is $40; 30 % dearer it is $52; without spot it is $100 on demand."""
    words = ["--spot-price", "30", "--json"]
    dearer = json.loads(whatif(capsys, tmp_path, spot_plan(), SPOT, *words).out)
    words = ["--set", "max_miss_probability=0", "--set", "jobs[a].max_nodes=2", "--json"]
    without = json.loads(whatif(capsys, tmp_path, spot_plan(), SPOT, *words).out)

    assert dearer["base"]["total"]["amount"] == "40.00"
    assert dearer["changes"][0]["total"]["amount"] == "52.00"
    assert dearer["changes"][0]["difference"]["amount"] == "12.00"
    assert without["changes"][0]["total"]["amount"] == "100.00"
    assert "a +$60.00" in without["changes"][0]["because"]


def test_scenarios_come_from_a_document(capsys, tmp_path):
    """Each scenario of the file is solved under its name; one that makes no plan says so."""
    (tmp_path / "s.yaml").write_text(
        "version: 1\nscenarios:\n"
        "  - {name: dear spot, spot_price: 100}\n"
        "  - {name: too soon, set: {'jobs[0].deadline': 2026-12-01T05:00:00Z}}\n",
        encoding="utf-8",
    )

    said = whatif(capsys, tmp_path, spot_plan(), SPOT, "--scenario", str(tmp_path / "s.yaml"), "--json").out

    dear, soon_ = json.loads(said)["changes"]
    assert (dear["name"], dear["total"]["amount"]) == ("dear spot", "80.00")
    assert (soon_["status"], soon_["total"]) == ("infeasible", None)


def test_break_even_of_spot_is_the_price_on_demand():
    """Without a net, spot is used until it costs what on demand does: $10, found to 0.2 percent from both sides."""
    found = break_even(question_of(spot_plan(), SPOT), P5, "spot", soon())

    assert found is not None
    assert found.inside is not None
    assert found.outside is not None
    assert found.inside.micro_usd_per_hour <= 10_000_000 <= found.outside.micro_usd_per_hour
    assert found.outside.micro_usd_per_hour - found.inside.micro_usd_per_hour <= 30_000
    assert (found.inside.node_hours, found.outside.node_hours) == (10, 0)
    assert found.outside.plan.total_cents == 10_000


def test_the_frontier_from_fast_and_dear_to_slow_and_cheap():
    """4 nodes at 3.4 times the speed end in 3 h for $120, 2 at 1.7 in 6 h for $120, one node in 10 h for $100."""
    work = job("a", 10, speed(P5, 1, 1000), speed(P5, 2, 1700), speed(P5, 4, 3400), max_segments=1, deadline=hour(24))

    points = frontier(question_of(document(work), [price(10)]), 4, soon())

    begin = points[0].plan.segments[0].start
    found = [((p.finish - begin).total_seconds() / 3600, p.total_cents) for p in points]
    assert found == [(3.0, 12_000), (10.0, 10_000)]
    assert all(point.gap == 0 for point in points)


def test_owning_against_renting_by_hand():
    """$250,000 over 4 years, 10 % residual, $600 staff: 56,250 + 7,200 + 8,760 x 0.546 = 68,232.96 a year.

    Rented at $55.04 an hour against (10.2 - 3.5) x 1.3 x 0.12 = 1.0452 of use: from 68,232.96 / 53.9948 = 1,263.7 h on.
    """
    fields = {"amortization_years": 4, "residual_fraction": 0.1, "staff_usd_per_node_month": 600}
    owned = [cluster(1, capex_usd_per_node=250000, **fields)]
    question = question_of(document(job("a", 1, speed(P5, 1, 1000)), clusters=owned), [price(55.04)])

    found = ownership(question, question.plan.clusters[0], Decimal(250000))

    assert found is not None
    assert found.fixed_usd_per_year == Fraction("68232.96")
    assert found.hours_a_year is not None
    assert float(found.hours_a_year) == pytest.approx(68232.96 / 53.9948)
    back = found.payback_years(Fraction(250000), Fraction(8760))
    assert back is not None
    assert float(back) == pytest.approx(250000 / (8760 * 55.04 - 7200 - 8760 * 0.546 - 8760 * 1.0452))


def test_buying_nodes_is_planned_on_both_bases(capsys, tmp_path):
    """Two jobs of 5 h by hour 5, one owned node: the second node saves $50 of rent at $1.0452 or the full cost."""
    jobs = [job(name, 5, speed("onprem", 1, 1000), speed(P5, 1, 1000), deadline=hour(5)) for name in "ab"]
    plan = document(*jobs, clusters=[cluster(1, amortization_years=4)])

    said = whatif(capsys, tmp_path, plan, [price(10)], "--buy", "onprem:1", "--node-price", "35040", "--json").out

    full, marginal = json.loads(said)["buy"]["plans"]
    # 10 h x (35,040 / 35,040 h = 1.00 + 1.5912 of power) and 10 h x 1.0452, by job: 2 x 5.23 = 10.46 less rounding.
    assert (full["total"]["amount"], marginal["total"]["amount"]) == ("25.92", "10.46")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing is asked"),
        (["--set", "jobs[0].deadline"], "write PATH=VALUE"),
        (["--set", "jobs[7].deadline=2026-12-25T00:00:00Z"], "no entry '7'; there are a"),
        (["--set", "jobs[a].tokns=5"], "jobs[0].tokns"),
        (["--set", "budget_usd=-1"], "at least 0"),
        (["--set", "budget_usd=[1"], "cannot be read"),
        (["--frontier", "cost,risk"], "not modelled yet"),
        (["--spot-price", "dear"], "plain number"),
        (["--spot-price", "-100"], "between"),
        (["--break-even", "p5.48xlarge"], "MACHINE:MARKET"),
        (["--buy", "onprem"], "CLUSTER:NODES"),
        (["--buy", "onprem:2"], "no such cluster"),
    ],
)
def test_what_cannot_be_asked_is_one_message(capsys, tmp_path, words, says):
    """A wrong change names itself, with exit code 2 and nothing on stdout."""
    captured = whatif(capsys, tmp_path, spot_plan(), SPOT, *words, code=2)

    assert says in captured.err
    assert captured.out == ""


def test_a_path_enters_lists_by_number_or_name():
    """jobs[0] and jobs[a] are the same entry; a mapping that is missing begins empty."""
    plan = {"jobs": [{"name": "a"}]}

    assert changed_document(plan, ["jobs[0].checkpoint.gib=5"]) == changed_document(plan, ["jobs[a].checkpoint.gib=5"])
    assert changed_document(plan, ["jobs[a].checkpoint.gib=5"])["jobs"][0]["checkpoint"] == {"gib": 5}
    assert plan == {"jobs": [{"name": "a"}]}
    with pytest.raises(UsageInvalid, match="needs a list"):
        changed_document(plan, ["name[0]=5"])
