"""Replanning on paper: what is done is off, and what runs is kept unless moving pays more than it costs."""

import json
from datetime import timedelta

import pytest
from advisor_builders import AS_OF, HEADER, cluster, document, hour, job, price, speed, total

from advisor.errors import DocumentInvalid
from advisor.plan.load import plan_of
from advisor.progress import ProgressDocument, remainder
from advisor.service import PlanRequest, recommend_plan
from pricing.book import SpotRule, offers_as_of
from pricing.sheet import read_prices

P5 = "p5.48xlarge"


def replanned(plan, at, jobs, *prices):
    """Plan the rest of a document after some progress."""
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    progress = ProgressDocument.model_validate_json(json.dumps({"version": 1, "at": at, "jobs": jobs}))
    rest = remainder(loaded, progress, name="progress", folder=None)
    sheet = read_prices("\n".join([HEADER, *prices]) + "\n", now=AS_OF)
    request = PlanRequest(
        loaded=rest.loaded,
        offers=offers_as_of(sheet.rows, as_of=AS_OF, spot=SpotRule()),
        as_of=AS_OF,
        max_age=timedelta(hours=72),
        exempt_from_age=True,
        time_limit_s=30.0,
        remainder=rest,
    )
    return recommend_plan(request)


HERE = {"machine": P5, "provider": "aws", "region": "us-east-1", "market": "on_demand", "nodes": 1}
TWO = (price(10), price(9, region="us-west-2"))


def work(**fields):
    """10 h of work with an hour of start-up."""
    return job("a", 10, speed(P5, 1, 1000), deadline=hour(30), startup_minutes=60, max_segments=2, **fields)


def test_what_runs_goes_on_without_a_start_up():
    """6 h are left: going on costs 6 x $10 = $60; a start elsewhere 7 x $9 = $63, so nothing moves."""
    answer = replanned(document(work()), hour(5), [{"name": "a", "tokens_done": 14_400_000, "running": HERE}], *TWO)

    assert (answer.status, total(answer)) == ("optimal", "60.00")
    assert [(s.region, s.tokens) for s in answer.segments] == [("us-east-1", 21_600_000)]
    assert answer.segments[0].start == answer.start
    assert any("goes on without a start-up" in said for said in answer.assumptions)


def test_moving_where_it_pays_more_than_it_costs():
    """10 h are left: going on costs $100, the move 11 x $8 = $88; what staying would have cost stands beside it."""
    answer = replanned(
        document(work()), hour(5), [{"name": "a", "running": HERE}], price(10), price(8, region="us-west-2")
    )

    assert (answer.status, total(answer)) == ("optimal", "88.00")
    (stay,) = [one for one in answer.alternatives if one.description.startswith("nothing moves")]
    assert stay.total is not None
    assert stay.total.amount == "100.00"


def test_a_pause_costs_a_start_up():
    """Nodes are there for 3 h, then from hour 5 on: going on saves the start-up of the first part only.

    3 h without one, then 1 h + 7 h: 11 node-hours at $1.0452.
    """
    windows = [{"from": hour(0), "to": hour(3), "nodes": 1}, {"from": hour(5), "to": hour(30), "nodes": 1}]
    plan = document(
        job("a", 10, speed("onprem", 1, 1000), deadline=hour(30), startup_minutes=60, max_segments=2),
        clusters=[cluster(1, available=windows)],
    )

    answer = replanned(plan, hour(0), [{"name": "a", "running": {"cluster": "onprem", "nodes": 1}}])

    # 3 x 1.0452 = 3.1356 -> 3.14 and 8 x 1.0452 = 8.3616 -> 8.36
    assert (answer.status, total(answer)) == ("optimal", "11.50")


def test_done_jobs_are_gone_and_money_spent_counts():
    """a is done, so b waits for nobody; of a budget of $100, $70 are spent, and b's $40 do not fit."""
    jobs = [job("a", 5, speed(P5, 1, 1000)), job("b", 4, speed(P5, 1, 1000), after=["a"], deadline=hour(40))]
    progress = [{"name": "a", "tokens_done": 18_000_000, "spent_usd": 70}]

    free = replanned(document(*jobs), hour(9), progress, price(10))
    tight = replanned(document(*jobs, budget_usd=100), hour(9), progress, price(10))

    assert (total(free), [j.job for j in free.jobs]) == ("40.00", ["b"])
    assert tight.status == "infeasible"


@pytest.mark.parametrize(
    ("jobs", "path"),
    [
        ([{"name": "c"}], "jobs[0].name"),
        ([{"name": "a"}, {"name": "a"}], "jobs[1].name"),
        ([{"name": "a", "running": {"nodes": 1}}], "jobs[0].running"),
        ([{"name": "a", "tokens_done": 36_000_000}], "jobs"),
    ],
)
def test_progress_that_does_not_fit_the_plan_is_named(jobs, path):
    """Unknown and double names, a place that is none, and nothing left to plan."""
    with pytest.raises(DocumentInvalid) as refused:
        replanned(document(work()), hour(1), jobs, price(10))

    assert refused.value.faults[0].path == path


def test_a_deadline_that_has_passed_is_named():
    """At hour 31 the deadline at hour 30 is over."""
    with pytest.raises(DocumentInvalid, match="has passed"):
        replanned(document(work()), hour(31), [{"name": "a"}], price(10))
