"""Capacity bought inside the solve, on plans whose optimum is worked out on paper."""

import pytest
from advisor_builders import HEADER, advise, document, hour, job, planned, price, speed, total

from advisor.recommendation import Recommendation

P5 = "p5.48xlarge"
ANY = {"markets": ["on_demand", "spot", "capacity_block", "reserved_1y", "savings_plan"]}
SHEET = HEADER + ",term,upfront_usd,start,end"


def row(usd, market, *, upfront="", start="", end="", nodes="", term="", provider="aws", machine=P5):
    """Write a row of a price sheet with a term."""
    region = "us-east-1" if provider == "aws" else "us-central1"
    return f"{provider},{region},,{machine},{market},{usd},2026-11-20T00:00:00Z,a test,{nodes},USD,{term},{upfront},{start},{end}"


def bought(plan, *rows, **words) -> Recommendation:
    """Plan on rows with terms."""
    answer = advise(plan, *rows, header=SHEET, **words)
    assert isinstance(answer, Recommendation), answer.text()
    return answer


def block(first, last, usd, **fields):
    """A block between two hours of the plan at so many dollars an hour, all of it up front."""
    return row(usd, "capacity_block", upfront=usd * (last - first), start=hour(first), end=hour(last), **fields)


def test_a_block_that_pays_is_bought_whole():
    """20 h on demand at $10 are $200. A block of 24 h at $6 is $144, of which AWS leaves 23 whole hours: enough."""
    plan = document(job("a", 20, speed(P5, 1, 1000), deadline=hour(48), **ANY))

    answer = bought(plan, row(10, "on_demand"), block(0, 24, 6))

    assert (answer.status, total(answer)) == ("optimal", "144.00")
    (line,) = answer.lines
    assert (line.job, line.category, line.quantity, line.unit, line.basis) == (
        None,
        "upfront",
        "1",
        "node",
        "block_fee",
    )
    assert "uses 20 node-hours" in line.description
    assert answer.segments[0].market == "capacity_block"
    assert answer.jobs[0].cost.amount == "0.00"
    assert answer.savings is not None
    assert answer.savings.saved.amount == "56.00"


def test_a_block_too_short_is_mixed_with_on_demand_only_where_that_is_cheaper():
    """A block of 8 h at $6 does 7 h for $48, less than the $70 they cost on demand: $48 + 13 x $10 = $178."""
    plan = document(job("a", 20, speed(P5, 1, 1000), deadline=hour(48), **ANY))

    assert total(bought(plan, row(10, "on_demand"), block(0, 8, 6))) == "178.00"
    assert total(bought(plan, row(10, "on_demand"), block(0, 8, 9))) == "200.00"


def test_two_jobs_share_one_purchase():
    """One block node for 24 h serves two jobs of 10 h one after the other: $144 instead of twice $100."""
    jobs = [job(name, 10, speed(P5, 1, 1000), deadline=hour(48), **ANY) for name in "ab"]

    answer = bought(document(*jobs), row(10, "on_demand"), block(0, 24, 6))

    assert (answer.status, total(answer)) == ("optimal", "144.00")
    assert len(answer.lines) == 1


def test_a_block_needs_its_market_named_and_its_dates():
    """Where a job does not name the market, or the row has no dates, the block is not planned with."""
    plain = document(job("a", 20, speed(P5, 1, 1000), deadline=hour(48)))
    named = document(job("a", 20, speed(P5, 1, 1000), deadline=hour(48), **ANY))

    assert total(bought(plain, row(10, "on_demand"), block(0, 24, 6))) == "200.00"
    undated = bought(named, row(10, "on_demand"), row(6, "capacity_block"))
    assert total(undated) == "200.00"
    assert any("without its dates" in entry.reason for entry in undated.excluded)


def test_discounts_never_touch_a_purchase_and_the_plan_budget_counts_it():
    """50 percent off everything leaves the fee at $144; a budget of $143.99 leaves on demand at $5 = $100."""
    work = job("a", 20, speed(P5, 1, 1000), deadline=hour(48), **{**ANY, "markets": ["capacity_block"]})
    discounts = [{"percent": 50}]

    assert total(bought(document(work, discounts=discounts), block(0, 24, 6))) == "144.00"
    assert bought(document(work, discounts=discounts, budget_usd=143.99), block(0, 24, 6)).status == "infeasible"
    assert total(bought(document(work, budget_usd=144), block(0, 24, 6))) == "144.00"


def test_a_reservation_is_paid_for_its_whole_year():
    """$1 an hour reserved is $8,760 for the year; 1,000 h on demand at $10 are $10,000, 800 h are $8,000."""
    long = document(job("a", 1000, speed(P5, 1, 1000), deadline=hour(1200), **ANY))
    short = document(job("a", 800, speed(P5, 1, 1000), deadline=hour(1200), **ANY))
    rows = (row(10, "on_demand"), row(6, "reserved_1y", term="no upfront"))
    dear = (row(60, "on_demand"), row(6, "reserved_1y", upfront=10000, term="partial upfront"))

    assert total(bought(long, *rows)) == "10000.00"
    # 6 x 8,760 = 52,560, and 1,000 h on demand at $60 would be 60,000.
    assert total(bought(long, *dear)) == "52560.00"
    assert total(bought(short, *dear)) == "48000.00"


def test_a_purchase_is_no_net_under_spot():
    """With a block as the only other place, spot has nothing to fall back on and is excluded."""
    plan = document(job("a", 10, speed(P5, 1, 1000), deadline=hour(48), **ANY))

    answer = bought(plan, row(4, "spot"), block(0, 24, 6))

    assert total(answer) == "144.00"
    assert any(entry.what == "spot for a" for entry in answer.excluded)


@pytest.mark.parametrize(("objective", "expected", "finish"), [("cost", "100.00", 10), ("time", "120.00", 6)])
def test_objectives(objective, expected, finish):
    """One node at $10 does 10 h of work for $100; two nodes at 1.7 times the speed end after 6 h for $120."""
    work = job("a", 10, speed(P5, 1, 1000), speed(P5, 2, 1700), max_segments=1, deadline=hour(24))

    answer = advise(document(work), price(10), objective=objective)

    assert isinstance(answer, Recommendation)
    assert (answer.status, total(answer)) == ("optimal", expected)
    assert (answer.jobs[0].finish - answer.start).total_seconds() == finish * 3600
    assert any("earliest last finish" in said for said in answer.assumptions) == (objective == "time")


def test_plans_without_purchases_are_as_before():
    """Nothing changes where no such row is given."""
    assert total(planned(document(job("a", 1, speed(P5, 1, 1000), **ANY)), price(10))) == "10.00"


def test_how_many_nodes_of_a_block_are_on_sale_is_said_where_blocks_are_in_reach():
    """A blank available_nodes of a block is not unlimited: the 64 that one block has at most stand in `assumptions`."""
    plan = document(job("a", 20, speed(P5, 1, 1000), deadline=hour(48), **ANY))

    with_block = bought(plan, row(10, "on_demand"), block(0, 24, 6)).assumptions
    without = bought(plan, row(10, "on_demand")).assumptions

    assert any("64 nodes are on sale" in said for said in with_block)
    assert not any("on sale" in said for said in without)
