"""Everyday plans: constant prices, quotas, owned clusters, chains; how far each is proved in the time given."""

import argparse
from collections.abc import Sequence

from bench.cases import problem
from bench.measure import OUTCOME_NAMES, head, measured, outcome_cells, row

ABOUT = "everyday plans (3 jobs, 10 offers, 3 weeks by default): gap reached in 10 s"


def run(arguments: Sequence[str]) -> None:
    """Solve one problem a seed and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench solver-common", description=__doc__)
    for name, default in (("seeds", 20), ("first", 0), ("jobs", 3), ("offers", 10), ("weeks", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("clusters", 1), ("weekly", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--limit", type=float, default=9.5, help="seconds; 9.5 leaves the guard half a second")
    parser.add_argument("--processor", action="store_true", help="count processor seconds: other work shares the cores")
    given = parser.parse_args(arguments)
    print(head("seed", "status", *OUTCOME_NAMES))
    gaps = []
    for seed in range(given.first, given.first + given.seeds):
        case = problem(
            "common", seed, jobs=given.jobs, offers=given.offers, weeks=given.weeks,
            clusters=given.clusters, weekly=given.weekly,
        )  # fmt: skip
        result = measured(case, given.limit, processor=given.processor)
        gaps.append(result.gap)
        print(row(seed, getattr(result.outcome, "status", "none"), *outcome_cells(result)), flush=True)
    solved = sorted(gap for gap in gaps if gap is not None)
    if solved:
        median, worst = solved[len(solved) // 2], solved[-1]
        print(f"\n{len(solved)} of {len(gaps)} solved; gap: median {100 * median:.3f} %, worst {100 * worst:.3f} %")
