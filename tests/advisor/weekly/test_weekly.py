"""The weekly report: each change is exact, divided into prices and time, and an empty week says so."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from advisor_builders import document, job, speed
from answer_builders import line, segment, segment_lines
from hypothesis import given
from hypothesis import strategies as st
from price_builders import row

from advisor.archive import Archive
from advisor.errors import UsageInvalid
from advisor.offers import offers_in_book
from advisor.plan.load import plan_of
from advisor.recommendation import Recommendation
from advisor.service import PlanRequest, recommend_plan
from advisor.settings import Settings
from advisor.weekly.markdown import weekly_markdown
from advisor.weekly.months import month_costs
from advisor.weekly.page import weekly_html
from advisor.weekly.report import weekly_report
from advisor.weekly.week import week_named, week_of
from pricing.store import PriceBook

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
WEEK = week_named("2026-W48")
# Two jobs one after the other: 200 h on two nodes from Friday before the week, then 20 h on one.
PLAN = document(
    job("a", 4000, speed("p5.48xlarge", 2, 20_000), markets=["on_demand"], deadline="2026-12-05T00:00:00Z"),
    job("b", 200, speed("p5.48xlarge", 1, 10_000), markets=["on_demand"], after=["a"]),
    start="2026-11-20T00:00:00Z",
)


def at(day: int, hour: int = 0) -> datetime:
    """Return a moment of November 2026."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def listed(usd: float, seen: datetime, confirmed: datetime | None = None):
    """Make a list price of p5.48xlarge."""
    return row(usd, observed_at=seen, confirmed_at=confirmed, source="price list")


@pytest.fixture
def chosen(tmp_path):
    """Return settings of an empty database."""
    return Settings(database_url=f"sqlite:///{tmp_path / 'advisor.sqlite3'}", _env_file=None, reference_prices="off")


def learn(chosen, *rows):
    """Store prices."""
    with closing(PriceBook.open(chosen.database_url)) as book:
        book.import_rows(rows, recorded_at=MONDAY)


def recommend(chosen, plan, as_of, created_at=None):
    """Plan at the book's prices of a moment and store the answer, made then."""
    loaded = plan_of(plan, name="plan", as_of=as_of, folder=None)
    offers = offers_in_book(loaded.plan, as_of, chosen.database_url, reference_prices=False)
    request = PlanRequest(loaded=loaded, offers=offers, as_of=as_of, max_age=timedelta(hours=72), time_limit_s=20)
    answer = recommend_plan(request)
    assert isinstance(answer, Recommendation)
    answer = answer.model_copy(update={"created_at": created_at or as_of})
    with closing(Archive.open(chosen.database_url)) as archive:
        archive.store(answer, loaded, offers)
    return answer


def cents(money):
    """Return an amount in cents."""
    return int(Decimal(money.amount) * 100)


def test_a_change_is_divided_into_prices_and_time(chosen):
    """From Monday 01:00 job a has 127 h to go and b 20 h: 274 node-hours at $60; by the end a has 7 h to go.

    At the new $50 the week's begin costs $13,700; from the next Monday 01:00 on 0 h of a and b's rest are left.
    """
    learn(chosen, listed(60, at(10), at(18, 23)), listed(60, at(10), at(22, 23)), listed(50, at(24), at(29)))
    stored = recommend(chosen, PLAN, at(19))
    assert stored.total.amount == "25200.00"

    (plan,) = weekly_report(WEEK, at(25, 20), chosen).plans

    assert (plan.before.total.amount, plan.repriced.total.amount) == ("16440.00", "13700.00")
    # At 21:00 on Wednesday 141 of 200 h are done: 59 h x 2 nodes + 20 h x 1 node, at $50.
    assert plan.now.total.amount == "6900.00"
    assert (plan.by_prices.amount, plan.by_time.amount, plan.change.amount) == ("-2740.00", "-6800.00", "-9540.00")
    assert cents(plan.change) == cents(plan.by_prices) + cents(plan.by_time)
    assert "$60.00 to $50.00 (-16.7 %)" in plan.why
    assert plan.rests_on == "It rests on 1 price, the oldest 44 h old."
    assert sum(cents(month.cost) for month in plan.months) == cents(plan.now.total)


def test_a_plan_that_has_not_begun_changes_by_prices_alone(chosen):
    """A plan of next month costs the same work; time takes nothing off."""
    learn(chosen, listed(60, at(22)), listed(66, at(24), at(28)))
    later = document(
        job("a", 200, speed("p5.48xlarge", 1, 10_000), markets=["on_demand"]), start="2026-12-10T00:00:00Z"
    )
    recommend(chosen, later, at(22, 1))

    (plan,) = weekly_report(WEEK, at(30, 12), chosen).plans

    assert (plan.by_prices.amount, plan.by_time.amount) == ("120.00", "0.00")
    assert plan.months[0].month == "2026-12"


def test_a_plan_is_open_until_its_last_moment_and_only_the_newest_counts(chosen):
    """A plan that ends in the week is not reported; of two recommendations of one name the newer one is."""
    learn(chosen, listed(60, at(22)))
    ended = document(
        job("a", 20, speed("p5.48xlarge", 1, 10_000)), name="ended", start="2026-11-23T00:00:00Z", horizon_days=5
    )
    ended["jobs"][0]["deadline"] = "2026-11-25T00:00:00Z"
    recommend(chosen, ended, at(22, 1))
    recommend(chosen, PLAN, at(22, 1), created_at=at(22, 1))
    newer = recommend(chosen, PLAN, at(22, 2), created_at=at(22, 2))
    recommend(chosen, PLAN, at(22, 3), created_at=at(30, 13))

    assert [plan.id for plan in weekly_report(WEEK, at(30, 12), chosen).plans] == [newer.id]


def test_missing_prices_are_said_and_never_zero(chosen):
    """Where the book has no usable price of the week, there is no cost and no comparison, with the reason."""
    learn(chosen, listed(60, at(19)))
    recommend(chosen, PLAN, at(19, 1))

    report = weekly_report(WEEK, at(27), chosen)

    (plan,) = report.plans
    assert (plan.now.status, plan.now.total, plan.change) == ("prices_missing", None, None)
    assert "no usable price for" in plan.why
    assert report.old_prices[0].places == 1
    assert "no price" in weekly_markdown(report)


def test_prices_of_two_weeks_are_compared(chosen):
    """$60 for a day and $50 for six make $51.43, 14.3 % less than the week before."""
    learn(chosen, listed(60, at(10)), listed(50, at(24)))
    (move,) = weekly_report(WEEK, at(30, 12), chosen).moves
    assert (move.before_usd_per_hour, move.usd_per_hour) == ("60.00", "51.428571")
    assert move.change == pytest.approx(-0.142857, abs=1e-6)
    assert move.source == "price list"


def test_an_empty_week_says_so(chosen):
    """Nothing seen and nothing open is one sentence, in both forms."""
    report = weekly_report(WEEK, at(30, 12), chosen)
    assert report.empty
    for text in (weekly_markdown(report), weekly_html(report)):
        assert "An empty week" in text


def test_a_past_week_gives_the_same_bytes_again(chosen):
    """What came later changes nothing in a week that is over."""
    learn(chosen, listed(60, at(22)), listed(50, at(24), at(28)))
    recommend(chosen, PLAN, at(22, 1))
    first = weekly_report(WEEK, at(30, 12), chosen)
    learn(chosen, listed(40, datetime(2026, 12, 2, tzinfo=UTC)))
    again = weekly_report(WEEK, datetime(2026, 12, 3, tzinfo=UTC), chosen)
    assert weekly_markdown(first) == weekly_markdown(again)
    assert weekly_html(first) == weekly_html(again)


def test_texts_of_users_are_escaped(chosen):
    """A plan's name with markup shows as it was typed."""
    learn(chosen, listed(60, at(22)))
    recommend(chosen, {**PLAN, "name": "<script>|`x`"}, at(22, 1))
    report = weekly_report(WEEK, at(24), chosen)
    assert "<script>" not in weekly_html(report)
    assert "&lt;script&gt;\\|\\`x\\`" in weekly_markdown(report)


@pytest.mark.parametrize("name", ["2026-W54", "2026-W00", "2026-48", "48", "1999-W01", "\uff12026-W01"])
def test_there_is_no_such_week(name):
    """A week that no calendar has is refused with an example."""
    with pytest.raises(UsageInvalid, match="2026-W48"):
        week_named(name)


def test_a_week_that_has_not_begun_is_refused(chosen):
    """There is nothing to report of the future."""
    with pytest.raises(UsageInvalid, match="nothing to report yet"):
        weekly_report(week_named("2026-W49"), at(25), chosen)


@given(st.integers(0, 198 * 365 * 24 * 3600))
def test_every_moment_lies_in_its_week(seconds):
    """The week of a moment holds it, begins on a Monday, and has the name by which it is found."""
    moment = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    week = week_of(moment)
    assert week.begin <= moment < week.end
    assert week.begin.isoweekday() == 1
    assert week_named(str(week)) == week


@given(st.integers(0, 2000), st.integers(1, 3000), st.integers(1, 10**6))
def test_months_add_up_to_the_line(begin, length, price_cents):
    """A segment over several months: its months' costs add up to its cost exactly."""
    one = segment("a", begin, begin + length, nodes=1)
    lines = segment_lines(one, "cluster onprem", {"power": f"{price_cents / 100:.2f}"})
    numbered = [each.model_copy(update={"segment": 0}) for each in lines]
    months = month_costs([*numbered, line(None, "upfront", "block", 1, "7")], [one], one.start)
    assert sum(cents(m.cost) for m in months if m.job == "a") == cents(numbered[0].cost)
    assert [cents(m.cost) for m in months if m.job is None] == [700]
