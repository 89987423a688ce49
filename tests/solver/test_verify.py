"""The checker, rule by rule: one schedule that holds and one that breaks exactly that rule."""

import pytest
from solver_builders import HOUR, job, option, pool, read

from solver import Segment, exact_cost, violations
from solver.verify import RULES


def run(start, end, *, who="a", where="p", nodes=1):
    """Write a segment in hours."""
    return Segment(job=who, pool=where, nodes=nodes, start_s=int(start * HOUR), end_s=int(end * HOUR))


GOOD = [run(0, 3)]
TWO = [job("a", 1), job("b", 1, after=[{"job": "a", "lag_s": HOUR}])]
LOTS = [pool("p", commit={"unit_cost": 5_000_000, "max_units": 4, "lot": 2})]
COMMITTED = [pool("p", commit={"unit_cost": 5_000_000, "max_units": 2})]

CASES = {
    "C1": ({}, GOOD, {}, [run(0.5, 3.5)], {}),
    "C2": ({}, GOOD, {}, [run(0, 3, nodes=2), run(3, 6)], {}),
    "C2 of an option's deadline": (
        {"jobs": [job("a", options=[option("p", deadline_s=4 * HOUR)])]}, [run(1, 4)], {}, [run(2, 5)], {},
    ),
    "C3 release": ({"jobs": [job("a", release_s=HOUR)]}, [run(1, 4)], {}, [run(0, 3)], {}),
    "C3 deadline": ({"jobs": [job("a", deadline_s=5 * HOUR)]}, [run(2, 5)], {}, [run(3, 6)], {}),
    "C4": ({}, [run(0, 2), run(2, 3)], {}, [run(0, 2), run(1, 3)], {}),
    "C5": ({}, GOOD, {}, [run(0, 2)], {}),
    "C5 of the start": ({"jobs": [job("a", options=[option("p", start_s=600)])]}, [run(0, 4)], {}, GOOD, {}),
    "C6": ({"jobs": TWO}, [run(0, 1), run(2, 3, who="b")], {}, [run(0, 1), run(1, 2, who="b")], {}),
    "C7 pool": (
        {"pools": [pool("p", capacity=[[0, 1], [2 * HOUR, 0], [3 * HOUR, 1]])]},
        [run(0, 2), run(3, 4)], {}, [run(1, 4)], {},
    ),
    "C7 quota": (
        {"jobs": [job("a", 1), job("b", 1)], "quotas": [{"id": "q", "pools": ["p"], "limit": [[0, 1]]}]},
        [run(0, 1), run(1, 2, who="b")], {}, [run(0, 1), run(0, 1, who="b")], {},
    ),
    "C8 use": ({"pools": COMMITTED}, GOOD, {"p": 1}, GOOD, {}),
    "C8 units": ({"pools": COMMITTED}, GOOD, {"p": 2}, GOOD, {"p": 3}),
    "C8 lots": ({"pools": LOTS}, GOOD, {"p": 2}, GOOD, {"p": 3}),
    "C8 choice of pools": (
        {"pools": [*COMMITTED, {**COMMITTED[0], "id": "q"}], "choices": [{"id": "c", "pools": ["p", "q"], "max_pools": 1}]},
        GOOD, {"p": 2}, GOOD, {"p": 1, "q": 1},
    ),
    "C8 choice of units": (
        {"pools": COMMITTED, "choices": [{"id": "c", "pools": ["p"], "max_units": 1}]}, GOOD, {"p": 1}, GOOD, {"p": 2},
    ),
    "C9 interruptions of all jobs": (
        {"pools": [pool("p", interrupts_ppm_nh=1000)], "max_interrupts_ppm": 3000}, GOOD, {}, [run(0, 4)], {},
    ),
    "C10 of a window": (
        {"budgets": [{"id": "b", "limit": 1_000_000, "from_s": HOUR, "to_s": 3 * HOUR}]},
        [run(2, 5)], {}, GOOD, {},
    ),
    "C10 of a commit in its window": (
        {"pools": COMMITTED, "budgets": [{"id": "b", "limit": 5_000_000, "pools": ["p"], "to_s": HOUR}]},
        [run(1, 4)], {"p": 1}, [run(1, 4)], {"p": 2},
    ),
    "C9 segments": ({"jobs": [job("a", max_segments=1)]}, GOOD, {}, [run(0, 2), run(3, 4)], {}),
    "C9 interruptions": (
        {"pools": [pool("p", interrupts_ppm_nh=1000)], "jobs": [job("a", max_interrupts_ppm=3000)]},
        GOOD, {}, [run(0, 4)], {},
    ),
    "C10": ({"budgets": [{"id": "b", "limit": 3_000_000}]}, GOOD, {}, [run(0, 4)], {}),
    "C10 of a pool": ({"budgets": [{"id": "b", "pools": ["p"], "limit": 3_000_000}]}, GOOD, {}, [run(0, 4)], {}),
    "C10 of a job": ({"budgets": [{"id": "b", "jobs": ["a"], "limit": 3_000_000}]}, GOOD, {}, [run(0, 4)], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_rule_holds_and_breaks(case):
    """The good schedule breaks nothing; the bad one breaks this rule and no other."""
    fields, good, good_commits, bad, bad_commits = CASES[case]
    problem = read(**fields)

    assert violations(problem, good, good_commits) == []
    assert {broken.rule for broken in violations(problem, bad, bad_commits)} == {case.split()[0]}


def test_every_rule_has_a_case():
    """(C1) to (C10) are all among the cases, and the checker has one function each."""
    numbers = [f"C{i}" for i in range(1, 11)]

    assert sorted({case.split()[0] for case in CASES}) == sorted(numbers)
    assert [rule.__doc__.split(")")[0].strip("(") for rule in RULES] == numbers


def test_unknown_names_are_reported_before_any_rule():
    """A segment of an unknown job or pool is a violation, not a crash."""
    assert violations(read(), [run(0, 3, who="nobody"), run(0, 3, where="nowhere")], {"nowhere": 1})


def test_the_exact_cost_by_hand():
    """2 nodes x (1 h at 1 USD + 1 h at 3 USD) + 4 h minimum bill + staging 5 + hold 2 h x 0.5 + commit 2 x 7 USD."""
    problem = read(
        pools=[
            pool("p", price=[[0, 1_000_000], [HOUR, 3_000_000]]),
            pool("m", region="r2", min_bill_s=4 * HOUR),
            pool("c", region="r2", commit={"unit_cost": 7_000_000, "max_units": 9}),
        ],
        jobs=[
            job("a", 6, options=[option("p", 2, 2000), option("m")], stage_cost={"r1": 5_000_000}, hold_cost_h=500_000,
                move_cost={"r1": 11_000_000, "r2": 13_000_000}),
        ],
    )  # fmt: skip
    segments = [run(0, 2, nodes=2), run(2, 4, where="m")]

    # run 8 + 4, stage 5, move out of r1 11, hold 4 h x 0.5 = 2, commit 14
    assert exact_cost(problem, segments, {"c": 2}) == 44_000_000 * HOUR
