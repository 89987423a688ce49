"""The decomposition: bounds with certificates that hold, pruning that loses nothing, plans that pass the checker."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solver_builders import HOUR, SHARED, job, option, pool, read

from solver import Problem, Solved, exact_cost, solve, violations
from solver.certificate import Certificate, CertificateInvalid, lower_bound
from solver.documents import read_problem
from solver.engine.clock import Clock
from solver.engine.decompose import Decomposition
from solver.engine.purchases import purchases
from solver.engine.reduce import tighten

TINY = SHARED / "data" / "plans" / "tiny.jsonl"


def decomposed(problem: Problem, work: float = 0.3) -> Decomposition:
    """Decompose a problem for so much work, in seconds of the time limit."""
    parts = Decomposition(tighten(problem)[0], problem, Clock(work), 0, None)
    parts.clock.ends += 100
    parts.advance(1.0)
    return parts


def crowded(jobs: int = 8, days: int = 4) -> Problem:
    """Build chains of two jobs that compete for a cheap pool with a gap, spot at changing prices, and a block."""
    horizon = days * 24 * HOUR
    pools = [
        pool("own", price=[[0, 2_000_000]], capacity=[[0, 4], [10 * HOUR, 2], [20 * HOUR, 4]]),
        pool("spot", region="r2", capacity=[[0, 6], [30 * HOUR, 3]],
             price=[[k * 6 * HOUR, 4_000_000 + 900_000 * (k * 5 % 7)] for k in range(days * 4)]),
        pool("dear", region="r2", price=[[0, 11_000_000]], capacity=[[0, 16]]),
        pool("block", price=[[0, 0]], capacity=[[0, 0], [24 * HOUR, 4], [72 * HOUR, 0]],
             commit={"unit_cost": 190_000_000, "max_units": 4, "lot": 2}),
    ]  # fmt: skip
    options = [option(p["id"], n, int(1000 * n**0.95), 900) for p in pools for n in (1, 2, 4)]
    made = [
        job(f"j{i}", 20 + 3 * i, options=options, stage_cost={"r2": 3_000_000}, move_cost={"r1": 1_000_000},
            max_segments=4, hold_cost_h=100_000 * (i % 2), after=[{"job": f"j{i - 1}"}] if i % 2 else [],
            deadline_s=horizon if i % 2 else horizon - 24 * HOUR)
        for i in range(jobs)
    ]  # fmt: skip
    quotas = [{"id": "q", "pools": ["spot", "dear"], "limit": [[0, 12]]}]
    return read(pools=pools, jobs=made, quotas=quotas, horizon_s=horizon, end_grid_s=600)


@pytest.mark.skipif(not TINY.exists(), reason="the shared solved examples are not beside this checkout")
@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_bounds_plans_and_pruning_agree_with_enumeration(every):
    """On problems with known optima the certificate proves no more, plans cost no less, pruning keeps the optimum."""
    found = 0
    for line in TINY.read_text(encoding="utf-8").splitlines()[::every]:
        example = json.loads(line)
        problem, answer = read_problem(json.dumps(example["problem"])), example["answer"]
        if answer["status"] != "optimal":
            continue
        parts = decomposed(problem, 0.05)
        outcome, optimum = parts.found(), answer["total_n3600"]

        assert outcome.bound_n3600 <= optimum, problem.name
        assert outcome.certificate is None or lower_bound(problem, outcome.certificate) == outcome.bound_n3600
        dropped = parts.bounder.prunable(optimum)
        for s in answer["schedule"]["segments"]:
            assert (s["pool"], s["nodes"]) not in dropped.get(s["job"], set()), problem.name
        if outcome.segments is not None:
            commits = purchases(problem, outcome.segments)
            assert violations(problem, outcome.segments, commits) == [], problem.name
            assert exact_cost(problem, outcome.segments, commits) >= optimum, problem.name
            found += exact_cost(problem, outcome.segments, commits) == optimum

    assert found >= 30 // every  # planning job by job on coarse work reaches many optima, not all


def test_a_crowded_problem_gets_a_plan_a_bound_and_a_certificate():
    """Eight jobs on four pools: every rule holds, and the certificate proves a bound within 20 percent."""
    problem = crowded()
    outcome = decomposed(problem, 2.0).found()

    assert outcome.segments is not None
    commits = purchases(problem, outcome.segments)
    assert violations(problem, outcome.segments, commits) == []
    cost = exact_cost(problem, outcome.segments, commits)
    assert outcome.certificate is not None
    assert 0.8 * cost <= lower_bound(problem, outcome.certificate) <= cost


@pytest.mark.parametrize("deadline_days", [4, 5 * 365], ids=["a window of days", "a window of years"])
def test_dear_pools_and_a_horizon_of_years_are_searched(deadline_days):
    """1,024 nodes at $142 for years leave 64 bits: where the job's own window is short there is a bound, else none."""
    pools = [pool("own", capacity=[[0, 4]]), pool("dear", price=[[0, 142_000_000]], capacity=[[0, 1032]])]
    options = [option("own", 4, 4000), *(option("dear", n, 900 * n, 600) for n in (1, 64, 1024))]
    made = [job("j", 200, options=options, deadline_s=deadline_days * 24 * HOUR, max_segments=8)]
    problem = read(pools=pools, jobs=made, horizon_s=5 * 365 * 24 * HOUR)
    outcome = decomposed(problem, 0.1).found()

    assert outcome.segments is not None
    assert (outcome.bound_n3600 > 0) == (deadline_days == 4)
    assert outcome.bound_n3600 <= outcome.cost_n3600


def test_a_large_problem_is_solved_with_its_certificate():
    """`solve` decomposes what is large; the answer's certificate proves at most the bound that is stated."""
    outcome = solve(crowded(18), time_limit_s=6)

    assert isinstance(outcome, Solved)
    assert outcome.certificate is not None
    assert outcome.certified_uusd is not None
    assert outcome.certified_uusd <= outcome.bound_uusd <= outcome.cost_uusd


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_prices_prove_a_true_bound(data):
    """Whatever prices >= 0 a certificate holds, it never proves more than the optimum."""
    problem = read(
        pools=[pool("p", capacity=[[0, 2], [3 * HOUR, 1]]), pool("q", price=[[0, 3_000_000]]),
               pool("c", price=[[0, 0]], commit={"unit_cost": 4_000_000, "max_units": 2})],
        jobs=[job("a", 3, options=[option("p"), option("q", start_s=600)], hold_cost_h=50_000),
              job("b", 2, options=[option("p", 2, 1900), option("c")], after=[{"job": "a", "lag_s": HOUR}])],
        quotas=[{"id": "all", "pools": ["p", "q"], "limit": [[0, 2]]}],
    )  # fmt: skip
    optimum = solve(problem)
    edges = tuple(range(0, 11 * HOUR, HOUR))
    prices = st.lists(st.integers(0, 5_000_000), min_size=10, max_size=10).map(tuple)
    certificate = Certificate(
        edges_s=edges,
        theta={"a": data.draw(st.integers(0, 3_000_000_000)), "b": data.draw(st.integers(0, 3_000_000_000))},
        pool={"p": data.draw(prices)},
        quota={"all": data.draw(prices)},
        commit={"c": data.draw(prices)},
        wait={("b", "a"): data.draw(prices)},
    )

    assert lower_bound(problem, certificate) <= optimum.cost_n3600


WRONG = {
    "a negative price": {"pool": {"p": (-1,) * 10}},
    "a short row": {"pool": {"p": (1,)}},
    "edges off the grid": {"edges_s": (0, 1800, 10 * HOUR)},
    "edges that miss a change": {"edges_s": (0, 10 * HOUR)},
    "a wait that nobody has": {"wait": {("a", "a"): (1,) * 10}},
    "a commit of a plain pool": {"commit": {"p": (1,) * 10}},
}


@pytest.mark.parametrize("fault", WRONG)
def test_certificates_that_do_not_fit_are_refused(fault):
    """Wrong signs, lengths, edges and names are refused, never evaluated."""
    problem = read(pools=[pool("p", capacity=[[0, 2], [3 * HOUR, 1]])])
    good = Certificate(edges_s=tuple(range(0, 11 * HOUR, HOUR)), theta={"a": 1})

    assert lower_bound(problem, good) <= 3_000_000 * HOUR
    with pytest.raises(CertificateInvalid):
        lower_bound(problem, replace(good, **WRONG[fault]))


def test_prices_that_leave_64_bits_are_refused():
    """A price of waiting so large that its sums would wrap around is refused: it would prove anything."""
    problem = read(pools=[pool("p")], jobs=[job("a", 1), job("b", 1, after=[{"job": "a"}])])
    edges = tuple(range(0, 11 * HOUR, HOUR))

    with pytest.raises(CertificateInvalid, match="64-bit"):
        lower_bound(problem, Certificate(edges_s=edges, theta={}, wait={("b", "a"): (2**60,) * 10}))


def test_the_same_work_gives_the_same_schedule():
    """Two runs with the same seed and work are equal, plans and bound."""
    problem = crowded(6, 3)
    first, second = (decomposed(problem, 0.8).found() for _ in range(2))

    assert (first.segments, first.bound_n3600) == (second.segments, second.bound_n3600)
