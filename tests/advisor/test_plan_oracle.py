"""Random small plans against enumeration from the contract's Arithmetic: the whole path, ties included."""

from fractions import Fraction

import pytest
from advisor_builders import planned
from random_plans import POOLS, Case, best


def check(seed: int) -> str:
    """Plan one random case and compare with the oracle."""
    case = Case(seed)
    answer = planned(case.document(), *case.prices())
    expected = best(case)
    if expected is None:
        assert answer.status == "infeasible", seed
        return "infeasible"
    assert answer.status == "optimal", (seed, answer.status, expected)
    begin = answer.start
    exact, finishes = Fraction(0), {}
    for segment in answer.segments:
        pool = next(
            p for p in case.pools
            if (segment.cluster or segment.machine) == POOLS[p][0] and segment.market in (POOLS[p][1], None)
        )  # fmt: skip
        length = Fraction(int((segment.end - segment.start).total_seconds()), 3600)
        exact += segment.nodes * length * case.usd(pool)
        finishes[segment.job] = Fraction(int((segment.end - begin).total_seconds()), 3600)
    assert (exact, len(answer.segments), sum(finishes.values())) == expected, seed
    cents = sum(int(line.cost.amount.replace(".", "")) for line in answer.lines)
    assert answer.total is not None
    assert int(answer.total.amount.replace(".", "")) == cents, seed
    return answer.status


def test_random_plans_match_enumeration():
    """Cost, segments and finishes of 25 random plans are those of enumeration; some are infeasible, most are not."""
    outcomes = [check(seed) for seed in range(25)]

    assert outcomes.count("optimal") >= 10


@pytest.mark.slow
def test_many_random_plans_match_enumeration():
    """The same for 400 more."""
    outcomes = [check(seed) for seed in range(100, 500)]

    assert outcomes.count("optimal") >= 200
