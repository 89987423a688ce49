"""What else could be done: savings against all on-demand, and the best plan under other restrictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from advisor.places import has_both_bases
from advisor.planning import Answer, Question, SideQuestions
from advisor.recommend import Costed, costed
from advisor.recommendation import Alternative, Money, Savings
from solver import Infeasible, Solved


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another way to do the same jobs, in words and as a question."""

    description: str
    question: Question
    impossible: str | None = None


def comparisons(base: Question) -> list[Comparison]:
    """List the alternatives of the contract; one that cannot even be asked says why."""
    plan = base.plan
    bases = "; ".join(
        f"{c.name} on {'marginal' if c.cost.basis == 'full' else 'full'} cost"
        for c in plan.clusters
        if has_both_bases(c)
    )
    found = [
        Comparison("on clouds alone", replace(base, scope="clouds")),
        Comparison(
            "on owned nodes alone",
            replace(base, scope="owned"),
            None if plan.clusters else "the plan has no clusters",
        ),
        Comparison("the fastest: earliest last finish, then cheapest", replace(base, objective="finish")),
    ]
    if base.running:
        names = ", ".join(base.running)
        found.append(Comparison(f"nothing moves: {names} only where it runs now", replace(base, stay=True)))
    if bases:
        found.append(Comparison(f"on the other cost basis ({bases})", replace(base, other_basis=True)))
    elif plan.clusters:
        reason = "no cluster states the fields of both bases (capex_usd_per_node, amortization_years, idle_power_kw)"
        found.append(Comparison("on the other cost basis", base, reason))
    return found


def alternatives(asked: Sequence[Comparison], plan: Costed, side: SideQuestions) -> list[Alternative]:
    """Answer every comparison; one that can be done says by job what it costs more or less than `plan`."""
    return [
        _not_done(one, "infeasible", one.impossible)
        if one.impossible
        else _alternative(one, side.ask(one.question), plan)
        for one in asked
    ]


def _not_done(comparison: Comparison, status: str, reason: str) -> Alternative:
    return Alternative.model_validate(
        {
            "description": comparison.description,
            "total": None,
            "finish": None,
            "status": status,
            "gap": None,
            "reason": reason,
        }
    )


def _alternative(comparison: Comparison, answer: Answer, plan: Costed) -> Alternative:
    outcome, ledger = answer.outcome, answer.formulation.ledger
    if isinstance(outcome, Solved):
        result = costed(outcome, ledger)
        return Alternative(
            description=comparison.description,
            total=Money.of_cents(result.total_cents),
            finish=ledger.grid.moment(result.finish_seconds),
            status=outcome.status,
            gap=result.gap,
            reason=difference(plan, result),
        )
    if isinstance(outcome, Infeasible):
        return _not_done(comparison, "infeasible", _why(answer))
    return _not_done(comparison, "undecided", "no plan was found in the time left for alternatives")


def difference(plan: Costed, other: Costed) -> str | None:
    """Say job by job what another plan costs more or less, and where it runs instead; None where no cost differs."""
    words = []
    for mine, theirs in zip(plan.jobs, other.jobs, strict=True):
        more = Decimal(theirs.cost.amount) - Decimal(mine.cost.amount)
        if more == 0:
            continue
        here, there = _places(plan, mine.job), _places(other, mine.job)
        instead = f" ({there} instead of {here})" if here != there else ""
        words.append(f"{mine.job} {'+' if more > 0 else '-'}${abs(more):,.2f}{instead}")
    return "; ".join(words) or None


def _places(plan: Costed, job: str) -> str:
    names = [s.cluster or s.commitment or f"{s.machine} {s.market}" for s in plan.segments if s.job == job]
    return " + ".join(dict.fromkeys(names))


def _why(answer: Answer) -> str:
    """Say in a few words why a restricted plan cannot be done."""
    ledger = answer.formulation.ledger
    if ledger.jobs_without_options:
        return f"no configuration for {', '.join(ledger.jobs_without_options)}"
    return "the plan's deadlines, limits and budgets cannot all hold there"


def savings(base: Question, plan: Costed, side: SideQuestions) -> Savings | None:
    """Compare with the cheapest plan on on-demand offers alone; None where there is none."""
    if any("on_demand" not in job.markets for job in base.plan.jobs):
        return None
    answer = side.ask(replace(base, scope="on_demand"))
    if not isinstance(answer.outcome, Solved):
        return None
    other = costed(answer.outcome, answer.formulation.ledger)
    return Savings(
        total=Money.of_cents(other.total_cents),
        saved=Money.of_cents(other.total_cents - plan.total_cents),
        finish=answer.formulation.ledger.grid.moment(other.finish_seconds),
        status=answer.outcome.status,
        gap=other.gap,
    )
