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
    """Add up run, stage, move and hold, minute by minute."""
    cost = sum(run_cost(segment, pools) for segment in chosen)
    regions = [pools[segment[0]]["region"] for segment in chosen]
    cost += sum(job.get("stage_cost", {}).get(region, 0) for region in set(regions)) * HOUR
    for left, entered in itertools.pairwise(regions):
        if left != entered:
            cost += job.get("move_cost", {}).get(left, 0) * HOUR
    return cost + job.get("hold_cost_h", 0) * (chosen[-1][3] - job.get("release_s", 0))


def run_cost(segment: tuple[Any, ...], pools: dict[str, Any], window: tuple[int, int | None] = (0, None)) -> int:
    """Pay every minute up to the end or the minimum bill, that lies in the window."""
    name, nodes, start, end, _, _ = segment
    end = max(end, start + pools[name].get("min_bill_s", 0))
    minutes = (m for m in range(start, end, 60) if window[0] <= m and (window[1] is None or m < window[1]))
    return nodes * sum(at(pools[name]["price"], minute) * min(60, end - minute) for minute in minutes)


def oracle(document: dict[str, Any]) -> int | None:
    """Return the least cost in 1/3600 micro-USD by trying every combination of plans; None where none is feasible.

    With other objectives before the cost: the least cost among the plans that are best in those.
    """
    jobs = document["jobs"]
    stated = document.get("objective", "cost")
    objectives = [*([stated] if isinstance(stated, str) else stated), "cost"]
    best: list[int] | None = None
    choices = [sorted(plans_of(document, job), key=lambda plan: plan[1]) for job in jobs]
    for combination in itertools.product(*choices):
        apart = sum(plan[1] for plan in combination)
        if objectives[0] == "cost" and best is not None and apart >= best[0]:
            continue
        plans = dict(zip((j["id"] for j in jobs), combination, strict=True))
        bought = committed(document, plans)
        paid = sum(p["commit"]["unit_cost"] * bought[p["id"]] for p in document["pools"] if p["id"] in bought)
        values = {
            "cost": apart + paid * HOUR,
            "finish": max(plan[-1][3] for plan, _ in plans.values()),
            "risk": sum(risk(document, plan) for plan, _ in plans.values()),
        }
        found = [values[name] for name in objectives]
        if (best is None or found < best) and fits(document, plans, bought):
            best = found
    return None if best is None else best[-1]


Plans = dict[str, tuple[tuple[Any, ...], int]]


def risk(document: dict[str, Any], plan: tuple[Any, ...]) -> int:
    """Return a plan's expected interruptions in ppm x nodes x seconds."""
    ppm = {p["id"]: p.get("interrupts_ppm_nh", 0) for p in document["pools"]}
    return sum(ppm[name] * nodes * (end - start) for name, nodes, start, end, _, _ in plan)


def committed(document: dict[str, Any], plans: Plans) -> dict[str, int]:
    """Return the nodes to commit: the peak of use, in whole lots."""
    bought = {}
    for pool in document["pools"]:
        if pool.get("commit"):
            lot = pool["commit"].get("lot", 1)
            used = [s for plan, _ in plans.values() for s in plan if s[0] == pool["id"]]
            peak = max((sum(o[1] for o in used if o[2] <= s[2] < o[3]) for s in used), default=0)
            bought[pool["id"]] = -(-peak // lot) * lot
    return bought


def fits(document: dict[str, Any], plans: Plans, bought: dict[str, int]) -> bool:
    """Check precedence, capacity, quotas, commits, interruptions and budgets of a combination."""
    for job in document["jobs"]:
        for link in job.get("after", []):
            if plans[job["id"]][0][0][2] < plans[link["job"]][0][-1][3] + link.get("lag_s", 0):
                return False
        most = job.get("max_interrupts_ppm")
        if most is not None and risk(document, plans[job["id"]][0]) > most * HOUR:
            return False
    used = [segment for plan, _ in plans.values() for segment in plan]
    limits = [({p["id"]}, p["capacity"]) for p in document["pools"]]
    limits += [(set(q["pools"]), q["limit"]) for q in document["quotas"]]
    for second in range(0, document["horizon_s"], document["end_grid_s"]):
        running = [s for s in used if s[2] <= second < s[3]]
        if any(sum(s[1] for s in running if s[0] in names) > at(steps, second) for names, steps in limits):
            return False
    most = document.get("max_interrupts_ppm")
    if most is not None and sum(risk(document, plan) for plan, _ in plans.values()) > most * HOUR:
        return False
    return may_buy(document, bought) and all(
        spent(document, plans, bought, budget) <= budget["limit"] * HOUR for budget in document["budgets"]
    )


def may_buy(document: dict[str, Any], bought: dict[str, int]) -> bool:
    """Check max_units and choices."""
    if any(bought[p["id"]] > p["commit"]["max_units"] for p in document["pools"] if p["id"] in bought):
        return False
    for choice in document.get("choices", []):
        units = [bought[name] for name in choice["pools"]]
        if choice.get("max_units") is not None and sum(units) > choice["max_units"]:
            return False
        if choice.get("max_pools") is not None and sum(n > 0 for n in units) > choice["max_pools"]:
            return False
    return True


def spent(document: dict[str, Any], plans: Plans, bought: dict[str, int], budget: dict[str, Any]) -> int:
    """Return what a budget counts."""
    pools = {p["id"]: p for p in document["pools"]}
    window = (budget.get("from_s") or 0, budget.get("to_s"))
    whole = budget.get("from_s") is None and budget.get("to_s") is None
    names, total = budget.get("pools"), 0
    for job in document["jobs"]:
        if budget.get("jobs") is not None and job["id"] not in budget["jobs"]:
            continue
        plan, cost = plans[job["id"]]
        if names is None and whole:
            total += cost
        else:
            total += sum(run_cost(s, pools, window) for s in plan if names is None or s[0] in names)
    for name, units in bought.items() if budget.get("jobs") is None else ():
        first = min((begin for begin, nodes in pools[name]["capacity"] if nodes), default=0)
        inside = window[0] <= first and (window[1] is None or first < window[1])
        if inside and (names is None or name in names):
            total += pools[name]["commit"]["unit_cost"] * units * HOUR
    return total
