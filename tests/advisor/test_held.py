"""The interval of estimated speeds carried into hours and dollars, on plans small enough to work out on paper."""

from math import ceil

import pytest
from advisor_builders import document, hour, job, planned, price, speed

P5 = "p5.48xlarge"
ESTIMATED = {"only_measured": False, "measured": [], "markets": ["on_demand"], "max_nodes": 1, "max_segments": 1}
USD_PER_HOUR = 55


def hours_between(begin, end):
    """Return the hours from one moment to another."""
    return (end - begin).total_seconds() / 3600


def test_measured_jobs_have_no_interval():
    """A measured speed is taken as it is: no bounds of its speed, finish or cost."""
    answer = planned(document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24))), price(10))

    (segment,), (result,) = answer.segments, answer.jobs
    assert (segment.tokens_per_second_low, segment.tokens_per_second_high) == (None, None)
    assert (result.finish_early, result.finish_late, result.cost_low, result.cost_high) == (None, None, None, None)
    assert not [text for text in answer.assumptions if "finish_early" in text]


def test_interval_of_one_segment_is_its_hours_at_both_speeds():
    """One segment at a bound takes start-up + tokens / bound, in whole hours, and costs those hours."""
    plan = document({**job("a", 1, **ESTIMATED), "tokens": 20_000_000_000}, speed_margin=0.05)
    answer = planned(plan, price(USD_PER_HOUR))

    (segment,), (result,) = answer.segments, answer.jobs
    low, high = segment.tokens_per_second_low, segment.tokens_per_second_high
    assert low < segment.tokens_per_second < high
    length = hours_between(segment.start, segment.end)
    start = length * 3600 - segment.tokens / segment.tokens_per_second
    for bound, finish, cost in (
        (low, result.finish_late, result.cost_high),
        (high, result.finish_early, result.cost_low),
    ):
        took = hours_between(segment.start, finish)
        assert 0 <= took * 3600 - segment.tokens / bound <= 3600 + start
        assert took == ceil(took)
        assert float(cost.amount) - float(result.cost.amount) == pytest.approx((took - length) * USD_PER_HOUR)
    assert result.finish_early < result.finish < result.finish_late
    assert [text for text in answer.assumptions if text.startswith("finish_early")]


def test_left_out_margin_plans_at_the_late_end():
    """Without speed_margin estimates are planned at the low end, so that the plan itself is the late and dear end."""
    answer = planned(document({**job("a", 1, **ESTIMATED), "tokens": 20_000_000_000}), price(USD_PER_HOUR))

    (segment,), (result,) = answer.segments, answer.jobs
    assert segment.tokens_per_second == segment.tokens_per_second_low
    assert (result.finish_late, result.cost_high) == (result.finish, result.cost)
    assert result.finish_early < result.finish


def test_a_measured_job_behind_an_estimated_one_is_later_at_its_old_cost():
    """b waits for a: at the low end it finishes as much later as a does, at the high end as planned, for its own cost."""
    first = {**job("a", 1, **ESTIMATED), "tokens": 20_000_000_000}
    plan = document(first, job("b", 10, speed(P5, 1, 1000), after=["a"]), speed_margin=0.05)
    answer = planned(plan, price(USD_PER_HOUR))

    a, b = answer.jobs
    assert a.finish_late > a.finish
    assert b.finish_late - b.finish == a.finish_late - a.finish
    assert b.finish_early == b.finish
    assert (b.cost_low, b.cost_high) == (b.cost, b.cost)


def test_spot_lessens_the_bounds_as_it_lessens_the_speed():
    """On spot the interval is that of the speed that is left after interruptions."""
    fields = {**ESTIMATED, "markets": ["spot", "on_demand"]}
    one = {**job("a", 1, **fields), "tokens": 20_000_000_000}
    (steady,) = planned(document(one), price(USD_PER_HOUR)).segments
    spot = price(9, market="spot", zone="use1-az1")
    (broken,) = planned(document(one, max_miss_probability=1), spot, price(USD_PER_HOUR)).segments

    assert broken.market == "spot"
    kept = broken.tokens_per_second / steady.tokens_per_second
    assert kept < 1
    assert broken.tokens_per_second_low == pytest.approx(steady.tokens_per_second_low * kept, rel=1e-4)
    assert broken.tokens_per_second_high == pytest.approx(steady.tokens_per_second_high * kept, rel=1e-4)
