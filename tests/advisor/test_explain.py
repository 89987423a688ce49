"""Infeasible plans: what is named cannot hold together, and each repair makes the plan possible."""

from copy import deepcopy

import pytest
from advisor_builders import advise, cluster, document, hour, job, planned, price, speed, total

from advisor.recommendation import Recommendation
from advisor.service import PricesMissing

P5 = "p5.48xlarge"
OWNED = "onprem"


def conflict(answer):
    """Return the paths of a conflict."""
    assert answer.status == "infeasible"
    assert answer.total is None
    assert (answer.segments, answer.lines, answer.jobs) == ([], [], [])
    return [entry.path for entry in answer.infeasibility.conflict]


def test_a_deadline_alone_and_by_how_much():
    """10 h of work cannot be done in 8: the deadline is named, and 2 h more make it possible at 10 x $10."""
    answer = planned(document(job("a", 10, speed(P5, 1, 1000), deadline=hour(8))), price(10))

    assert conflict(answer) == ["jobs[0].deadline"]
    (repair,) = answer.infeasibility.repairs
    assert repair.path == "jobs[0].deadline"
    assert "+ 2 h" in repair.change
    assert "the least" in repair.change
    assert repair.total.amount == "100.00"


def test_a_chain_and_its_last_deadline():
    """Two jobs of 5 h one after the other cannot end by hour 8; without the order they could."""
    jobs = [job("a", 5, speed(P5, 1, 1000)), job("b", 5, speed(P5, 1, 1000), after=["a"], deadline=hour(8))]

    assert set(conflict(planned(document(*jobs), price(10)))) == {"jobs[1].after", "jobs[1].deadline"}


def test_a_limit_that_two_jobs_share():
    """Two jobs of 5 h on 4 nodes by hour 8 need 8 nodes; the limit of 4 is part of every conflict."""
    jobs = [job(name, 20, speed(P5, 4, 4000), deadline=hour(8)) for name in "ab"]

    paths = conflict(planned(document(*jobs, limits=[{"machine": P5, "max_nodes": 4}]), price(10)))

    assert "limits[0].max_nodes" in paths
    assert {"jobs[0].deadline", "jobs[1].deadline"} <= set(paths)


def test_the_windows_of_a_cluster():
    """A cluster that closes after 3 h cannot do 5 h of work, though its nodes would."""
    window = [{"from": hour(0), "to": hour(3), "nodes": 1}]
    plan = document(job("a", 5, speed(OWNED, 1, 1000), deadline=hour(9)), clusters=[cluster(1, available=window)])

    assert conflict(planned(plan)) == ["clusters[0].available"]


def test_placement_that_leaves_nothing():
    """A job that may run nowhere with a price is told so by its placement."""
    work = job(
        "a",
        5,
        speed(P5, 1, 1000),
        speed(OWNED, 1, 1000),
        deadline=hour(9),
        placement={"clusters": [], "regions": ["eu-west-1"]},
    )

    answer = advise(document(work, clusters=[cluster(1)]), price(10))

    assert isinstance(answer, PricesMissing)


def test_too_many_nodes_for_the_cluster():
    """A speed measured on more nodes than the cluster has is excluded with the reason, and the node count is named."""
    answer = planned(document(job("a", 5, speed(OWNED, 4, 1000), deadline=hour(9)), clusters=[cluster(2)]))

    assert conflict(answer) == ["clusters[0].nodes"]
    assert any("2 nodes" in entry.reason for entry in answer.excluded)


def test_what_is_fact_is_named_as_such():
    """Two nodes where the price row has one: no requirement stands in the way, and the job is named with the fact."""
    answer = planned(document(job("a", 5, speed(P5, 2, 1000), deadline=hour(9))), price(10, nodes=1))

    assert conflict(answer) == ["jobs[0]"]
    assert "available_nodes" in answer.infeasibility.conflict[0].says


def test_a_job_that_is_only_measured_names_the_missing_measurement():
    """A job that allows measured speeds alone and states none ends with what to state."""
    answer = planned(document(job("a", 5, deadline=hour(9))), price(10))

    assert conflict(answer) == ["jobs[0].measured"]
    assert "no measured speed" in answer.infeasibility.conflict[0].says


def test_no_usable_price_is_its_own_outcome():
    """Too old, of another currency or not there: the reasons are told, and what to do."""
    plan = document(job("a", 5, speed(P5, 1, 1000), deadline=hour(9)))

    nothing = advise(plan)
    foreign = advise(plan, price(10, currency="EUR"))

    assert isinstance(nothing, PricesMissing)
    assert "advisor prices import" in nothing.text()
    assert isinstance(foreign, PricesMissing)
    assert "EUR" in foreign.text()


@pytest.mark.parametrize("priority", [1, -1])
def test_of_two_conflicts_the_job_of_lower_priority_is_named(priority):
    """Two jobs each too long for the one node together: dropping either helps, and the less important one is named."""
    jobs = [
        job("a", 5, speed(OWNED, 1, 1000), deadline=hour(8)),
        job("b", 5, speed(OWNED, 1, 1000), deadline=hour(4), priority=priority),
    ]

    paths = conflict(planned(document(*jobs, clusters=[cluster(1)])))

    assert paths == ["jobs[1].deadline"]


def test_a_repair_makes_the_plan_possible_and_an_hour_less_does_not():
    """Applying the repair of a budget gives a plan at the stated total; a cent less does not."""
    plan = document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24)), budget_usd=80)
    answer = planned(plan, price(10))
    (repair,) = answer.infeasibility.repairs

    mended, short = deepcopy(plan), deepcopy(plan)
    mended["budget_usd"], short["budget_usd"] = 100, 99.99

    assert repair.change.startswith("budget_usd + $20.00")
    assert total(planned(mended, price(10))) == repair.total.amount == "100.00"
    assert isinstance(planned(short, price(10)), Recommendation)
    assert planned(short, price(10)).status == "infeasible"


def test_a_spot_price_that_the_plan_forbids_is_no_missing_price():
    """A job for spot alone under max_miss_probability 0: the two contradict each other, whatever there are prices for."""
    plan = document(job("a", 5, speed(P5, 1, 1000), deadline=hour(9), markets=["spot"]), max_miss_probability=0)

    answer = planned(plan, price(20, market="spot"), price(50))

    assert set(conflict(answer)) == {"jobs[0].markets", "max_miss_probability"}


def test_a_dataset_without_a_priced_way_is_named():
    """No table prices a way into lambda: that is what stands against the job, not a lack of nodes."""
    own = {
        "name": "x8",
        "provider": "lambda",
        "gpu": "H100-SXM-80GB",
        "gpus_per_node": 8,
        "network_gbit_per_second": 400,
    }
    work = job("a", 5, speed("x8", 1, 1000), dataset={"gib": 100, "location": OWNED})

    answer = planned(
        document(work, machines=[own], clusters=[cluster(1)]), price(24, provider="lambda", region="r", machine="x8")
    )

    assert conflict(answer) == ["jobs[0].dataset.location"]
    assert "no transfer price from onprem" in answer.infeasibility.conflict[0].says


def test_a_priced_pool_without_nodes_is_no_missing_price():
    """The price is there, its nodes are not: that is infeasible (exit 3), with the pool under `excluded`."""
    answer = planned(document(job("a", 5, speed(P5, 1, 1000), deadline=hour(9))), price(50, nodes=0))

    assert conflict(answer) == ["jobs[0]"]
    assert "too few nodes" in answer.infeasibility.conflict[0].says
    assert [(e.what, e.reason) for e in answer.excluded] == [
        ("aws us-east-1 p5.48xlarge on_demand", "no nodes available")
    ]


def test_a_market_that_is_not_planned_with_is_no_lack_of_nodes_alone():
    """The conflict points to `excluded`, where the market stands with its reason."""
    work = job("a", 5, speed(P5, 1, 1000), deadline=hour(9), markets=["flex_start"])

    answer = planned(document(work), price(30, market="flex_start"))

    assert conflict(answer) == ["jobs[0]"]
    assert "`excluded` says why" in answer.infeasibility.conflict[0].says
    assert "flex_start is not planned with" in answer.excluded[0].reason
