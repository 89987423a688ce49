"""Builders of small problems, and an enumerating oracle that shares no code with the engine or the checker."""

import itertools
import json
from pathlib import Path
from typing import Any

from solver import Problem
from solver.documents import PROBLEM_FORMAT, read_problem

SHARED = Path(__file__).parents[2] / "shared"
HOUR = 3600


def problem_document(**fields: Any) -> dict[str, Any]:
    """Write a problem of one pool and one job; fields replace its parts."""
    return {
        "format": PROBLEM_FORMAT,
        "name": "small",
        "grid_s": HOUR,
        "end_grid_s": HOUR,
        "horizon_s": 10 * HOUR,
        "pools": [pool("p")],
        "quotas": [],
        "jobs": [job("a")],
        "budgets": [],
        **fields,
    }


def pool(name: str, **fields: Any) -> dict[str, Any]:
    """Write a pool of 4 nodes at 1 USD a node-hour."""
    return {"id": name, "region": "r1", "price": [[0, 1_000_000]], "capacity": [[0, 4]], **fields}


def job(name: str, hours: float = 3, **fields: Any) -> dict[str, Any]:
    """Write a job of so many hours on one node of pool p at 1,000 tokens/s."""
    return {"id": name, "work": int(hours * 3_600_000), "options": [option("p")], **fields}


def option(pool_name: str, nodes: int = 1, rate: int = 1000, start_s: int = 0, **fields: Any) -> dict[str, Any]:
    """Write an option."""
    return {"pool": pool_name, "nodes": nodes, "rate": rate, "start_s": start_s, **fields}


def read(**fields: Any) -> Problem:
    """Read a problem built from the small one."""
    return read_problem(json.dumps(problem_document(**fields)))


def at(steps: list[list[int]], second: int) -> int:
    """Return the value of a step function at a second, from the document's lists."""
    value = steps[0][1]
    for begin, later in steps:
        if begin <= second:
            value = later
    return value


def all_segments(document: dict[str, Any], job: dict[str, Any]) -> list[tuple[str, int, int, int, int, int]]:
    """List every useful segment of a job: (pool, nodes, start, end, tokens, start of the option)."""
    grid, end_grid = document["grid_s"], document["end_grid_s"]
    release, deadline = job.get("release_s", 0), job.get("deadline_s", document["horizon_s"])
    found = []
    for choice in job["options"]:
        last = min(deadline, choice.get("deadline_s") or deadline)
        for start in range(-(-release // grid) * grid, last, grid):
            for end in range(start + end_grid, last + 1, end_grid):
                tokens = choice["rate"] * max(0, end - start - choice["start_s"])
                if tokens:
                    found.append((choice["pool"], choice["nodes"], start, end, tokens, choice["start_s"]))
    return found


def plans_of(document: dict[str, Any], job: dict[str, Any]) -> list[tuple[tuple[Any, ...], int]]:
    """List every plan of one job with its cost in 1/3600 micro-USD: segments in time order that do the work."""
    segments = sorted(all_segments(document, job), key=lambda s: (s[2], s[3]))
    pools = {p["id"]: p for p in document["pools"]}
    most = job.get("max_segments") or len(range(0, document["horizon_s"], document["grid_s"]))
    plans: list[tuple[tuple[Any, ...], int]] = []

    def extend(chosen: tuple[Any, ...], tokens: int) -> None:
        if tokens >= job["work"]:
            plans.append((chosen, plan_cost(chosen, job, pools)))
            return
        if len(chosen) == most:
            return
        after = chosen[-1][3] if chosen else 0
        for segment in segments:
            if segment[2] >= after:
                extend((*chosen, segment), tokens + segment[4])

    extend((), 0)
    return plans


def plan_cost(chosen: tuple[Any, ...], job: dict[str, Any], pools: dict[str, Any]) -> int:
    """Add up run, stage and hold second by second of the grid's finest step."""
    cost = 0
    for name, nodes, start, end, _, _ in chosen:
        cost += nodes * sum(at(pools[name]["price"], second) * 60 for second in range(start, end, 60))
    for region in {pools[segment[0]]["region"] for segment in chosen}:
        cost += job.get("stage_cost", {}).get(region, 0) * HOUR
    return cost + job.get("hold_cost_h", 0) * (chosen[-1][3] - job.get("release_s", 0))


def oracle(document: dict[str, Any]) -> int | None:
    """Return the least cost in 1/3600 micro-USD by trying every combination of plans; None where none is feasible."""
    jobs = document["jobs"]
    best: int | None = None
    choices = [sorted(plans_of(document, job), key=lambda plan: plan[1]) for job in jobs]
    for combination in itertools.product(*choices):
        cost = sum(plan[1] for plan in combination)
        if (best is None or cost < best) and fits(
            document, dict(zip((j["id"] for j in jobs), combination, strict=True))
        ):
            best = cost
    return best


def fits(document: dict[str, Any], plans: dict[str, tuple[tuple[Any, ...], int]]) -> bool:
    """Check precedence, capacity, quotas and budgets of a combination."""
    for job in document["jobs"]:
        for link in job.get("after", []):
            if plans[job["id"]][0][0][2] < plans[link["job"]][0][-1][3] + link["lag_s"]:
                return False
    used = [segment for plan, _ in plans.values() for segment in plan]
    limits = [({p["id"]}, p["capacity"]) for p in document["pools"]]
    limits += [(set(q["pools"]), q["limit"]) for q in document["quotas"]]
    for second in range(0, document["horizon_s"], document["end_grid_s"]):
        running = [s for s in used if s[2] <= second < s[3]]
        if any(sum(s[1] for s in running if s[0] in names) > at(steps, second) for names, steps in limits):
            return False
    return all(spent(document, plans, budget) <= budget["limit"] * HOUR for budget in document["budgets"])


def spent(document: dict[str, Any], plans: dict[str, tuple[tuple[Any, ...], int]], budget: dict[str, Any]) -> int:
    """Return what a budget counts."""
    pools = {p["id"]: p for p in document["pools"]}
    total = 0
    for job in document["jobs"]:
        if budget.get("jobs") is not None and job["id"] not in budget["jobs"]:
            continue
        plan, cost = plans[job["id"]]
        if budget.get("pools") is None:
            total += cost
        else:
            bare = {"id": job["id"]}
            total += sum(plan_cost((s,), bare, pools) for s in plan if s[0] in budget["pools"])
    return total
