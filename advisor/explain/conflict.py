"""Why no plan is possible: requirements that cannot hold together, each proved by solving without the others.

A deletion filter (Chinneck and Dravnieks 1991): starting from everything that can be relaxed, one requirement after the
other is dropped where the rest is still infeasible. What remains is infeasible by proof, and irreducible: when a
requirement was kept, the rest was possible without it, and dropping more has only made that easier. Where time runs
out the set is larger than need be, never wrong.
"""

from collections.abc import Sequence

from advisor.explain.asking import Search
from advisor.explain.requirements import Requirement
from advisor.plan.schema import TrainingPlan

HORIZON = "horizon_days"


def conflict_of(search: Search, plan: TrainingPlan, requirements: Sequence[Requirement]) -> list[Requirement]:
    """Drop requirement after requirement while the rest stays infeasible; `plan` is infeasible with all of them."""
    kept = list(requirements)
    for requirement in requirements:
        if search.time_is_up:
            break
        rest = [other for other in kept if other is not requirement]
        if possible_with(search, plan, requirements, rest) is False:
            kept = rest
    return kept


def possible_with(
    search: Search, plan: TrainingPlan, everything: Sequence[Requirement], kept: Sequence[Requirement]
) -> bool | None:
    """Whether the plan is possible with these requirements alone."""
    for requirement in everything:
        if requirement not in kept:
            plan = requirement.without(plan)
    return search.possible(plan, open_end=not any(requirement.path == HORIZON for requirement in kept))
