"""Less kind cases on plans whose answers are known on paper."""

from advisor_builders import document, hour, job, planned, price, speed

P5 = "p5.48xlarge"


def by_case(answer):
    """Return the cases by their words."""
    return {one.case: one for one in answer.sensitivity}


def test_spot_dearer_as_planned_and_planned_again():
    """10 h of spot at $9 are $90; 30 % dearer they are $117 as planned, and $100 on demand when planned again."""
    plan = document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24)), max_miss_probability=1)

    answer = planned(plan, price(9, market="spot", zone="use1-az1"), price(10))

    (case,) = answer.sensitivity
    assert answer.total is not None
    assert answer.total.amount == "90.00"
    assert case.case == "spot 30% dearer"
    assert (case.as_planned.added.amount, case.as_planned.first_deadline_missed) == ("27.00", None)
    assert case.replanned.total is not None
    assert (case.replanned.total.amount, case.replanned.status) == ("100.00", "optimal")


def test_measured_speeds_without_spot_leave_nothing_to_ask():
    """Measured speeds are never lessened, so a plan of them on demand has no less kind case."""
    assert planned(document(job("a", 10, speed(P5, 1, 1000), deadline=hour(24))), price(10)).sensitivity == []


def test_lower_estimates_push_successors_and_name_the_first_deadline():
    """Estimates 20 % lower hold a for a quarter longer, b waits for it, and the deadline that falls first is named."""
    tokens = 20_000_000_000
    fields = {"only_measured": False, "measured": [], "markets": ["on_demand"], "max_nodes": 1, "max_segments": 1}
    first = {**job("a", 1, **fields), "tokens": tokens}
    second = {**job("b", 1, after=["a"], **fields), "tokens": tokens}
    loose = planned(document(first, second), price(55))
    assert loose.status == "optimal"
    finish = {j.job: j.finish for j in loose.jobs}
    first["deadline"] = finish["a"].strftime("%Y-%m-%dT%H:%M:%SZ")

    answer = planned(document(first, second), price(55))

    cases = by_case(answer)
    ten, twenty = cases["every estimated speed 10% lower"], cases["every estimated speed 20% lower"]
    assert ten.as_planned.first_deadline_missed == twenty.as_planned.first_deadline_missed == "a"
    assert 0 < float(ten.as_planned.added.amount) < float(twenty.as_planned.added.amount)
    assert ten.as_planned.late_hours is not None
    assert ten.as_planned.late_hours < (twenty.as_planned.late_hours or 0)
    hours = sum((s.end - s.start).total_seconds() / 3600 for s in answer.segments)
    longer = float(twenty.as_planned.added.amount) / 55
    assert hours / 4 - 2 <= longer <= hours / 4 + 2
    assert twenty.replanned.status == "infeasible"
