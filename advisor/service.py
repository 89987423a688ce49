"""Wires one request together: plan and offers in, a verified recommendation out.

The command line and the REST service both come through here; everything below is pure but the clock and the database.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from advisor import __version__
from advisor.assumptions import assumptions, warnings
from advisor.compare import alternatives, comparisons, savings
from advisor.configurations import allows, unmeasured_machines
from advisor.explain import explain
from advisor.explain.asking import Search
from advisor.explain.relief import reliefs_of
from advisor.explain.requirements import requirements_of
from advisor.offer_places import offer_places
from advisor.places import Exclusion
from advisor.plan.load import LoadedPlan
from advisor.plan.references import machine_names
from advisor.planning import Answer, ProgressListener, Question, SideQuestions, ask, places_in
from advisor.progress import NOTHING_RUNS, Remainder
from advisor.recommend import costed
from advisor.recommendation import Excluded, Infeasibility, Money, PlanReference, Recommendation, Relief
from advisor.sensitivity import cases, sensitivity
from advisor.speeds import speeds_of
from advisor.unfit import jobs_that_fit_nowhere, may_rent
from pricing.offer import Offer
from solver import Infeasible, Solved

# The main solve comes first; a fifth of the time is kept for savings and alternatives (contract, advisor plan).
MAIN_SHARE = 0.8
DEFAULT_TIME_LIMIT_S = 60.0
# Work granted to each question beside the main one, as a share of the time limit: the same on every machine.
SIDE_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """A plan with the offers that count as of a moment. `exempt_from_age` holds for a run's own price file.

    Bundled offers are always exempt, and always announced.
    """

    loaded: LoadedPlan
    offers: Sequence[Offer]
    as_of: datetime
    max_age: timedelta
    exempt_from_age: bool = False
    time_limit_s: float = DEFAULT_TIME_LIMIT_S
    seed: int = 0
    objective: Literal["cost", "time"] = "cost"
    remainder: Remainder | None = None


@dataclass(frozen=True, slots=True)
class PricesMissing:
    """Some jobs have configurations that fit, and none of them has a price that may be used."""

    jobs: tuple[str, ...]
    excluded: tuple[Exclusion, ...]

    def text(self) -> str:
        """Say what is missing and what to do."""
        lines = [
            f"No usable price for {', '.join(self.jobs)}: there are configurations that fit, and none has a price."
        ]
        shown = [f"  {e.what}: {e.reason}" for e in self.excluded[:8]]
        if len(self.excluded) > len(shown):
            shown.append(f"  … and {len(self.excluded) - len(shown)} more")
        cure = (
            "Give prices for this run with --prices FILE.csv, or store them with `advisor prices import FILE.csv`; "
            "`advisor prices status` says what is stored and how old it is. With ADVISOR_REFERENCE_PRICES=on (the "
            "default) the bundled reference prices fill the gaps of the price book."
        )
        return "\n".join([*lines, *(["Offers that may not be used:", *shown] if shown else []), cure])


def recommend_plan(request: PlanRequest, progress: ProgressListener | None = None) -> Recommendation | PricesMissing:
    """Answer a plan within its time limit: the main solve, then savings and alternatives, or the explanation."""
    deadline = time.monotonic() + request.time_limit_s
    loaded = request.loaded
    question, unusable = question_of(request)
    homeless = jobs_that_fit_nowhere(loaded.plan, loaded.shapes)
    if homeless:
        return _not_planned(request, None, Infeasibility(conflict=homeless, repairs=[]), unusable)
    unpriced = _unpriced_jobs(question)
    if unpriced:
        return PricesMissing(tuple(unpriced), tuple(unusable))
    main = replace(question, objective="finish") if request.objective == "time" else question
    answer = ask(main, request.time_limit_s * MAIN_SHARE, progress)
    if isinstance(answer.outcome, Solved):
        return _planned(request, question, answer, unusable, deadline)
    if isinstance(answer.outcome, Infeasible):
        search = Search(question, deadline)
        why = explain(search)
        return _not_planned(request, answer, why, unusable, was_cut=search.was_cut)
    return _not_planned(request, answer, None, unusable)


def unpriced(request: PlanRequest) -> PricesMissing | None:
    """Say which jobs have no price that may be used, or return None."""
    question, unusable = question_of(request)
    jobs = _unpriced_jobs(question)
    return PricesMissing(tuple(jobs), tuple(unusable)) if jobs else None


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer with what each requirement costs, the dearest first, and the paths that time did not price."""

    recommendation: Recommendation
    reliefs: list[Relief]
    unpriced: list[str]


def explain_plan(request: PlanRequest, progress: ProgressListener | None = None) -> Explained | PricesMissing:
    """Answer a plan in half of its time limit, and price its requirements in the rest."""
    deadline = time.monotonic() + request.time_limit_s
    answer = recommend_plan(replace(request, time_limit_s=request.time_limit_s / 2), progress)
    if isinstance(answer, PricesMissing):
        return answer
    if answer.total is None:
        return Explained(answer, [], [])
    question, _ = question_of(request)
    reliefs = reliefs_of(Search(question, deadline), int(Decimal(answer.total.amount) * 100))
    priced = {relief.path for relief in reliefs}
    unpriced = [r.path for r in requirements_of(question.plan) if r.path not in priced]
    return Explained(answer, reliefs, unpriced)


def question_of(request: PlanRequest) -> tuple[Question, list[Exclusion]]:
    """Return what is asked, with the offers that may be used, and why the others may not."""
    loaded = request.loaded
    max_age = [None if request.exempt_from_age or offer.bundled else request.max_age for offer in request.offers]
    ages = dict(enumerate(max_age))
    places, unusable = offer_places(request.offers, loaded.plan, as_of=request.as_of, max_age=ages, grid=loaded.grid)
    running = NOTHING_RUNS if request.remainder is None else request.remainder.running
    question = Question(
        plan=loaded.plan,
        grid=loaded.grid,
        offers=places,
        shapes=loaded.shapes,
        seed=request.seed,
        running=running,
    )
    return question, unusable


def _unpriced_jobs(question: Question) -> list[str]:
    """Name the jobs with configurations that fit placement, markets and nodes, none of which has a usable price."""
    plan = question.plan
    places = places_in(question)
    missing = []
    for job in plan.jobs:
        shape = question.shapes[job.name]
        # Too few available nodes of a place are no missing price.
        machines = {place.machine for place in places if allows(job, plan, place)}
        priced = any(speeds_of(job, shape, plan, machine).known for machine in machines)
        rentable = (name for name in sorted(machine_names(plan)) if may_rent(job, plan, name))
        if not priced and any(speeds_of(job, shape, plan, name).known for name in rentable):
            missing.append(job.name)
    return missing


def _planned(
    request: PlanRequest, question: Question, answer: Answer, unusable: Sequence[Exclusion], deadline: float
) -> Recommendation:
    assert isinstance(answer.outcome, Solved)  # noqa: S101  the caller matched the outcome
    outcome, ledger, loaded = answer.outcome, answer.formulation.ledger, request.loaded
    result = costed(outcome, ledger)
    used = [ledger.configurations[s.job, s.pool, s.nodes] for s in outcome.segments]
    compared, unkind = comparisons(question), cases(question, ledger)
    count = 1 + sum(one.impossible is None for one in compared) + len(unkind)
    side = SideQuestions(work_s=request.time_limit_s * SIDE_SHARE, deadline=deadline, pending=count)
    saved = savings(question, result, side)
    others = alternatives(compared, result, side)
    held = sensitivity(unkind, outcome, ledger, result, side)
    return Recommendation(
        **_head(request),
        status=outcome.status,
        stopped_by="wall_time" if side.was_cut else outcome.stopped_by,
        total=Money.of_cents(result.total_cents),
        lower_bound=Money.of_cents(result.lower_bound_cents),
        gap=result.gap,
        segments=result.segments,
        jobs=result.jobs,
        lines=result.lines,
        savings=saved,
        idle=result.idle,
        assumptions=[*_since(request), *assumptions(loaded, ledger, request.objective)],
        warnings=warnings(loaded, ledger, request.as_of, request.max_age, used),
        excluded=_excluded(question, [*ledger.exclusions, *unusable]),
        alternatives=others,
        sensitivity=held,
        infeasibility=None,
    )


def _since(request: PlanRequest) -> Sequence[str]:
    """What is done already, where only the rest is planned."""
    return () if request.remainder is None else request.remainder.said


def _not_planned(
    request: PlanRequest,
    answer: Answer | None,
    why: Infeasibility | None,
    unusable: Sequence[Exclusion],
    *,
    was_cut: bool = False,
) -> Recommendation:
    exclusions = [*(answer.formulation.ledger.exclusions if answer else ()), *unusable]
    loaded = request.loaded
    return Recommendation(
        **_head(request),
        status="undecided" if why is None else "infeasible",
        stopped_by="wall_time" if was_cut else answer.outcome.stopped_by if answer else "proof",
        total=None,
        lower_bound=None,
        gap=None,
        segments=[],
        jobs=[],
        lines=[],
        savings=None,
        idle=[],
        assumptions=[*_since(request), *assumptions(loaded, answer.formulation.ledger, request.objective)]
        if answer
        else [],
        warnings=warnings(loaded, answer.formulation.ledger, request.as_of, request.max_age) if answer else [],
        excluded=[Excluded(what=e.what, reason=e.reason) for e in exclusions],
        alternatives=[],
        sensitivity=[],
        infeasibility=why,
    )


def _head(request: PlanRequest) -> dict[str, object]:
    plan, grid = request.loaded.plan, request.loaded.grid
    return {
        "id": f"rec_{secrets.token_hex(8)}",
        "plan": PlanReference(name=plan.name, sha256=request.loaded.sha256),
        "created_at": datetime.now(UTC).replace(microsecond=0),
        "as_of": request.as_of,
        "software": f"advisor {__version__}",
        "seed": request.seed,
        "start": grid.start,
        "horizon": grid.moment(grid.hours * 3600),
    }


def _excluded(question: Question, exclusions: Sequence[Exclusion]) -> list[Excluded]:
    everything = [*exclusions, *unmeasured_machines(question.offers, question.plan.jobs)]
    return [Excluded(what=e.what, reason=e.reason) for e in everything]
