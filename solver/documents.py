"""Problem files: strict JSON in (`gpuplan-problem/1`)."""

import json
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from solver.problem import Budget, Choice, Job, Pool, Problem, Steps
from solver.solution import Reason

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROBLEM_FORMAT = "gpuplan-problem/1"
LARGEST = 2**53
MAX_SHOWN = 20


class ProblemInvalid(Exception):
    """The document is no problem: every fault with its path."""

    def __init__(self, faults: list[Reason]) -> None:
        self.faults = faults
        shown = [f"{fault.path}: {fault.says}" if fault.path else fault.says for fault in faults[:MAX_SHOWN]]
        more = [f"and {len(faults) - MAX_SHOWN} more"] if len(faults) > MAX_SHOWN else []
        super().__init__("\n".join([*shown, *more]))


def read_problem(text: str | bytes) -> Problem:
    """Read a problem file.

    Raises:
        ProblemInvalid: broken JSON, unknown or missing fields, wrong types, or parts that contradict each other.
    """
    document = read_object(text)
    if document.pop("format", None) != PROBLEM_FORMAT:
        raise ProblemInvalid([Reason("format", f"must be {PROBLEM_FORMAT!r}")])
    document.setdefault("end_grid_s", document.get("grid_s"))
    for job in document.get("jobs", []) if isinstance(document.get("jobs"), list) else []:
        if isinstance(job, dict):
            job.setdefault("release_s", 0)
            job.setdefault("deadline_s", document.get("horizon_s"))
    for budget in document.get("budgets", []) if isinstance(document.get("budgets"), list) else []:
        if isinstance(budget, dict):
            budget.setdefault("pools", None)
            budget.setdefault("jobs", None)
    problem = _typed(document)
    faults = list(_faults(problem))
    if faults:
        raise ProblemInvalid(faults)
    return problem


@cache
def _adapter() -> "TypeAdapter[Problem]":
    from pydantic import TypeAdapter

    return TypeAdapter(Problem)


def _typed(document: dict[str, Any]) -> Problem:
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        faults = [
            Reason(_path(found["loc"]), f"{found['msg']} (got {str(found['input'])[:40]})")
            for found in error.errors(include_url=False)
        ]
        raise ProblemInvalid(faults) from None


def _path(location: Iterable[int | str]) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def read_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object whose keys are unique and whose numbers are finite.

    Raises:
        ProblemInvalid: it is none.
    """
    document = _json(text)
    if not isinstance(document, dict):
        raise ProblemInvalid([Reason("", "must be a JSON object")])
    return document


def _json(text: str | bytes) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ProblemInvalid([Reason("", f"the key {min(twice)!r} is given twice in one object")])
        return dict(items)

    def constant(word: str) -> Any:
        raise ProblemInvalid([Reason("", f"{word} is no number of a problem")])

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise ProblemInvalid([Reason("", f"line {error.lineno}, column {error.colno}: {error.msg}")]) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise ProblemInvalid([Reason("", f"cannot be read: {error}")]) from None


def _faults(problem: Problem) -> Iterable[Reason]:
    """Check what types cannot say."""
    if problem.grid_s <= 0 or problem.end_grid_s <= 0 or problem.grid_s % problem.end_grid_s:
        yield Reason("end_grid_s", "must be positive and divide grid_s")
        return
    if problem.horizon_s <= 0 or problem.horizon_s % problem.grid_s or problem.horizon_s > LARGEST:
        yield Reason("horizon_s", "must be a positive multiple of grid_s")
    yield from _unique("pools", [pool.id for pool in problem.pools])
    yield from _unique("jobs", [job.id for job in problem.jobs])
    for i, pool in enumerate(problem.pools):
        yield from _pool_faults(f"pools[{i}]", pool, problem)
    for i, quota in enumerate(problem.quotas):
        yield from _steps(f"quotas[{i}].limit", quota.limit, problem)
        yield from _names(f"quotas[{i}].pools", quota.pools, {pool.id for pool in problem.pools})
    for i, job in enumerate(problem.jobs):
        yield from _job_faults(f"jobs[{i}]", job, problem)
    for i, choice in enumerate(problem.choices):
        yield from _choice_faults(f"choices[{i}]", choice, problem)
    if problem.max_interrupts_ppm is not None and problem.max_interrupts_ppm < 0:
        yield Reason("max_interrupts_ppm", "must be at least 0")
    if not problem.objective:
        yield Reason("objective", "must name at least one of cost, finish, risk")
    for i, budget in enumerate(problem.budgets):
        yield from _window(f"budgets[{i}]", budget, problem)
        yield from _names(f"budgets[{i}].pools", budget.pools or (), {pool.id for pool in problem.pools})
        yield from _names(f"budgets[{i}].jobs", budget.jobs or (), {job.id for job in problem.jobs})
    yield from _cycles(problem)


def _unique(path: str, names: list[str]) -> Iterable[Reason]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Reason(f"{path}[{i}].id", f"{name!r} is used twice")


def _names(path: str, names: Iterable[str], known: set[str]) -> Iterable[Reason]:
    for i, name in enumerate(names):
        if name not in known:
            yield Reason(f"{path}[{i}]", f"{name!r} is unknown")


def _steps(path: str, steps: Steps, problem: Problem) -> Iterable[Reason]:
    if not steps or steps[0][0] != 0:
        yield Reason(path, "must start at 0")
    for i, (at, value) in enumerate(steps):
        if at % problem.grid_s or (i and at <= steps[i - 1][0]):
            yield Reason(f"{path}[{i}][0]", "must be a multiple of grid_s and later than the step before")
        if not 0 <= value <= LARGEST:
            yield Reason(f"{path}[{i}][1]", "must be at least 0 and below 2^53")


def _pool_faults(path: str, pool: Pool, problem: Problem) -> Iterable[Reason]:
    yield from _steps(f"{path}.price", pool.price, problem)
    yield from _steps(f"{path}.capacity", pool.capacity, problem)
    billed = pool.min_bill_s
    if billed < 0 or (billed > problem.end_grid_s and billed % problem.grid_s):
        yield Reason(f"{path}.min_bill_s", "must be at most end_grid_s, or a multiple of grid_s")
    if pool.interrupts_ppm_nh < 0:
        yield Reason(f"{path}.interrupts_ppm_nh", "must be at least 0")
    if pool.commit is not None and min(pool.commit.unit_cost, pool.commit.max_units, pool.commit.lot - 1) < 0:
        yield Reason(f"{path}.commit", "unit_cost and max_units must be at least 0, lot at least 1")


def _choice_faults(path: str, choice: Choice, problem: Problem) -> Iterable[Reason]:
    yield from _names(f"{path}.pools", choice.pools, {pool.id for pool in problem.pools if pool.commit is not None})
    for field, value in (("max_pools", choice.max_pools), ("max_units", choice.max_units)):
        if value is not None and value < 0:
            yield Reason(f"{path}.{field}", "must be at least 0")


def _window(path: str, budget: Budget, problem: Problem) -> Iterable[Reason]:
    for field, value in (("from_s", budget.from_s), ("to_s", budget.to_s)):
        if value is not None and (value % problem.grid_s or value < 0):
            yield Reason(f"{path}.{field}", "must be a multiple of grid_s, at least 0")
    if budget.to_s is not None and budget.to_s <= (budget.from_s or 0):
        yield Reason(f"{path}.to_s", "must be later than from_s")


def _job_faults(path: str, job: Job, problem: Problem) -> Iterable[Reason]:
    for field, value in (("release_s", job.release_s), ("deadline_s", job.deadline_s)):
        if value % problem.grid_s or not 0 <= value <= problem.horizon_s:
            yield Reason(f"{path}.{field}", "must be a multiple of grid_s within the horizon")
    if not 0 < job.work <= LARGEST:
        yield Reason(f"{path}.work", "must be positive and below 2^53")
    if job.max_segments is not None and job.max_segments < 1:
        yield Reason(f"{path}.max_segments", "must be at least 1")
    if min([job.hold_cost_h, *job.stage_cost.values(), *job.move_cost.values()]) < 0:
        yield Reason(path, "costs must be at least 0")
    yield from _names(f"{path}.after", [link.job for link in job.after], {other.id for other in problem.jobs})
    for i, link in enumerate(job.after):
        if link.lag_s % problem.grid_s or link.lag_s < 0:
            yield Reason(f"{path}.after[{i}].lag_s", "must be a multiple of grid_s, at least 0")
    yield from _names(f"{path}.options", [o.pool for o in job.options], {pool.id for pool in problem.pools})
    seen: set[tuple[str, int]] = set()
    for i, option in enumerate(job.options):
        if option.nodes < 1 or option.rate < 0 or option.start_s < 0:
            yield Reason(f"{path}.options[{i}]", "nodes must be positive, rate and start_s at least 0")
        if (option.pool, option.nodes) in seen:
            yield Reason(f"{path}.options[{i}]", "is given twice for this pool and node count")
        seen.add((option.pool, option.nodes))


def _cycles(problem: Problem) -> Iterable[Reason]:
    after = {job.id: {link.job for link in job.after} for job in problem.jobs}
    done: set[str] = set()
    while ready := [name for name in after if name not in done and after[name] <= done]:
        done.update(ready)
    for i, job in enumerate(problem.jobs):
        if job.id not in done and after[job.id] <= set(after):
            yield Reason(f"jobs[{i}].after", "waits for itself through its predecessors")
            return
