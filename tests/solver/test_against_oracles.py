"""The solver against enumeration: shared solved examples, and small random problems of our own."""

import json
from importlib.util import module_from_spec, spec_from_file_location

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solver_builders import HOUR, SHARED, oracle, problem_document

from solver import Infeasible, Solved, solve, violations
from solver.documents import read_problem

PLANS = SHARED / "data" / "plans"
GENERATOR = SHARED / "tools" / "plan_cases.py"


@pytest.mark.skipif(not PLANS.exists(), reason="the shared solved examples are not beside this checkout")
@pytest.mark.parametrize("kind", ["core", "tiny", pytest.param("small", marks=pytest.mark.slow)])
def test_every_shared_example_is_solved_exactly(kind):
    """All examples with proved answers (80 core, 85 tiny, 6 small) get the same status and the same exact cost."""
    for line in (PLANS / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        problem, answer = read_problem(json.dumps(example["problem"])), example["answer"]

        outcome = solve(problem, time_limit_s=60)

        if answer["status"] == "infeasible":
            assert isinstance(outcome, Infeasible), problem.name
        else:
            assert isinstance(outcome, Solved), problem.name
            found = (outcome.status, outcome.cost_n3600, outcome.cost_uusd, outcome.bound_uusd)
            assert found == ("optimal", answer["total_n3600"], answer["cost_uusd"], answer["total_n3600"] // HOUR), (
                problem.name
            )


@pytest.mark.skipif(not PLANS.exists(), reason="the shared solved examples are not beside this checkout")
def test_the_checker_accepts_every_shared_schedule_at_its_exact_cost():
    """The checker knows the whole problem, commits, moves, interruptions and minimum bills included."""
    from solver import Segment, exact_cost

    for line in (PLANS / "tiny.jsonl").read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        answer = example["answer"]
        if answer["status"] != "optimal":
            continue
        problem = read_problem(json.dumps(example["problem"]))
        segments = [Segment(**segment) for segment in answer["schedule"]["segments"]]
        commits = answer["schedule"]["commits"]

        assert violations(problem, segments, commits) == [], problem.name
        assert exact_cost(problem, segments, commits) == answer["total_n3600"], problem.name


@pytest.mark.skipif(not GENERATOR.exists(), reason="the shared generator is not beside this checkout")
@pytest.mark.parametrize("seed", range(20))
def test_generated_problems_match_the_oracle(seed):
    """Problems of the shared generator that are not among the stored ones match our own enumeration."""
    specification = spec_from_file_location("plan_cases", GENERATOR)
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    document = module.tiny(seed + 1000)
    if len(document["jobs"]) > 2 or document["horizon_s"] > 5 * HOUR:
        document["jobs"] = document["jobs"][:1]
        document["budgets"] = [b for b in document["budgets"] if b.get("jobs") is None or b["jobs"] == ["j0"]]

    assert_same(document)


def assert_same(document):
    """Compare with enumeration, and let the checker look at the answer."""
    expected = oracle(document)
    problem = read_problem(json.dumps(document))

    outcome = solve(problem, time_limit_s=20)

    if expected is None:
        assert isinstance(outcome, Infeasible)
    else:
        assert isinstance(outcome, Solved)
        assert (outcome.status, outcome.cost_n3600) == ("optimal", expected)
        assert violations(problem, outcome.segments, outcome.commits) == []


@st.composite
def problems(draw):
    """Draw problems of up to 4 hours, 2 jobs, 3 pools, with every rule and cost that there is."""
    hours = draw(st.integers(2, 4))
    end_grid = draw(st.sampled_from([HOUR, HOUR, 1800]))

    def steps(low, high):
        value = st.integers(low, high)
        changes = draw(st.lists(st.integers(1, hours - 1), max_size=1))
        return [[0, draw(value)], *([at * HOUR, draw(value)] for at in changes)]

    pools = [
        {"id": f"p{i}", "region": f"r{i % 2}", "price": steps(0, 9), "capacity": steps(0, 3)}
        for i in range(draw(st.integers(1, 3)))
    ]
    for entry in pools:
        entry["price"] = [[at, price * 1_000_000 + 7] for at, price in entry["price"]]
        entry["min_bill_s"] = draw(st.sampled_from([0, 0, 60, HOUR, 2 * HOUR]))
        entry["interrupts_ppm_nh"] = draw(st.sampled_from([0, 20_000, 100_000]))
        if draw(st.integers(0, 3)) == 0:
            unit_cost = draw(st.integers(0, 20_000_000))
            entry["commit"] = {
                "unit_cost": unit_cost,
                "max_units": draw(st.integers(0, 4)),
                "lot": draw(st.integers(1, 2)),
            }
    jobs = [draw(job_of(i, hours, pools)) for i in range(draw(st.integers(1, 2)))]
    more = draw(of_the_whole(hours, pools, steps))
    return problem_document(end_grid_s=end_grid, horizon_s=hours * HOUR, pools=pools, jobs=jobs, **more)


@st.composite
def of_the_whole(draw, hours, pools, steps):
    """Draw what concerns all jobs: quotas, budgets and their windows, choices, a limit of interruptions, objectives."""
    quotas, budgets, choices = [], [], []
    if draw(st.booleans()):
        quotas.append({"id": "q", "pools": [p["id"] for p in pools], "limit": steps(1, 4)})
    if draw(st.booleans()):
        names = draw(st.sampled_from([None, ["p0"]]))
        who = draw(st.sampled_from([None, ["j0"]]))
        window = draw(st.sampled_from([{}, {"from_s": HOUR}, {"to_s": 2 * HOUR}, {"from_s": HOUR, "to_s": 2 * HOUR}]))
        budgets.append({"id": "b", "pools": names, "jobs": who, "limit": draw(st.integers(0, 60_000_000)), **window})
    sold = [p["id"] for p in pools if p.get("commit")]
    if sold and draw(st.booleans()):
        most = st.sampled_from([None, 1, 2, 3])
        choices.append({"id": "c", "pools": sold, "max_pools": draw(most), "max_units": draw(most)})
    return {
        "quotas": quotas,
        "budgets": budgets,
        "choices": choices,
        "max_interrupts_ppm": draw(st.sampled_from([None, None, 200_000])),
        "objective": draw(st.sampled_from(["cost", "cost", "cost", "finish", "risk", ["risk", "finish"]])),
    }


@st.composite
def job_of(draw, number, hours, pools):
    """Draw a job with one to three options."""
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from([p["id"] for p in pools]), st.integers(1, 2)), min_size=1, max_size=3, unique=True
        )
    )
    options = []
    for name, nodes in pairs:
        choice = {"pool": name, "nodes": nodes, "rate": draw(st.integers(500, 1500)) * nodes}
        choice["start_s"] = draw(st.sampled_from([0, 0, 600, 5400]))
        choice["deadline_s"] = draw(st.sampled_from([None, None, HOUR, 2 * HOUR]))
        options.append(choice)
    entry = {
        "id": f"j{number}",
        "work": draw(st.integers(1, hours * 3_600_000)),
        "options": options,
        "max_segments": draw(st.sampled_from([None, 1, 2])),
        "hold_cost_h": draw(st.sampled_from([0, 0, 300_000])),
        "stage_cost": draw(st.sampled_from([{}, {"r0": 2_000_000}, {"r0": 500_000, "r1": 700_000}])),
        "move_cost": draw(st.sampled_from([{}, {"r0": 1_500_000}, {"r0": 300_000, "r1": 900_000}])),
        "max_interrupts_ppm": draw(st.sampled_from([None, None, 100_000, 300_000])),
        "release_s": draw(st.sampled_from([0, 0, HOUR])),
    }
    if number:
        entry["after"] = draw(st.sampled_from([[], [{"job": "j0", "lag_s": 0}], [{"job": "j0", "lag_s": HOUR}]]))
    return entry


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_small_problems_match_enumeration(document):
    """On small random problems the cost is the enumerated minimum to the last 1/3600 micro-dollar."""
    assert_same(document)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_many_small_problems_match_enumeration(document):
    """As above, on many more."""
    assert_same(document)
