"""What commands that plan have in common: their options, and the request they make of a plan and its prices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from advisor.plan.load import LoadedPlan
    from advisor.service import PlanRequest
    from advisor.settings import Settings
    from pricing.offer import Offer

Command = TypeVar("Command", bound=Callable[..., Any])
LONGEST_TIME_LIMIT_S = 24 * 3600.0


def price_options(command: Command) -> Command:
    """Add --as-of and --prices: which prices count."""
    prices = click.option(
        "--prices",
        "price_path",
        metavar="FILE.csv",
        type=click.Path(path_type=Path),
        help="Use these prices alone.",
    )
    as_of = click.option(
        "--as-of", metavar="T", help="Moment whose prices count, like 2026-11-24T00:00:00Z. Default: now."
    )
    return as_of(prices(command))


def search_options(seconds: float) -> Callable[[Command], Command]:
    """Add --time-limit, so many seconds by default, and --seed."""

    def added(command: Command) -> Command:
        seed = click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
        limit = click.option(
            "--time-limit", "time_limit_s", metavar="S", type=float, default=seconds, show_default=True, help="Seconds."
        )
        return limit(seed(command))

    return added


def request_for(
    loaded: "LoadedPlan", as_of: datetime, price_path: Path | None, chosen: "Settings", **more: Any
) -> "PlanRequest":
    """Make the request of a plan with the offers that count; `more` are its other fields."""
    from advisor.service import PlanRequest

    return PlanRequest(
        loaded=loaded,
        offers=offers_of(loaded, as_of, price_path, chosen),
        as_of=as_of,
        max_age=timedelta(hours=chosen.price_max_age_hours),
        exempt_from_age=price_path is not None,
        **more,
    )


def checked_time_limit(seconds: float) -> float:
    """Return a time limit that can be kept."""
    from advisor.errors import UsageInvalid

    if not 1 <= seconds <= LONGEST_TIME_LIMIT_S:
        raise UsageInvalid(f"--time-limit must be between 1 and {LONGEST_TIME_LIMIT_S:g} seconds, not {seconds:g}")
    return seconds


def moment_option(name: str, text: str | None) -> datetime:
    """Read an option that is a moment; without one it is now."""
    from advisor.errors import UsageInvalid
    from pricing.moments import moment

    if text is None:
        return datetime.now(UTC)
    try:
        return moment(text)
    except ValueError as error:
        raise UsageInvalid(f"{name}: {error}") from None


def offers_of(loaded: "LoadedPlan", as_of: datetime, price_path: Path | None, chosen: "Settings") -> "list[Offer]":
    """Read the run's own price file, or the price book."""
    from advisor.cli.prices import read_sheet, report_rejected
    from advisor.errors import UsageInvalid
    from advisor.offers import offers_in_book, offers_in_rows

    if price_path is None:
        let_in = chosen.reference_prices == "on"
        return offers_in_book(loaded.plan, as_of, chosen.database_url, reference_prices=let_in)
    sheet = read_sheet(price_path)
    report_rejected(price_path, sheet.rejected)
    if not sheet.rows:
        raise UsageInvalid(f"{price_path} holds no usable price row")
    return offers_in_rows(loaded.plan, as_of, sheet.rows)
