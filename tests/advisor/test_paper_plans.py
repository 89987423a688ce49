"""Plans whose optimum is worked out on paper from the contract's Arithmetic; totals are exact to the cent."""

import pytest
from advisor_builders import cluster, document, hour, job, planned, price, speed, total

P5 = "p5.48xlarge"
OWNED = "onprem"


def pools(answer):
    """Name the pools of the segments in time order: (job, pool, nodes, start hour, end hour)."""
    begin = answer.segments[0].start.replace(day=1, hour=0, minute=0)
    return [
        (
            s.job,
            s.cluster or s.commitment or f"{s.zone or s.region} {s.market}",
            s.nodes,
            (s.start - begin).total_seconds() / 3600,
            (s.end - begin).total_seconds() / 3600,
        )
        for s in answer.segments
    ]


def test_one_job_on_one_offer():
    """20 h of work at twice the speed is 10 h; 10 h x 2 nodes x $55.04 = $1,100.80."""
    answer = planned(document(job("a", 20, speed(P5, 2, 2000), deadline=hour(48))), price(55.04))

    assert (answer.status, total(answer)) == ("optimal", "1100.80")
    assert pools(answer) == [("a", "us-east-1 on_demand", 2, 0, 10)]
    assert answer.jobs[0].slack_hours == 38
    assert answer.gap == 0


def test_mixing_owned_and_rented_in_time():
    """The owned node is there for 6 of the 10 h that the deadline leaves: 6 x $1.0452 = $6.27, and 4 x $50 = $200."""
    window = [{"from": hour(0), "to": hour(6), "nodes": 1}]
    plan = document(
        job("a", 10, speed(OWNED, 1, 1000), speed(P5, 1, 1000), deadline=hour(10)),
        clusters=[cluster(1, available=window)],
    )

    answer = planned(plan, price(50))

    assert (answer.status, total(answer)) == ("optimal", "206.27")
    assert pools(answer) == [("a", OWNED, 1, 0, 6), ("a", "us-east-1 on_demand", 1, 6, 10)]


def test_a_calendar_that_shrinks():
    """3 h on 4 nodes (14.4 M tokens/h) and 7 h on 2 (7.92 M/h) do 98.64 M tokens by hour 10: 26 node-hours x $1.0452.

    Two nodes do more tokens a node-hour, so the 4-node part is as short as the deadline lets it be: 6.48 x = 19.44.
    """
    windows = [{"from": hour(0), "to": hour(5), "nodes": 4}, {"from": hour(5), "to": hour(20), "nodes": 2}]
    work = job("a", 27.4, speed(OWNED, 4, 4000), speed(OWNED, 2, 2200), deadline=hour(10))
    assert work["tokens"] == 98_640_000

    answer = planned(document(work, clusters=[cluster(4, available=windows)]))

    # 12 x 1.0452 = 12.5424 -> 12.54 and 14 x 1.0452 = 14.6328 -> 14.63
    assert (answer.status, total(answer)) == ("optimal", "27.17")
    assert pools(answer) == [("a", OWNED, 4, 0, 3), ("a", OWNED, 2, 3, 10)]


def chain(**fields):
    """Job a (4 h of work), then b (3 h) by hour 6, on one owned node at $1.0452 or two rented at $10 and twice the speed."""
    return document(
        job("a", 4, speed(OWNED, 1, 1000), speed(P5, 2, 2000), **fields),
        job("b", 3, speed(OWNED, 1, 1000), speed(P5, 2, 2000), after=["a"], deadline=hour(6), **fields),
        clusters=[cluster(1)],
    )


def test_precedence_with_single_segments():
    """In one segment each, a is rented (2 h x 2 x $10 = $40) so that b can run owned (3 x $1.0452 = $3.14)."""
    answer = planned(chain(max_segments=1), price(10))

    assert (answer.status, total(answer)) == ("optimal", "43.14")
    assert pools(answer) == [("a", "us-east-1 on_demand", 2, 0, 2), ("b", OWNED, 1, 2, 5)]


def test_precedence_with_mixing_and_ties():
    """One rented hour saves the hour that is missing: $20 + 5 x $1.0452; a takes it, since then a finishes earlier."""
    answer = planned(chain(), price(10))

    # lines: 2 x 1.0452 -> 2.09 and 20.00 of a, 3 x 1.0452 -> 3.14 of b
    assert (answer.status, total(answer)) == ("optimal", "25.23")
    assert [s.job for s in answer.segments] == ["a", "a", "b"]
    assert [j.finish.hour for j in answer.jobs] == [3, 6]


def test_quota_shared_by_two_jobs():
    """4 nodes of us-east-1 serve 8 of the 10 job-hours before hour 8; the other 2 go to us-east-2 at $60.

    8 h x 4 x $55.04 = $1,761.28 and 2 h x 4 x $60 = $480.
    """
    jobs = [job(name, 20, speed(P5, 4, 4000), deadline=hour(8)) for name in ("a", "b")]
    limit = {"provider": "aws", "region": "us-east-1", "machine": P5, "market": "on_demand", "max_nodes": 4}

    answer = planned(document(*jobs, limits=[limit]), price(55.04), price(60, region="us-east-2"))

    assert (answer.status, total(answer)) == ("optimal", "2241.28")


def test_a_quota_over_everything_of_a_provider():
    """An entry that leaves region and market open counts all of them: with 4 AWS nodes in all, a and b take turns."""
    jobs = [job(name, 20, speed(P5, 4, 4000), deadline=hour(10)) for name in ("a", "b")]

    answer = planned(
        document(*jobs, limits=[{"provider": "aws", "max_nodes": 4}]),
        price(55.04),
        price(54, region="us-east-2", nodes=4),
    )

    # both in us-east-2 one after the other: 2 x 5 h x 4 x $54
    assert (answer.status, total(answer)) == ("optimal", "2160.00")


@pytest.mark.parametrize(
    ("sunk", "expected"), [(True, "80.00"), (False, "180.00")], ids=["upfront is sunk", "upfront counts"]
)
def test_a_commitment_is_free_inside_its_window(sunk, expected):
    """8 h of work by hour 8 on 4 nodes: 6 h in the held window at $0, the 2 h before it at 4 x $10; $100 if not sunk."""
    held = {
        "name": "block-1",
        "provider": "aws",
        "region": "us-east-2",
        "machine": P5,
        "nodes": 4,
        "start": hour(2),
        "end": hour(8),
        "upfront_usd": 100,
        "sunk": sunk,
    }
    plan = document(job("a", 32, speed(P5, 4, 4000), deadline=hour(8)), commitments=[held])

    answer = planned(plan, price(10))

    assert (answer.status, total(answer)) == ("optimal", expected)
    assert pools(answer) == [("a", "us-east-1 on_demand", 4, 0, 2), ("a", "block-1", 4, 2, 8)]
    held_lines = [line.cost.amount for line in answer.lines if line.description.startswith("4 x aws us-east-2")]
    assert held_lines == ["0.00"]


def test_a_block_ends_half_an_hour_early():
    """AWS takes a block back 30 minutes before 08:30, so its last whole hour ends at 08:00: 6 h free, 2 h x 4 x $10."""
    held = {
        "name": "block-1",
        "provider": "aws",
        "region": "us-east-2",
        "machine": P5,
        "nodes": 4,
        "start": hour(2),
        "end": hour(8).replace("08:00:00", "08:30:00"),
        "kind": "block",
    }
    plan = document(job("a", 36, speed(P5, 4, 4000), deadline=hour(9)), commitments=[held])

    answer = planned(plan, price(10))

    assert (answer.status, total(answer)) == ("optimal", "120.00")


def test_startup_is_paid_at_the_head_of_every_segment():
    """3.5 h of work and 30 minutes of start are 4 paid hours: 4 x $7.77 = $31.08."""
    answer = planned(document(job("a", 3.5, speed(P5, 1, 1000), startup_minutes=30, deadline=hour(24))), price(7.77))

    assert (answer.status, total(answer)) == ("optimal", "31.08")


def test_ends_by_the_minute():
    """5,432,000 tokens at 1,000 a second are 5,432 s, 91 minutes rounded up: $55.04 x 91 / 60 = $83.477 -> $83.48."""
    plan = document({**job("a", 1, speed(P5, 1, 1000), deadline=hour(24)), "tokens": 5_432_000}, end_grid_minutes=1)

    answer = planned(plan, price(55.04))

    assert (answer.status, total(answer)) == ("optimal", "83.48")
    assert answer.segments[0].end.isoformat() == "2026-12-01T01:31:00+00:00"
    assert answer.segments[0].tokens == 5_432_000


def test_no_token_is_lost_to_rounding():
    """One token more than 10 h do needs an eleventh paid hour."""
    exact = job("a", 10, speed(P5, 1, 1000), deadline=hour(24))

    assert total(planned(document(exact), price(10))) == "100.00"
    assert total(planned(document({**exact, "tokens": exact["tokens"] + 1}), price(10))) == "110.00"


def test_speeds_are_planned_in_whole_tokens_per_second():
    """1,000.9 tokens a second count as 1,000."""
    answer = planned(document(job("a", 10, speed(P5, 1, 1000.9), deadline=hour(24))), price(10))

    assert (total(answer), answer.segments[0].tokens_per_second) == ("100.00", 1000)


def test_the_largest_discount_counts():
    """12 % and 5 % both match; 55.04 x 0.88 = 48.4352 a node-hour, x 20 = 968.704 -> $968.70."""
    discounts = [
        {"provider": "aws", "percent": 5},
        {"market": "on_demand", "percent": 12},
        {"provider": "gcp", "percent": 50},
    ]
    plan = document(job("a", 20, speed(P5, 2, 2000), deadline=hour(48)), discounts=discounts)

    answer = planned(plan, price(55.04))

    assert (answer.status, total(answer)) == ("optimal", "968.70")
    assert answer.lines[0].unit_price.amount == "48.4352"


def test_a_discounted_price_is_rounded_half_even_to_a_micro_dollar():
    """Half of $10.000001 is $5.0000005, which is $5.00 (even); half of $10.000003 is $5.000002."""
    plan = document(job("a", 10, speed(P5, 1, 1000), deadline=hour(48)), discounts=[{"percent": 50}])

    assert planned(plan, price("10.000001")).lines[0].unit_price.amount == "5.00"
    assert planned(plan, price("10.000003")).lines[0].unit_price.amount == "5.000002"


FULL = {"capex_usd_per_node": 250000, "amortization_years": 4, "residual_fraction": 0.1, "utilization": 0.8}


def test_the_basis_of_owned_nodes_decides():
    """Full: 8.026541 + 1.5912 + 1.027397 = $10.645138 a node-hour, so $9 rented wins; marginal: $1.0452, so owned wins."""
    staff = {"staff_usd_per_node_month": 600}
    work = job("a", 10, speed(OWNED, 1, 1000), speed(P5, 1, 1000), deadline=hour(24))

    full = planned(document(work, clusters=[cluster(1, basis="full", **FULL, **staff)]), price(9))
    marginal = planned(document(work, clusters=[cluster(1, **FULL, **staff)]), price(9))

    assert (total(full), full.segments[0].kind) == ("90.00", "cloud")
    assert (total(marginal), marginal.segments[0].kind) == ("10.45", "local")
    assert [a.total.amount for a in full.alternatives if "other cost basis" in a.description] == ["10.45"]
    assert [a.total.amount for a in marginal.alternatives if "other cost basis" in a.description] == ["90.00"]


def test_full_cost_is_written_by_part():
    """10 node-hours: capital 80.26541 -> 80.27, power 15.912 -> 15.91, staff 10.27397 -> 10.27; together $106.45."""
    plan = document(
        job("a", 10, speed(OWNED, 1, 1000), deadline=hour(24)),
        clusters=[cluster(1, basis="full", staff_usd_per_node_month=600, **FULL)],
    )

    answer = planned(plan)

    assert {line.category: line.cost.amount for line in answer.lines} == {
        "capital": "80.27",
        "power": "15.91",
        "staff": "10.27",
    }
    assert total(answer) == "106.45"


def test_idle_nodes_are_costed_beside_the_total():
    """2 nodes over 10 h of which one is used: 10 idle node-hours at 3.5 kW x 1.3 x $0.12 = $0.546 are $5.46."""
    answer = planned(document(job("a", 10, speed(OWNED, 1, 1000), deadline=hour(24)), clusters=[cluster(2)]))

    assert (answer.idle[0].node_hours, answer.idle[0].cost.amount) == ("10", "5.46")


def test_a_gang_never_spans_zones():
    """Two zones with 2 nodes each at $10 are no place for a gang of 4; the region's own pool at $12 is: 5 h x 4 x $12."""
    plan = document(job("a", 20, speed(P5, 4, 4000), deadline=hour(24)))

    answer = planned(plan, price(10, zone="use1-az1", nodes=2), price(10, zone="use1-az2", nodes=2), price(12))

    assert (answer.status, total(answer)) == ("optimal", "240.00")
    assert answer.segments[0].zone is None


def spot_plan(deadline, **fields):
    """10 h of work on one node."""
    return document(job("a", 10, speed(P5, 1, 1000), deadline=hour(deadline)), **fields)


SPOT = (price(4, market="spot", zone="use1-az1"), price(10))


def test_spot_ends_where_the_net_needs_it():
    """By hour 15 the whole job can start afresh on demand at hour 5 at the latest: 5 h x $4 and 5 h x $10 = $70."""
    answer = planned(spot_plan(15), *SPOT)

    assert (answer.status, total(answer)) == ("optimal", "70.00")
    assert any("a uses spot only until 2026-12-01T05:00:00Z" in text for text in answer.assumptions)
    assert answer.jobs[0].miss_probability is None


def test_spot_alone_where_there_is_time():
    """By hour 24 spot may run until hour 14, which is enough: 10 h x $4."""
    assert total(planned(spot_plan(24), *SPOT)) == "40.00"


def test_spot_without_a_net_and_no_spot_at_all():
    """max_miss_probability 1 lifts the net: $40; 0 forbids spot: $100."""
    assert total(planned(spot_plan(15, max_miss_probability=1), *SPOT)) == "40.00"
    assert total(planned(spot_plan(15, max_miss_probability=0), *SPOT)) == "100.00"


def test_the_net_of_a_predecessor():
    """b (5 h, by hour 20) must start by 15, so a (10 h) must be able to start afresh at hour 5: 5 h spot, 5 h on demand.

    b itself may use spot until hour 15, so from hour 10 on it runs on spot: 5 x $4 + 5 x $10 + 5 x $4 = $90.
    """
    plan = document(job("a", 10, speed(P5, 1, 1000)), job("b", 5, speed(P5, 1, 1000), after=["a"], deadline=hour(20)))

    answer = planned(plan, *SPOT)

    assert (answer.status, total(answer)) == ("optimal", "90.00")


def test_spot_with_no_option_behind_it_is_excluded():
    """Without any non-spot option that makes the deadline there is no plan, and spot is excluded with the reason."""
    answer = planned(spot_plan(24), price(4, market="spot", zone="use1-az1"))

    assert answer.status == "infeasible"
    assert any("spot for a" in entry.what for entry in answer.excluded)


def test_spot_is_planned_at_the_mean_of_its_window():
    """$4 carried into the 30-day window for 10 days, then $7 for 20 days, are $6 in the mean; 10 h are $60."""
    rows = (
        price(4, market="spot", zone="use1-az1", observed_at="2026-10-01T00:00:00Z"),
        price(7, market="spot", zone="use1-az1", observed_at="2026-11-04T00:00:00Z"),
        price(10),
    )

    answer = planned(spot_plan(24), *rows)

    assert (total(answer), answer.lines[0].basis) == ("60.00", "spot_mean")


def test_a_job_budget_binds_where_the_plan_would_spend_more():
    """The owned node is free for 10 h: a takes it and b is rented for 5 h x $10 x 1 node at twice the speed, $50 in all.

    With $40 for b it is b that must be owned, and a is rented at its own speed: 10 h x $10 = $100.
    """
    window = [{"from": hour(0), "to": hour(10), "nodes": 1}]

    def plan(**fields):
        a = job("a", 10, speed(OWNED, 1, 1000), speed(P5, 1, 1000), max_segments=1, deadline=hour(10))
        b = job("b", 10, speed(OWNED, 1, 1000), speed(P5, 1, 2000), max_segments=1, deadline=hour(10), **fields)
        return document(a, b, clusters=[cluster(1, available=window)])

    assert total(planned(plan(), price(10))) == "60.45"
    assert total(planned(plan(budget_usd=40), price(10))) == "110.45"


def test_a_plan_budget_counts_to_the_exact_cent():
    """A plan that costs exactly its budget is within it; a cent less is infeasible and says how much is missing."""
    work = job("a", 10, speed(P5, 1, 1000), deadline=hour(24))

    assert total(planned(document(work, budget_usd=100), price(10))) == "100.00"
    short = planned(document(work, budget_usd=99.99), price(10))

    assert short.status == "infeasible"
    assert [entry.path for entry in short.infeasibility.conflict] == ["budget_usd"]
    assert "0.01" in short.infeasibility.conflict[0].says


def test_a_dataset_is_staged_once_per_region():
    """From us-east-1 to us-west-2 a GiB costs $0.02: 900 GiB are $18, less than the $20 that the near region costs more."""
    work = job("a", 10, speed(P5, 1, 1000), deadline=hour(24), dataset={"gib": 900, "location": "aws/us-east-1"})

    near = planned(document(work), price(12), price(10.5, region="us-west-2"))
    far = planned(document(work), price(12), price(10, region="us-west-2"))

    # near: 120.00 against 105.00 + 18.00; far: 100.00 + 18.00
    assert (total(near), near.segments[0].region) == ("120.00", "us-east-1")
    assert (total(far), far.segments[0].region) == ("118.00", "us-west-2")
    assert [line.category for line in far.lines] == ["compute", "egress"]


def test_savings_compare_with_all_on_demand():
    """$40 on spot against $100 on demand saves $60."""
    answer = planned(spot_plan(24), *SPOT)

    assert (answer.savings.total.amount, answer.savings.saved.amount) == ("100.00", "60.00")


def test_a_budget_of_a_cost_centre_and_month():
    """20 h from 30 November 14:00 at $10 fit in ten hours of November; a cap of $60 moves 4 h into December.

    In two segments: 6 h before midnight ($60), and 14 h after it.
    """
    plan = document(
        job("a", 20, speed(P5, 1, 1000), deadline="2026-12-02T00:00:00Z", cost_center="research"),
        start="2026-11-30T14:00:00Z",
        budgets=[{"cost_center": "research", "month": "2026-11", "usd": 60}],
    )

    answer = planned(plan, price(10))

    november = [s for s in answer.segments if s.start.month == 11]
    hours = sum((min(s.end, s.end.replace(month=12, day=1, hour=0)) - s.start).total_seconds() / 3600 for s in november)
    assert (answer.status, total(answer)) == ("optimal", "200.00")
    assert hours <= 6
    assert total(planned({**plan, "budgets": []}, price(10))) == "200.00"
    assert planned({**plan, "budgets": [{"usd": 199.99}]}, price(10)).status == "infeasible"


def test_a_dataset_that_lies_there_already_keeps_a_dearer_price():
    """14 h of spot at $20 in us-west-2, then on demand: 6 h x $55.01 there, since us-east-2 would cost a copy more.

    $280.00 + $330.06 + 10,000 GiB x $0.02 to us-west-2 = $810.06; going on in us-east-2 is $280 + $330 + $200 + $100.
    """
    work = job("a", 20, speed(P5, 1, 1000), deadline=hour(34), dataset={"gib": 10_000, "location": "aws/us-east-1"})

    answer = planned(
        document(work),
        price(20, region="us-west-2", market="spot"),
        price(55.01, region="us-west-2"),
        price(55, region="us-east-2"),
    )

    assert (answer.status, total(answer)) == ("optimal", "810.06")
    assert pools(answer) == [("a", "us-west-2 spot", 1, 0, 14), ("a", "us-west-2 on_demand", 1, 14, 20)]
