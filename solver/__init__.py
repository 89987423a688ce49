"""Integers in, integers out: the optimisation problem, its engine and its checker.

Importing this package loads neither OR-Tools nor NumPy; `solve` does when it is called.
"""

from solver.problem import After, Budget, Choice, Commit, Job, Option, Pool, Problem, Quota
from solver.solution import Infeasible, Progress, Reason, Segment, Solved, Undecided
from solver.solve import CheckFailed, solve
from solver.verify import Violation, exact_cost, violations

__all__ = [
    "After",
    "Budget",
    "CheckFailed",
    "Choice",
    "Commit",
    "Infeasible",
    "Job",
    "Option",
    "Pool",
    "Problem",
    "Progress",
    "Quota",
    "Reason",
    "Segment",
    "Solved",
    "Undecided",
    "Violation",
    "exact_cost",
    "solve",
    "violations",
]
