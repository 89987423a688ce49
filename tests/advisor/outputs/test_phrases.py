"""Spelling of numbers and phrases, and the words of the headline."""

from datetime import timedelta
from decimal import Decimal

import pytest
from answer_builders import answer, at, job_result, no_answer, rich_answer, segment, segment_lines

from advisor.outputs import phrases
from advisor.outputs.digest import excluded_rows, headline, next_steps, price_ages, savings_phrase
from advisor.recommendation import Excluded, Money, Savings


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.00", "$0.00"), ("312480.22", "$312,480.22"), ("-41200.5000", "-$41,200.5000"), ("0.000001", "$0.000001")],
)
def test_usd_keeps_every_digit(amount: str, text: str):
    """An amount is shown with all the digits that the document has."""
    assert text == phrases.usd(amount)


def test_shares_that_must_not_look_small():
    """A gap or a risk is rounded up: a positive one is never 0.0 %."""
    assert phrases.percent_at_most(0.0) == "0.0 %"
    assert phrases.percent_at_most(1e-9) == "0.1 %"
    assert phrases.percent_at_most(0.00701) == "0.8 %"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=3), "under 1 h"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(days=110, hours=5), "110 days"),
    ],
)
def test_age(length: timedelta, text: str):
    """Ages are whole hours below two days, whole days from there."""
    assert text == phrases.age(length)


def test_hours_are_never_rounded_to_nothing():
    """A slack of a few seconds is not shown as 0, which would mean none."""
    assert phrases.hours(0) == "0 h"
    assert phrases.hours(0.001) == "under 0.01 h"
    assert phrases.hours(150.25) == "150.25 h"


def test_control_characters_do_not_leave():
    """Escape sequences, line breaks and direction marks in user texts become spaces; joiners of scripts stay."""
    assert phrases.one_line("a\x1b[31mb\nc\u202ed") == "a [31mb c d"
    assert phrases.one_line("क्\u200dष") == "क्\u200dष"


def test_headline_of_a_feasible_plan():
    """A plan that is not proved optimal says how far from the best possible it may be."""
    assert headline(rich_answer(status="feasible", gap=0.0071))[1] == "feasible, within 0.8 % of the best possible"


def test_headline_counts_deadlines():
    """Deadlines are counted in words, and none is claimed to hold where none is stated."""
    one = segment("a", 0, 10)
    lines = segment_lines(one, "cluster onprem", {"power": "1"})

    def of(**fields: object) -> list[str]:
        return headline(answer([one], lines, [job_result("a", [one], lines, **fields)]))[2:]

    assert of() == []
    assert of(deadline=at(11)) == ["the deadline holds"]
    assert of(deadline=at(9)) == ["1 of 1 deadline missed"]
    assert headline(rich_answer())[2] == "all 3 deadlines hold"


def test_savings_are_honest():
    """A comparison that was not solved to proof is called the best found; a loss is called more."""

    def saved(amount: str, status: str) -> str | None:
        total = Money(amount=str(Decimal("100.00") + Decimal(amount)))
        return savings_phrase(
            Savings.model_validate(
                {"total": total, "saved": Money(amount=amount), "finish": at(9), "status": status, "gap": 0.0}
            )
        )

    assert saved("25.00", "optimal") == "$25.00 (20.0 %) less than all on-demand"
    assert saved("25.00", "feasible") == "$25.00 (20.0 %) less than the best found plan of all on-demand"
    assert saved("-20.00", "optimal") == "$20.00 (25.0 %) more than all on-demand"
    assert saved("0.00", "optimal") == "costs the same as all on-demand"
    assert savings_phrase(None) is None


def test_price_ages_count_each_price_once():
    """Two segments at one price are one row of the price book; its age stands beside it."""
    parts = [segment("a", 0, 10), segment("a", 10, 20, nodes=2)]
    lines = [line for part in parts for line in segment_lines(part, "somewhere", {"compute": "1.5"})]

    said = price_ages(answer(parts, lines, [job_result("a", parts, lines)]))

    assert said == "prices: 1 row, seen 2026-08-06 (110 days old)"


def test_excluded_are_grouped_only_when_many():
    """Up to twelve are listed one by one; more share a row per reason, and what does not fit is counted."""
    few = [Excluded(what=f"w{i}", reason="old") for i in range(12)]
    many = [Excluded(what=f"w{i}", reason=f"reason {max(i, 5)}") for i in range(30)]
    rows, hidden = excluded_rows(many)

    assert (few, 0) == excluded_rows(few)
    assert len(rows) == 12
    assert rows[0].what == "6: w0, w1 and 4 more"
    assert hidden == 30 - 6 - 11


def test_old_prices_are_a_next_step_where_there_is_no_plan():
    """An infeasible answer that left prices out for their age says that fresher ones may be enough."""
    old = Excluded(what="aws us-east-1 p5.48xlarge on_demand", reason="price too old: 3048 h, at most 72 h")

    assert any("advisor prices collect" in step for step in next_steps(no_answer("infeasible", excluded=[old])))
    assert not any("advisor prices collect" in step for step in next_steps(no_answer("infeasible", excluded=[])))
