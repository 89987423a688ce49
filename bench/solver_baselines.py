"""Our plan against what people do without a planner: on demand only, the cheapest node now, owned nodes first."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.cases import problem
from bench.measure import head, measured, row, usd
from solver import Job, Option, Problem, Segment, Solved, exact_cost, violations
from solver.verify import value_at

ABOUT = "our plan against on-demand only, cheapest-now greedy and owned-first greedy"
Rank = Callable[[Problem, Job, Option, int], tuple[float, ...]]


def price_now(case: Problem, _: Job, option: Option, moment: int) -> tuple[float, ...]:
    """Rank by dollars per token at the moment of the start."""
    return (option.nodes * value_at(case.pool(option.pool).price, moment) / option.rate,)


def owned_first(case: Problem, job: Job, option: Option, moment: int) -> tuple[float, ...]:
    """Rank owned nodes, most nodes first, before everything else; the rest by dollars per token now."""
    is_owned = option.pool.startswith(("own", "local"))
    return (0.0, -option.rate) if is_owned else (1.0, *price_now(case, job, option, moment))


def greedy(case: Problem, rank: Rank) -> list[Segment] | None:
    """Run one job after the other in one piece, on the best-ranked option that makes its deadline; None if none does.

    A job starts as soon as any option is free for it; predecessors go first.
    """
    placed: list[Segment] = []
    waiting = list(case.jobs)
    while waiting:
        job = next(j for j in waiting if not any(link.job in {w.id for w in waiting} for link in j.after))
        waiting.remove(job)
        found = _place(case, job, placed, rank)
        if found is None:
            return None
        placed.append(found)
    return placed


def _place(case: Problem, job: Job, placed: list[Segment], rank: Rank) -> Segment | None:
    ends = {s.job: s.end_s for s in placed}
    earliest = max([job.release_s, *(ends[link.job] + link.lag_s for link in job.after)])
    grid, unit = case.grid_s, case.end_grid_s
    alone = replace(job, after=())
    for start in range(-(-earliest // grid) * grid, job.deadline_s, grid):
        for option in sorted(job.options, key=lambda o: rank(case, job, o, start)):
            needed = option.start_s + -(-job.work // option.rate)
            end = start + -(-needed // unit) * unit
            if end > job.deadline_s:
                continue
            segment = Segment(job=job.id, pool=option.pool, nodes=option.nodes, start_s=start, end_s=end)
            rest = replace(case, jobs=(*(j for j in case.jobs if j.id in ends), alone), budgets=())
            if not violations(rest, [*placed, segment], {}):
                return segment
    return None


def on_demand_only(case: Problem) -> Problem:
    """Leave the on-demand offers only."""
    jobs = tuple(replace(j, options=tuple(o for o in j.options if "/od/" in o.pool)) for j in case.jobs)
    return replace(case, jobs=jobs)


def run(arguments: Sequence[str]) -> None:
    """Solve one problem a seed and print costs, savings and their means."""
    parser = argparse.ArgumentParser(prog="python -m bench solver-baselines", description=__doc__)
    for name, default in (("seeds", 50), ("jobs", 3), ("offers", 10), ("weeks", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--limit", type=float, default=6.0, help="seconds of work for a plan")
    parser.add_argument("--processor", action="store_true", help="count processor seconds: other work shares the cores")
    given = parser.parse_args(arguments)
    print(head("seed", "ours USD", "on demand", "cheapest now", "owned first"))
    savings: dict[str, list[float]] = {"on demand": [], "cheapest now": [], "owned first": []}
    for seed in range(given.seeds):
        case = problem("common", seed, jobs=given.jobs, offers=given.offers, weeks=given.weeks)
        ours = measured(case, given.limit, processor=given.processor).outcome
        if not isinstance(ours, Solved):
            print(row(seed, type(ours).__name__.lower(), "-", "-", "-"))
            continue
        others = dict(zip(savings, _others(case, given.limit, processor=given.processor), strict=True))
        for name, cost in others.items():
            if cost is not None:
                savings[name].append(1.0 - ours.cost_uusd / cost)
        cells = ["none" if cost is None else usd(cost) for cost in others.values()]
        print(row(seed, usd(ours.cost_uusd), *cells), flush=True)
    dearer = sum(saving < 0 for found in savings.values() for saving in found)
    print(f"\nours is dearer than a baseline in {dearer} comparisons of {sum(map(len, savings.values()))}")
    for name, found in savings.items():
        if found:
            mean, least = sum(found) / len(found), min(found)
            print(f"\nsaving against {name}: mean {100 * mean:.1f} %, least {100 * least:.1f} %, {len(found)} plans")


def _others(case: Problem, limit_s: float, *, processor: bool) -> list[int | None]:
    rented = measured(on_demand_only(case), limit_s, processor=processor).outcome
    plans = [greedy(case, rank) for rank in (price_now, owned_first)]
    costs = [None if plan is None else exact_cost(case, plan, {}) // 3600 for plan in plans]
    return [rented.cost_uusd if isinstance(rented, Solved) else None, *costs]
