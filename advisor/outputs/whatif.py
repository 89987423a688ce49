"""A what-if study in the terminal: today's answer, then each change with what it costs more or less."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from advisor.outputs.page import Column, Page
from advisor.outputs.phrases import percent_at_most, usd, usd_difference

Entry = Mapping[str, Any]


def render_whatif(document: Entry, console: Console) -> None:
    """Print the study."""
    page = Page(console)
    base = document["base"]
    total = "no plan" if base["total"] is None else usd(base["total"]["amount"])
    finish = f", done {base['finish']}" if base["finish"] else ""
    page.panel([[page.text(f"{document['plan']} today: {total}, {_proof(base)}{finish}", "bold")]], "green")
    if document["changes"]:
        page.heading("Changes")
        _table(page, "Change", [(one["name"], one) for one in document["changes"]])
    if "frontier" in document:
        page.heading("Frontier of cost and last finish", "no plan is both cheaper and earlier than one of these")
        _table(page, "Done by, UTC", [(one["finish"], one) for one in document["frontier"]])
    if "break_even" in document:
        _break_even(page, document["break_even"])
    if "buy" in document:
        _buy(page, document["buy"])


def _proof(one: Entry) -> str:
    if one["status"] == "feasible" and one["gap"] is not None:
        return f"within {percent_at_most(one['gap'])} of the best possible"
    return {"optimal": "proved optimal", "no_prices": "no usable price"}.get(one["status"], str(one["status"]))


def _table(page: Page, header: str, entries: Sequence[tuple[str, Entry]]) -> None:
    rows = []
    for name, one in entries:
        why = one.get("because") or one.get("reason") or ""
        more = one.get("difference")
        rows.append(
            [
                page.stack(page.text(name), page.text(why, "dim")),
                page.text("no plan" if one["total"] is None else usd(one["total"]["amount"])),
                Text() if more is None else page.text(usd_difference(Decimal(more["amount"]))),
                page.text(_proof(one), "dim"),
            ]
        )
    columns = [Column(header), Column("Total", figures=True), Column("Difference", figures=True), Column("Proof")]
    page.table(columns, rows)


def _break_even(page: Page, found: Entry) -> None:
    name = f"{found['machine']} {found['market']}"
    page.heading(f"Break-even of {name}", "USD per hour of its cheapest place; all its places move alike")
    if found["today"] is None:
        page.bullets([found["reason"]])
        return
    today = found["today"]
    page.bullets([f"today {usd(today['usd_per_hour'])}: {today['node_hours']} node-hours in the plan"])
    if found["stays_at"] is None or found["changes_at"] is None:
        page.bullets([str(found["reason"])])
        return
    stays, changes = found["stays_at"], found["changes_at"]
    page.bullets(
        [
            f"the same at {usd(stays['usd_per_hour'])}: the plan costs {usd(stays['total']['amount'])}",
            f"from {usd(changes['usd_per_hour'])} on {changes['node_hours']} node-hours, and the plan costs "
            f"{usd(changes['total']['amount'])}: {changes['because'] or 'the same cost elsewhere'}",
        ]
    )


def _buy(page: Page, found: Entry) -> None:
    nodes = found["nodes"]
    page.heading(f"Buy {nodes} more of {found['cluster']}", f"at {usd(found['usd_per_node'])} a node")
    year = found["year"]
    if year is None:
        page.bullets(["no on-demand offer of the same GPUs has a usable price, so there is nothing to compare with"])
    else:
        hours = year["owning_beats_renting_from_hours_a_year"]
        back = year["payback_years_at_full_use"]
        page.bullets(
            [
                f"a year of a node: {usd(year['fixed_usd_per_year'])} fixed, "
                f"{usd(year['usd_per_hour_of_use'])} an hour of use",
                f"rented: {usd(year['rent_usd_per_hour'])} an hour ({year['rented']})",
                "owning never beats renting within a year"
                if hours is None
                else f"owning beats renting from {hours:,.0f} h of use a year ({hours / 8760:.0%})",
                "it never pays back" if back is None else f"paid back in {back:g} years at full use",
            ]
        )
    entries = [
        (f"with {one['nodes']} more, on {one['basis']} cost", one | {"status": "", "gap": None})
        for one in found["plans"]
    ]
    _table(page, "This plan", entries)
