"""What requirements cost: on plans whose answer is known on paper."""

import time

from advisor_builders import cluster, document, hour, job, planned, price, question_of, speed

from advisor.explain.asking import Search
from advisor.explain.relief import reliefs_of

P5 = "p5.48xlarge"


def test_a_deadline_and_a_limit_are_priced():
    """10 h of work by hour 6 needs 2 nodes; one node at $10 would do by hour 10: $100 against 6 h x 2 x $10.

    The two-node speed is 1.7 of one, so 5.88 h are paid as 6: $120. Four hours more save $20, one hour nothing.
    """
    plan = document(job("a", 10, speed(P5, 1, 1000), speed(P5, 2, 1700), deadline=hour(6), max_segments=1))
    prices = [price(10)]
    answer = planned(plan, *prices)
    assert answer.total is not None
    assert answer.total.amount == "120.00"

    reliefs = {r.path: r for r in reliefs_of(Search(question_of(plan, prices), time.monotonic() + 60), 12_000)}

    deadline = reliefs["jobs[0].deadline"]
    assert deadline.without.saves.amount == "20.00"
    assert [(step.change.split(",")[0], step.saves.amount) for step in deadline.steps] == [
        ("deadline + 1 h", "0.00"),
        ("deadline + 24 h", "20.00"),
    ]
    assert reliefs["jobs[0].max_nodes"].without.saves.amount == "0.00"


def test_one_more_owned_node_is_worth_what_it_saves():
    """Two jobs of 5 h by hour 5 and one owned node at $1.0452: one rents at $10, and a second node saves $44.77."""
    jobs = [job(name, 5, speed("onprem", 1, 1000), speed(P5, 1, 1000), deadline=hour(5)) for name in "ab"]
    plan = document(*jobs, clusters=[cluster(1)])
    prices = [price(10)]
    answer = planned(plan, *prices)
    assert answer.total is not None
    cents = int(answer.total.amount.replace(".", ""))
    assert cents == 5000 + 523

    reliefs = {r.path: r for r in reliefs_of(Search(question_of(plan, prices), time.monotonic() + 60), cents)}

    nodes = reliefs["clusters[0].nodes"]
    assert nodes.without.saves.amount == nodes.steps[0].saves.amount == "44.77"
    assert next(iter(reliefs)) in {"clusters[0].nodes", "jobs[0].deadline", "jobs[1].deadline"}
