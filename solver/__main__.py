"""`python -m solver solve PROBLEM.json`: the optimisation problem by itself, schedule on stdout."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from solver import Infeasible, Solved, solve
from solver.documents import ProblemInvalid, read_problem
from solver.schedules import check_schedule, schedule_document

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
    checker = commands.add_parser(
        "check",
        help="check a gpuplan-schedule/1 file: every rule, the exact cost, the certificate; no solver",
        epilog="example: python -m solver check p.json s.json",
    )
    checker.add_argument("problem", metavar="PROBLEM.json", type=Path)
    checker.add_argument("schedule", metavar="SCHEDULE.json", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "check":
        return _guarded(given.problem, lambda: _check(given.problem, given.schedule))
    if not 0 < given.time_limit <= LONGEST_S:
        parser.error(f"--time-limit must be above 0 and at most {LONGEST_S:g} seconds")
    if not 0 <= given.seed < 2**31:
        parser.error("--seed must be at least 0 and below 2^31")
    return _guarded(given.problem, lambda: _solve(given.problem, given.time_limit, given.seed))


def _guarded(path: Path, command: Callable[[], int]) -> int:
    try:
        return command()
    except ProblemInvalid as error:
        print(f"{path}: {error}", file=sys.stderr)  # noqa: T201  a command prints
        return BAD_DOCUMENT
    except OSError as error:
        print(f"{error.filename or path}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return BAD_DOCUMENT


def _check(problem: Path, schedule: Path) -> int:
    faults = check_schedule(read_problem(problem.read_bytes()), schedule.read_bytes())
    print("\n".join(faults) or "holds")  # noqa: T201
    return OTHER if faults else FINE


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
