"""Makes the report of a week from what is stored."""

import json
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.archive import Archive
from advisor.errors import UsageInvalid
from advisor.settings import Settings
from advisor.weekly.document import OpenPlan, WeeklyReport
from advisor.weekly.moves import moves, old_prices
from advisor.weekly.replan import last_moment, replanned
from advisor.weekly.week import SEVEN_DAYS, Week
from pricing.book import SpotRule

if TYPE_CHECKING:
    from pricing.observation import PriceRow
    from pricing.offer import Offer

DEFAULT_PLAN_TIME_LIMIT_S = 60.0
NOTES = (
    "Costs are what is still to come: from the next full hour after the moment to the plan's end, at the prices of the "
    "price book; what was spent before is not in them, and budgets are not reduced by it.",
    "Nobody reports progress: a stored recommendation is taken to have been followed. Of a segment that has begun, "
    "tokens are done in proportion to its hours; what is left of it starts up again.",
    "Of plans of one name the newest recommendation counts.",
)


def weekly_report(
    week: Week, now: datetime, chosen: Settings, plan_time_limit_s: float = DEFAULT_PLAN_TIME_LIMIT_S
) -> WeeklyReport:
    """Gather price moves, open plans and old prices of a week, as of its end or now, whichever is earlier.

    Raises:
        UsageInvalid: the week has not begun.
        DatabaseUnavailable: nothing answers there.
    """
    if week.begin >= now.replace(microsecond=0):
        raise UsageInvalid(f"week {week} begins on {week.begin:%Y-%m-%d}; there is nothing to report yet")
    as_of = min(week.end, now.replace(microsecond=0))
    rows, offers = _prices(week.begin, as_of, chosen.database_url)
    inside = sum(1 for row in rows if week.begin <= row.observed_at <= as_of)
    return WeeklyReport(
        week=str(week),
        begin=week.begin,
        end=week.end,
        as_of=as_of,
        software=f"advisor {__version__}",
        observations=inside,
        max_age_hours=chosen.price_max_age_hours,
        moves=moves(rows, week.begin, as_of),
        plans=_open_plans(week, as_of, chosen, plan_time_limit_s),
        old_prices=old_prices(offers, as_of, chosen.price_max_age_hours),
        notes=list(NOTES),
    )


def _prices(begin: datetime, as_of: datetime, database_url: str) -> "tuple[list[PriceRow], list[Offer]]":
    from pricing.store import PriceBook

    with closing(PriceBook.open(database_url)) as book:
        # Two weeks: the report's and the one that it is compared with.
        return book.window(begin - SEVEN_DAYS, as_of), book.offers(as_of, SpotRule(basis="last"))


def _open_plans(week: Week, as_of: datetime, chosen: Settings, limit: float) -> list[OpenPlan]:
    with closing(Archive.open(chosen.database_url)) as archive:
        stored = archive.newest_of_each_plan(as_of)
    return [
        replanned(each.answer, json.loads(each.plan), week, as_of, chosen, limit)
        for each in stored
        if last_moment(each.answer) > as_of
    ]
