"""Why no plan is possible: a smallest conflict, and repairs that were solved; what the requirements of a plan cost."""

from collections.abc import Sequence

from advisor.explain.asking import Search
from advisor.explain.conflict import conflict_of
from advisor.explain.repairs import repairs_of
from advisor.explain.requirements import Requirement, requirements_of
from advisor.plan.schema import TrainingPlan
from advisor.recommendation import Conflict, Infeasibility


def explain(search: Search) -> Infeasibility:
    """Name requirements that cannot hold together, and the least changes that make the plan possible."""
    question = search.question
    requirements = requirements_of(question.plan)
    conflict = conflict_of(search, question.plan, requirements)
    if not conflict:
        return Infeasibility(conflict=_facts(search, requirements), repairs=[])
    repairs = repairs_of(search, question.plan, requirements, conflict)
    takes = {repair.path.partition(", ")[0]: repair.change for repair in reversed(repairs)}
    return Infeasibility(
        conflict=[
            Conflict(path=r.path, says=r.says + (f"; it takes {takes[r.path]}" if r.path in takes else ""))
            for r in conflict
        ],
        repairs=repairs,
    )


def _facts(search: Search, requirements: Sequence[Requirement]) -> list[Conflict]:
    """Name the jobs that cannot run even with every requirement lifted: what stands against them is fact."""
    plan = search.question.plan
    for requirement in requirements:
        plan = requirement.without(plan)
    alone = [plan.model_copy(update={"jobs": [job.model_copy(update={"after": []})]}) for job in plan.jobs]
    return [
        _fact(search, index, one) for index, one in enumerate(alone) if search.possible(one, open_end=True) is not True
    ]


def _fact(search: Search, index: int, alone: TrainingPlan) -> Conflict:
    """Say what stands against a job that cannot run by itself: its dataset's way, or too few nodes."""
    (job,) = alone.jobs
    if job.dataset is not None:
        here = alone.model_copy(update={"jobs": [job.model_copy(update={"dataset": None})]})
        if search.possible(here, open_end=True):
            says = f"{job.name}: no transfer price from {job.dataset.location} to any place that can run it is known"
            return Conflict(path=f"jobs[{index}].dataset.location", says=says)
    says = (
        "even without any deadline, budget, limit or placement nothing can run it: too few nodes are available in the "
        "price rows (available_nodes), in commitments and their windows, for any node count with a speed, or what has "
        "a price cannot be planned with (`excluded` says why)"
    )
    return Conflict(path=f"jobs[{index}]", says=f"{job.name}: {says}")
