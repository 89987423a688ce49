"""How both forms of the weekly report say the same: headline, rows of its tables, cells already in words."""

from decimal import Decimal

from advisor.outputs.phrases import clock, counted, percent, usd, usd_difference
from advisor.weekly.document import Move, OpenPlan, Solve, WeeklyReport

MOST_MOVES = 40
STATUS = {
    "optimal": "proved optimal",
    "feasible": "feasible",
    "infeasible": "infeasible",
    "undecided": "undecided",
    "prices_missing": "no price",
    "done": "done",
    "not_solved": "not solved",
}
MOVE_HEADS = (
    "Machine",
    "Market",
    "Place",
    "Week before>",
    "This week>",
    "Change>",
    "Last>",
    "Moves>",
    "Last seen",
    "Source",
)
PLAN_HEADS = ("Plan", "Ends", "Week before>", "At new prices>", "Now>", "Change>", "By prices>", "By time>", "Status")
MONTH_HEADS = ("Plan", "Job", "Month", "Cost>")
OLD_HEADS = ("Provider", "Machine", "Market", "Places>", "Youngest, hours>", "Oldest, hours>")


def headline(report: WeeklyReport) -> str:
    """Say the week in one line."""
    if report.empty:
        return "An empty week: no price was seen in it, and no stored plan goes on after it."
    moved, old = sum(1 for move in report.moves if move.change), sum(old.places for old in report.old_prices)
    prices = counted(len(report.moves), "price")
    parts = [f"{counted(report.observations, 'observation')}", f"{moved:,} of {prices} moved"]
    parts += [counted(len(report.plans), "open plan"), f"{counted(old, 'price')} too old"]
    return " · ".join(parts)


def period(report: WeeklyReport) -> str:
    """Say which time the report covers and whose prices count."""
    whole = "" if report.as_of == report.end else ", not over yet"
    return (
        f"From {clock(report.begin)} to {clock(report.end)}{whole}; prices as of {clock(report.as_of)}; "
        f"{report.software}. USD per machine-hour, means weighted by time. All times are UTC."
    )


def shown_moves(report: WeeklyReport) -> tuple[list[Move], int]:
    """Return the prices that moved, or are new, the largest first, and how many are left out."""
    moved = [move for move in report.moves if move.change or move.before_usd_per_hour is None or move.changes]
    return moved[:MOST_MOVES], len(report.moves) - len(moved[:MOST_MOVES])


def move_cells(move: Move) -> list[str]:
    """Write a price move as cells."""
    share = "new" if move.change is None else f"{'+' if move.change > 0 else '-' if move.change < 0 else ''}"
    foreign = "" if move.currency == "USD" else f" {move.currency}"
    return [
        f"{move.provider} {move.machine}",
        move.market.replace("_", " "),
        move.place,
        "unknown" if move.before_usd_per_hour is None else move.before_usd_per_hour + foreign,
        (move.usd_per_hour or "unknown") + foreign,
        share if move.change is None else share + percent(abs(_decimal(move.change))),
        move.last_usd_per_hour + foreign,
        f"{move.changes:,}",
        clock(move.observed_at),
        move.source,
    ]


def plan_cells(plan: OpenPlan) -> list[str]:
    """Write an open plan as cells."""
    return [
        plan.plan,
        clock(plan.finish),
        _cost(plan.before),
        _cost(plan.repriced),
        _cost(plan.now),
        *(
            "unknown" if amount is None else usd_difference(_decimal(amount.amount))
            for amount in (plan.change, plan.by_prices, plan.by_time)
        ),
        STATUS[plan.now.status],
    ]


def month_cells(report: WeeklyReport) -> list[list[str]]:
    """Write cost by plan, job and month as rows."""
    return [
        [plan.plan, month.job or "whole plan", month.month, usd(month.cost.amount)]
        for plan in report.plans
        for month in plan.months
    ]


def old_cells(report: WeeklyReport) -> list[list[str]]:
    """Write what is too old as rows."""
    return [
        [o.provider, o.machine, o.market, f"{o.places:,}", f"{o.youngest_hours:,.1f}", f"{o.oldest_hours:,.1f}"]
        for o in report.old_prices
    ]


def _cost(solve: Solve) -> str:
    return STATUS[solve.status] if solve.total is None else usd(solve.total.amount)


def _decimal(number: float | str) -> Decimal:
    return Decimal(str(number))
