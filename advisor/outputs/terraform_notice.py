"""NOTICE.md of the folder `terraform/`: what the plan rents, what its reader must give, and what is not in it."""

from collections.abc import Sequence
from decimal import Decimal

from advisor.outputs.markdown import escaped
from advisor.outputs.phrases import counted, pool, runs_on, site, usd
from advisor.outputs.terraform_pools import HELD, Pool
from advisor.recommendation import Recommendation
from pricing.moments import moment_text

DISCOUNTS = ("reserved_1y", "reserved_3y", "savings_plan")


def notice(recommendation: Recommendation, pools: Sequence[Pool]) -> str:
    """Write the notice."""
    made = [one for one in pools if one.left_out is None]
    title = f"# What this folder rents: plan {escaped(recommendation.plan.name)}, {recommendation.id}"
    sections = [
        title,
        _answer(recommendation, pools, made),
        _table(made),
        _given_by_you(made),
        _left_out([one for one in pools if one.left_out is not None]),
        _owned(recommendation),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _answer(recommendation: Recommendation, pools: Sequence[Pool], made: Sequence[Pool]) -> str:
    if recommendation.total is None:
        return f"The plan has no answer ({recommendation.status}), so nothing is rented: Terraform makes no resources."
    if not pools:
        return "Nothing is rented: the plan runs on owned nodes alone. Terraform makes no resources."
    if not made:
        return "Terraform makes no resources: none of what the plan rents can be made by the modules here (see below)."
    total = sum((one.planned_usd for one in made), Decimal(0))
    return (
        f"{counted(len(made), 'pool')}, planned at {usd(total)}. How to apply it, what it costs to leave standing "
        "and how to destroy it: README.md."
    )


def _table(made: Sequence[Pool]) -> str:
    if not made:
        return ""
    rows = [
        "| pool | job | runs on | place | nodes | from, UTC | to, UTC | planned |",
        "|---|---|---|---|--:|---|---|--:|",
    ]
    for one in made:
        for index, (start, end) in enumerate(one.windows):
            cells = [
                one.name,
                escaped(one.first.job),
                escaped(pool(one.first)),
                escaped(site(one.first)),
                str(one.first.nodes),
                moment_text(start),
                moment_text(end),
                usd(one.planned_usd) if index == 0 else "with the first",
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _given_by_you(made: Sequence[Pool]) -> str:
    """List what the plan cannot know, in the words of the variables that take it."""
    items = []
    for key in dict.fromkeys(one.reservation for one in made if one.first.market in HELD and one.reservation):
        names = ", ".join(one.name for one in made if one.reservation == key)
        items.append(
            f"`reservations`, key {escaped(key)}: id and kind of the capacity that you hold, for {names}. Until it is "
            "given, nothing of these pools is made. Nothing here buys a Capacity Block: it is prepaid and final."
        )
    anywhere = [one.name for one in made if one.first.zone is None and one.first.market not in HELD]
    if anywhere:
        items.append(
            f"`zones`: the plan's price holds for the whole region of {', '.join(anywhere)}. Without an entry the "
            "first zone that offers the machine is taken; name the one where your quota and capacity are."
        )
    if discounted := [one.name for one in made if one.first.market in DISCOUNTS]:
        items.append(
            f"{', '.join(discounted)}: launched on demand. The planned price needs the commitment (Reserved Instances, "
            "Savings Plan, committed use) that you buy apart."
        )
    if any(one.first.provider == "aws" for one in made):
        items.append("`budget_alert_emails`: who is told when the AWS budget is spent.")
    if any(one.first.provider == "gcp" for one in made):
        items.append(
            "`gcp_project`, `gcp_billing_account` (for the budget), and `gcp_scheduler_service_account`: without the "
            "last, apply at the start of every window (`terraform output apply_again_at`)."
        )
    return _section("Given by you, in site.auto.tfvars.json", items)


def _left_out(left: Sequence[Pool]) -> str:
    items = [
        f"{escaped(one.first.job)} on {one.first.nodes} x {escaped(runs_on(one.first))}: {escaped(one.left_out or '')}"
        for one in left
    ]
    return _section("Rented by the plan, not made here", items)


def _owned(recommendation: Recommendation) -> str:
    names = dict.fromkeys(one.cluster for one in recommendation.segments if one.kind == "local" and one.cluster)
    return _section("On owned nodes, nothing to rent", [escaped(name) for name in names])


def _section(title: str, items: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {item}" for item in items)]) if items else ""
