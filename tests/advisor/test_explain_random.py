"""Random infeasible plans: each conflict is irreducible, and each repair, written into the plan, gives its total."""

import re
import time
from copy import deepcopy

import pytest
from advisor_builders import advise, question_of
from random_plans import Case, best

from advisor.explain.asking import Search
from advisor.explain.conflict import conflict_of, possible_with
from advisor.explain.requirements import requirements_of
from advisor.recommendation import Recommendation


def irreducible(case: Case) -> int:
    """Check a conflict against its own definition, and return its size."""
    question = question_of(case.document(), case.prices())
    search = Search(question, time.monotonic() + 60)
    requirements = requirements_of(question.plan)
    conflict = conflict_of(search, question.plan, requirements)

    assert possible_with(search, question.plan, requirements, conflict) is False, case.seed
    for one in conflict:
        rest = [other for other in conflict if other is not one]
        assert possible_with(search, question.plan, requirements, rest) is True, (case.seed, one.path)
    return len(conflict)


def mended(plan: dict, paths: str, change: str) -> dict | None:
    """Write a repair into the document from its words alone; None where it is not a new value of a field."""
    plan = deepcopy(plan)
    for path, words in zip(paths.split(", "), change.split(" and "), strict=True):
        found = re.search(r"(?:to \$?|probability )([\d.,TZ:-]*\d[Z\d]*)", words)
        if found is None or "available" in path:
            return None
        text = found.group(1)
        value = text if "T" in text else float(text.replace(",", ""))
        here: object = plan
        *way, last = re.findall(r"\w+", path)
        for step in way:
            here = here[int(step) if step.isdigit() else step]  # type: ignore[index]
        here[last] = int(value) if isinstance(value, float) and last.startswith(("max_n", "max_s", "nodes")) else value  # type: ignore[index]
        for window in here.get("available", []) if last == "nodes" else []:  # type: ignore[attr-defined]
            window["nodes"] = here["nodes"]  # type: ignore[index]
    return plan


def repaired(case: Case, answer: Recommendation) -> int:
    """Apply every repair that is a new value of a field, and return how many."""
    count = 0
    assert answer.infeasibility is not None
    for repair in answer.infeasibility.repairs:
        plan = mended(case.document(), repair.path, re.sub(r" \([^)]*\)$", "", repair.change))
        if plan is None:
            continue
        again = advise(plan, *case.prices())
        assert isinstance(again, Recommendation)
        assert again.total is not None, (case.seed, repair)
        assert again.total == repair.total, (case.seed, repair)
        count += 1
    return count


def check(case: Case) -> int:
    """Explain one infeasible case and check what is said."""
    answer = advise(case.document(), *case.prices(), time_limit_s=40)
    if not isinstance(answer, Recommendation):
        return 0
    assert answer.status == "infeasible"
    named = [entry.path for entry in answer.infeasibility.conflict]
    assert named, case.seed
    assert irreducible(case) == (0 if re.fullmatch(r"jobs\[\d\]", named[0]) else len(named))
    return repaired(case, answer)


def infeasible_cases(first: int, wanted: int) -> list[Case]:
    """Return so many cases that enumeration finds impossible."""
    found = []
    for seed in range(first, first + 100 * wanted):
        case = Case(seed)
        if best(case) is None:
            found.append(case)
        if len(found) == wanted:
            break
    return found


def test_conflicts_and_repairs_of_random_plans():
    """Six infeasible plans: without any one of the named requirements the others hold, and repairs cost what they say."""
    assert sum(check(case) for case in infeasible_cases(0, 6)) >= 6


@pytest.mark.slow
def test_conflicts_and_repairs_of_many_random_plans():
    """The same for 100."""
    assert sum(check(case) for case in infeasible_cases(1000, 100)) >= 100
