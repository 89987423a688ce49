"""`python -m solver solve PROBLEM.json`: the optimisation problem by itself, schedule on stdout."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from solver import Infeasible, Solved, solve
from solver.documents import ProblemInvalid, read_problem, schedule_document

FINE, OTHER, BAD_DOCUMENT, NO_SCHEDULE = 0, 1, 2, 3
LONGEST_S = 24 * 3600.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m solver", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "solve", help="solve a gpuplan-problem/1 file", epilog="example: python -m solver solve p.json"
    )
    command.add_argument("problem", metavar="PROBLEM.json", type=Path)
    command.add_argument("--time-limit", metavar="S", type=float, default=60.0, help="seconds, 60 by default")
    command.add_argument("--seed", metavar="N", type=int, default=0)
    given = parser.parse_args(arguments)
    if not 0 < given.time_limit <= LONGEST_S:
        parser.error(f"--time-limit must be above 0 and at most {LONGEST_S:g} seconds")
    if not 0 <= given.seed < 2**31:
        parser.error("--seed must be at least 0 and below 2^31")
    try:
        return _solve(given.problem, given.time_limit, given.seed)
    except ProblemInvalid as error:
        print(f"{given.problem}: {error}", file=sys.stderr)  # noqa: T201  a command prints
        return BAD_DOCUMENT
    except OSError as error:
        print(f"{given.problem}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return BAD_DOCUMENT


def _solve(path: Path, time_limit_s: float, seed: int) -> int:
    problem = read_problem(path.read_bytes())
    outcome = solve(problem, time_limit_s=time_limit_s, seed=seed)
    if isinstance(outcome, Infeasible) and not outcome.conflict:
        from solver.diagnose import diagnose

        outcome = replace(outcome, conflict=diagnose(problem, seed))
    print(json.dumps(schedule_document(problem, outcome), indent=1))  # noqa: T201
    return FINE if isinstance(outcome, Solved) else NO_SCHEDULE


if __name__ == "__main__":
    sys.exit(main())
