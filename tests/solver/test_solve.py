"""What `solve` promises: laws, ties, determinism, bounds; problems small enough to see through."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solver_builders import HOUR, job, option, pool, problem_document, read

from solver import Infeasible, Solved, Undecided, solve
from solver.documents import ProblemInvalid, read_problem
from solver.engine.reduce import undominated
from solver.verify import RULES

README = Path(__file__).parents[2] / "solver" / "README.md"


def hours(outcome):
    """Name the segments in hours."""
    return [(s.job, s.pool, s.nodes, s.start_s / HOUR, s.end_s / HOUR) for s in outcome.segments]


def test_importing_the_package_loads_no_engine():
    """`import solver` brings in neither OR-Tools, NumPy nor pydantic."""
    code = "import sys, solver; print([m for m in ('ortools', 'numpy', 'pydantic') if m in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_of_equal_costs_fewer_segments_and_earlier_finishes_win():
    """With a constant price the job runs in one piece from the start, though any hours cost the same."""
    outcome = solve(read(jobs=[job("a", 3), job("b", 2)]))

    assert hours(outcome) == [("a", "p", 1, 0, 3), ("b", "p", 1, 0, 2)]


def test_a_cheap_hour_is_worth_a_pause_and_then_not():
    """Hours 2 and 3 cost 9 USD: two segments around them are cheapest; where one is allowed it runs after them."""
    priced = [pool("p", price=[[0, 1_000_000], [2 * HOUR, 9_000_000], [4 * HOUR, 2_000_000]])]

    paused = solve(read(pools=priced))
    whole = solve(read(pools=priced, jobs=[job("a", max_segments=1)]))

    assert (hours(paused), paused.cost_uusd) == ([("a", "p", 1, 0, 2), ("a", "p", 1, 4, 5)], 4_000_000)
    assert (hours(whole), whole.cost_uusd) == ([("a", "p", 1, 4, 7)], 6_000_000)


def test_a_start_longer_than_a_slot_is_carried_into_the_next():
    """90 minutes of start and 30 minutes of work are 2 paid hours."""
    outcome = solve(read(jobs=[job("a", 0.5, options=[option("p", start_s=5400)])]))

    assert hours(outcome) == [("a", "p", 1, 0, 2)]


def test_the_finish_objective_is_fast_first_and_cheap_second():
    """The dearer pool of twice the speed ends at 2 h; among plans that do, the cheapest counts."""
    fields = {
        "pools": [pool("p"), pool("fast", price=[[0, 5_000_000]]), pool("faster", price=[[0, 6_000_000]])],
        "jobs": [job("a", 4, options=[option("p"), option("fast", rate=2000), option("faster", rate=2000)])],
    }

    assert hours(solve(read(**fields))) == [("a", "p", 1, 0, 4)]
    assert hours(solve(read(objective="finish", **fields))) == [("a", "fast", 1, 0, 2)]


def test_a_dominated_option_is_dropped_only_where_it_is_safe():
    """A dearer equal pool goes; it stays where the cheaper one is scarce, far from the data, or closes earlier."""
    cheap, dear = pool("cheap"), pool("dear", price=[[0, 2_000_000]])
    options = [option("cheap"), option("dear")]

    def kept(cheap_pool, cheap_option=options[0], **fields):
        problem = read(pools=[cheap_pool, dear], jobs=[job("a", options=[cheap_option, options[1]], **fields)])
        return [o.pool for o in undominated(problem.jobs[0], problem)]

    assert kept(cheap) == ["cheap"]
    assert kept({**cheap, "capacity": [[0, 4], [HOUR, 0]]}) == ["cheap", "dear"]
    assert kept({**cheap, "region": "r2"}, stage_cost={"r2": 1}) == ["cheap", "dear"]
    assert kept(cheap, option("cheap", deadline_s=5 * HOUR)) == ["cheap", "dear"]
    assert kept(cheap, option("cheap", start_s=60)) == ["cheap", "dear"]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 9), st.integers(1, 9), st.integers(3, 9), st.integers(1, 4))
def test_a_cheaper_price_or_a_later_deadline_never_costs_more(first, second, deadline, nodes):
    """Lowering one price, or moving a deadline, never makes the optimum dearer; the bound never exceeds the cost."""
    pools = [
        pool("p", price=[[0, first * 1_000_000]]),
        pool("q", price=[[0, second * 1_000_000]], capacity=[[0, nodes]]),
    ]
    options = [option("p"), option("q", min(nodes, 2), 1700)]
    problem = read(pools=pools, jobs=[job("a", 4, options=options, deadline_s=deadline * HOUR)])

    outcome = solve(problem)
    cheaper = solve(replace(problem, pools=(replace(problem.pools[0], price=((0, 1),)), problem.pools[1])))
    later = solve(replace(problem, jobs=(replace(problem.jobs[0], deadline_s=10 * HOUR),)))

    if isinstance(outcome, Infeasible):
        assert isinstance(cheaper, Infeasible)
        assert isinstance(later, Solved)
        return
    assert outcome.bound_uusd <= outcome.cost_uusd
    assert cheaper.cost_n3600 <= outcome.cost_n3600
    assert later.cost_n3600 <= outcome.cost_n3600


def test_the_same_question_gives_the_same_answer():
    """Two runs of one problem give equal outcomes, ties and all."""
    problem = read(pools=[pool("p"), pool("q")], jobs=[job(n, 2, options=[option("p"), option("q")]) for n in "abc"])

    assert solve(problem) == solve(problem)


def test_many_segments_get_a_bound_that_knows_no_segments():
    """A job with more segments than the engine models still gets a valid bound, here an exact one."""
    outcome = solve(read(horizon_s=40 * HOUR, jobs=[job("a", 20, max_segments=30)]))

    assert (outcome.status, outcome.cost_uusd, outcome.bound_uusd) == ("optimal", 20_000_000, 20_000_000)


def test_blocks_are_bought_in_lots_and_one_of_several():
    """Two dated blocks of 2 nodes a lot: the job buys the one lot that covers it, never parts of both."""

    def block(name, begin, end, price):
        steps = ([[0, 0]] if begin else []) + [[begin * HOUR, 4], [end * HOUR, 0]]
        commit = {"unit_cost": price, "max_units": 4, "lot": 2}
        return pool(name, price=[[0, 0]], capacity=steps, commit=commit)

    fields = {
        "pools": [block("early", 0, 2, 1_000_000), block("late", 2, 4, 1_000_000), block("long", 0, 4, 3_000_000)],
        "jobs": [job("a", 3, options=[option("early"), option("late"), option("long")])],
    }
    both = solve(read(**fields))
    one = solve(read(**fields, choices=[{"id": "c", "pools": ["early", "late", "long"], "max_pools": 1}]))

    assert (both.commits, both.cost_uusd) == ({"early": 2, "late": 2}, 4_000_000)
    assert (one.commits, one.cost_uusd) == ({"long": 2}, 6_000_000)


def test_a_budget_of_one_day_moves_the_work_to_the_next():
    """With 2 USD to spend in the first four hours the job of 3 hours runs one of them later."""
    limited = read(budgets=[{"id": "b", "limit": 2_000_000, "to_s": 4 * HOUR}])

    outcome = solve(limited)

    assert outcome.cost_uusd == 3_000_000
    assert sum(min(s.end_s, 4 * HOUR) - min(s.start_s, 4 * HOUR) for s in outcome.segments) <= 2 * HOUR


def test_objectives_are_pursued_one_after_the_other():
    """Risk first takes the safe slow pool; risk, then finish, takes its more nodes; cost alone the risky one."""
    pools = [pool("risky", interrupts_ppm_nh=1000), pool("safe", price=[[0, 2_000_000]])]
    options = [option("risky"), option("safe"), option("safe", 2, 1500)]
    asked = {goal: solve(read(pools=pools, jobs=[job("a", 3, options=options)], objective=goal)) for goal in (
        "cost", "risk", ("risk", "finish"),
    )}  # fmt: skip

    assert {goal: hours(outcome) for goal, outcome in asked.items()} == {
        "cost": [("a", "risky", 1, 0, 3)],
        "risk": [("a", "safe", 1, 0, 3)],
        ("risk", "finish"): [("a", "safe", 2, 0, 2)],
    }


def test_a_move_costs_what_leaving_a_region_costs():
    """Two cheap hours in r2 after one in r1 are worth a move of 1 USD, not one of 3 USD."""
    pools = [
        pool("p", price=[[0, 1_000_000], [HOUR, 3_000_000]]),
        pool("q", region="r2", price=[[0, 2_000_000], [HOUR, 1_500_000]]),
    ]

    def plan(price):
        asked = job("a", 3, options=[option("p"), option("q")], move_cost={"r1": price}, deadline_s=3 * HOUR)
        return [s.pool for s in solve(read(pools=pools, jobs=[asked])).segments]

    assert plan(900_000) == ["p", "q"]
    assert plan(1_100_000) == ["q"]


IMPOSSIBLE = {
    "jobs[0].deadline_s": {"jobs": [job("a", 3, deadline_s=2 * HOUR)]},
    "jobs[1].deadline_s": {"jobs": [job("a", 3), job("b", 3, after=[{"job": "a"}], deadline_s=5 * HOUR)]},
    "jobs[0].options": {"pools": [pool("p", capacity=[[0, 0]])]},
    "budgets[0].limit": {"budgets": [{"id": "b", "limit": 2_999_999}]},
    "pools[0].capacity": {"pools": [pool("p", capacity=[[0, 1]])], "jobs": [job("a", 6), job("b", 6)]},
    "quotas[0].limit": {
        "jobs": [job("a", 6), job("b", 6)],
        "quotas": [{"id": "q", "pools": ["p"], "limit": [[0, 1]]}],
    },
}


@pytest.mark.parametrize("path", IMPOSSIBLE)
def test_the_command_names_what_breaks_first(path, tmp_path):
    """`python -m solver solve` writes infeasible with the path of what cannot hold, and exits 3."""
    file = tmp_path / "p.json"
    file.write_text(json.dumps(problem_document(**IMPOSSIBLE[path])), encoding="utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "solver", "solve", str(file)], capture_output=True, text=True, check=False
    )

    schedule = json.loads(run.stdout)
    assert (run.returncode, schedule["status"], schedule["conflict"][0]["path"]) == (3, "infeasible", path)


def test_the_command_writes_the_schedule(tmp_path):
    """A solved problem is a schedule document on stdout, exit 0; a bad one names its path on stderr, exit 2."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(problem_document()), encoding="utf-8")
    bad.write_text(json.dumps(problem_document(jobs=[job("a", work=0)])), encoding="utf-8")

    def command(file, *more):
        words = [sys.executable, "-m", "solver", "solve", str(file), *more]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    solved = command(good)
    assert solved.returncode == 0
    schedule = json.loads(solved.stdout)
    assert {name: schedule[name] for name in ("format", "problem", "status", "cost_uusd", "bound_uusd", "commits")} == {
        "format": "gpuplan-schedule/1", "problem": "small", "status": "optimal",
        "cost_uusd": 3_000_000, "bound_uusd": 3_000_000, "commits": {},
    }  # fmt: skip
    assert schedule["segments"] == [{"job": "a", "pool": "p", "nodes": 1, "start_s": 0, "end_s": 3 * HOUR}]
    refused = command(bad)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "jobs[0].work" in refused.stderr
    assert command(tmp_path / "none.json").returncode == 2
    assert command(good, "--time-limit", "0").returncode == 2


def test_the_command_checks_a_schedule(tmp_path):
    """`check` repeats rules, cost and certificate without a solver; a false figure or a broken rule is named, exit 1."""
    file, answer = tmp_path / "p.json", tmp_path / "s.json"
    document = problem_document(pools=[pool("p", capacity=[[0, 1]])], jobs=[job(f"j{i}", 1) for i in range(3)])
    file.write_text(json.dumps(document), encoding="utf-8")

    def check(**changed):
        answer.write_text(json.dumps({**schedule, **changed}), encoding="utf-8")
        words = [sys.executable, "-m", "solver", "check", str(file), str(answer)]
        run = subprocess.run(words, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    words = [sys.executable, "-m", "solver", "solve", str(file)]
    schedule = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    proof = {"edges_s": [0, 36000], "theta": {f"j{i}": 291 * 2**20 for i in range(3)}, "pool": {}, "quota": {},
             "commit": {}, "wait": [], "segment": {}}  # fmt: skip

    assert check() == (0, "holds\n")
    assert check(certificate={**proof, "bound_uusd": 0}) == (0, "holds\n")
    assert "proves" in check(certificate={**proof, "bound_uusd": 3_000_000})[1]
    assert "cost_uusd" in check(cost_uusd=1)[1]
    assert "C5" in check(segments=schedule["segments"][:2])[1]
    assert check(segments=3)[0] == 2


BAD = {
    "format": {"format": "gpuplan-problem/2"},
    "surprise": {"surprise": 1},
    "horizon_s": {"horizon_s": HOUR + 1},
    "end_grid_s": {"end_grid_s": 7},
    "pools[0].price": {"pools": [pool("p", price=[[HOUR, 1]])]},
    "pools[0].capacity[1][0]": {"pools": [pool("p", capacity=[[0, 1], [5, 1]])]},
    "pools[1].id": {"pools": [pool("p"), pool("p")]},
    "jobs[0].options[0]": {"jobs": [job("a", options=[option("nowhere")])]},
    "jobs[0].options[1]": {"jobs": [job("a", options=[option("p"), option("p")])]},
    "jobs[0].deadline_s": {"jobs": [job("a", deadline_s=11 * HOUR)]},
    "jobs[0].after": {"jobs": [job("a", after=[{"job": "b"}]), job("b", after=[{"job": "a"}])]},
    "jobs[0].after[0]": {"jobs": [job("a", after=[{"job": "b"}])]},
    "jobs[0].work": {"jobs": [job("a", work=1.5)]},
    "jobs[0].max_segments": {"jobs": [job("a", max_segments=0)]},
    "budgets[0].to_s": {"budgets": [{"id": "b", "limit": 1, "from_s": HOUR, "to_s": HOUR}]},
    "choices[0].pools[0]": {"choices": [{"id": "c", "pools": ["p"]}]},
    "pools[0].commit": {"pools": [pool("p", commit={"unit_cost": 1, "max_units": 1, "lot": 0})]},
    "budgets[0].pools[0]": {"budgets": [{"id": "b", "pools": ["q"], "limit": 1}]},
}


@pytest.mark.parametrize("path", BAD)
def test_bad_documents_name_their_path(path):
    """Every fault of a problem document is reported by its path."""
    with pytest.raises(ProblemInvalid) as raised:
        read_problem(json.dumps(problem_document(**BAD[path])))

    assert path in [fault.path for fault in raised.value.faults]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "\udc80", "[" * 100_000])
def test_broken_json_is_one_message(text):
    """Text that is no JSON object is refused without a traceback."""
    with pytest.raises(ProblemInvalid):
        read_problem(text.encode("utf-8", "surrogatepass"))


def test_no_time_is_undecided_not_wrong():
    """With hardly any time the answer is undecided, or a schedule that passed the checker."""
    jobs = [job(f"j{i}", 20, options=[option("p", n, 900 * n) for n in (1, 2, 3)]) for i in range(6)]

    outcome = solve(read(horizon_s=100 * HOUR, jobs=jobs), time_limit_s=0.01)

    assert isinstance(outcome, Solved | Undecided)
    assert outcome.stopped_by in {"work_limit", "wall_time", "proof"}


def test_the_formulation_names_every_rule_that_the_checker_has():
    """README, engine and checker speak of the same (C1) to (C10)."""
    text = README.read_text(encoding="utf-8")

    assert all(rule.__doc__.split(" ")[0] in text for rule in RULES)
