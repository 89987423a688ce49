"""Synthetic weeks with spot, blocks, quotas and chains: the grid of the study whose figures are to be beaten."""

import argparse
import resource
from collections.abc import Sequence

from bench.cases import problem
from bench.measure import OUTCOME_NAMES, head, measured, outcome_cells, row
from solver import Solved

ABOUT = "synthetic weeks against the study's figures (1 to 200 jobs, 10 to 200 pools)"
# Cost and lower bound in USD after 60 s of a quiet core, from the study beside the generator (2026-11).
STUDY: dict[tuple[int, int, int], tuple[float | None, float]] = {
    (168, 1, 10): (781.1, 780.6), (168, 5, 10): (56_296.3, 48_630.6), (168, 20, 10): (79_403.1, 70_403.1),
    (168, 1, 50): (4_855.4, 4_735.7), (168, 5, 50): (8_665.3, 8_109.4), (168, 20, 50): (64_590.9, 60_657.0),
    (168, 50, 50): (132_240.1, 123_122.5), (168, 200, 50): (794_200.1, 549_376.9),
    (168, 1, 200): (394.9, 386.3), (168, 5, 200): (1_945.6, 1_863.0), (168, 20, 200): (14_906.6, 13_910.8),
    (224, 1, 10): (3_892.1, 3_889.2), (224, 5, 10): (46_685.1, 45_507.6), (224, 20, 10): (270_221.6, 246_188.7),
    (224, 1, 50): (27_415.9, 27_123.7), (224, 5, 50): (24_344.6, 24_055.3), (224, 20, 50): (191_494.7, 175_991.2),
    (224, 50, 50): (911_322.0, 746_050.0), (224, 200, 50): (None, 1_137_030.6),
    (224, 1, 200): (55_627.3, 55_174.3), (224, 5, 200): (32_491.0, 31_883.4), (224, 20, 200): (74_831.0, 66_273.4),
    (224, 50, 200): (454_449.1, 328_351.0), (224, 200, 200): (2_411_338.6, 969_362.8),
}  # fmt: skip


def run(arguments: Sequence[str]) -> None:
    """Solve the cells asked for and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench solver-grid", description=__doc__)
    parser.add_argument("--cells", nargs="*", metavar="T,JOBS,POOLS", help="default: up to 5 jobs and 50 pools")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of work")
    parser.add_argument("--processor", action="store_true", help="count processor seconds: other work shares the cores")
    given = parser.parse_args(arguments)
    cells = [cell for cell in STUDY if cell[1] <= 5 and cell[2] <= 50]
    if given.cells:
        cells = [(int(t), int(jobs), int(pools)) for t, jobs, pools in (cell.split(",") for cell in given.cells)]
    print(head("T", "jobs x pools", *OUTCOME_NAMES, "MiB so far", "cost / study", "bound / study"))
    for cell in cells:
        slots, jobs, pools = cell
        case = problem("plan", given.seed, jobs=jobs, pools=pools, T=slots, grid=10_800 if slots == 224 else 3600)
        result = measured(case, given.limit, processor=given.processor)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            row(slots, f"{jobs} x {pools}", *outcome_cells(result), memory, *_ratios(result.outcome, cell, given.seed))
        )


def _ratios(outcome: object, cell: tuple[int, int, int], seed: int) -> tuple[str, str]:
    if not isinstance(outcome, Solved) or seed != 1 or cell not in STUDY:
        return "-", "-"
    cost, bound = STUDY[cell]
    paid = "-" if cost is None else f"{outcome.cost_uusd / 1e6 / cost:.3f}"
    return paid, f"{outcome.bound_uusd / 1e6 / bound:.3f}"
