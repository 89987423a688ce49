"""`advisor plan`: the main job, from a plan document to a recommendation in the terminal and in files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from advisor.plan.load import LoadedPlan
    from advisor.recommendation import Recommendation
    from advisor.settings import Settings
    from pricing.offer import Offer

LONGEST_TIME_LIMIT_S = 24 * 3600.0


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="T", help="Moment whose prices count, like 2026-11-24T00:00:00Z. Default: now.")
@click.option(
    "--prices",
    "price_path",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Use these prices alone.",
)
@click.option(
    "--progress",
    "progress_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Plan only the rest: tokens done, money spent, and where jobs run now.",
)
@click.option("--objective", type=click.Choice(["cost", "time", "risk"]), default="cost", show_default=True)
@click.option("--time-limit", "time_limit_s", metavar="S", type=float, default=60.0, show_default=True, help="Seconds.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the files of the answer there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the recommendation as JSON.")
@click.pass_context
def plan(
    ctx: click.Context,
    plan_path: Path,
    as_of: str | None,
    price_path: Path | None,
    progress_path: Path | None,
    objective: str,
    time_limit_s: float,
    seed: int,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Plan training runs: what to run where, when, with how many nodes, on which market, and why.

    \b
    Example:
      advisor plan plan.yaml --prices prices.csv --out out
    """
    from advisor.archive import Archive
    from advisor.errors import UsageInvalid
    from advisor.outputs.files import write_files
    from advisor.outputs.progress import ProgressView
    from advisor.plan.load import load_plan
    from advisor.progress import read_progress, remainder
    from advisor.service import PlanRequest, PricesMissing, recommend_plan
    from advisor.settings import settings

    if objective == "risk":
        raise UsageInvalid(
            "--objective risk: the risk of spot is not modelled yet, so it cannot be judged; use cost or time"
        )
    checked_time_limit(time_limit_s)
    moment = moment_option("--as-of", as_of)
    chosen = settings()
    loaded = load_plan(plan_path, as_of=moment)
    rest = None
    if progress_path is not None:
        rest = remainder(loaded, read_progress(progress_path), name=str(progress_path), folder=plan_path.parent)
        loaded = rest.loaded
    offers = offers_of(loaded, moment, price_path, chosen)
    request = PlanRequest(
        loaded=loaded,
        offers=offers,
        as_of=moment,
        max_age=timedelta(hours=chosen.price_max_age_hours),
        exempt_from_age=price_path is not None,
        time_limit_s=time_limit_s,
        seed=seed,
        objective="time" if objective == "time" else "cost",
        remainder=rest,
    )
    with ProgressView() as view:
        answer = recommend_plan(request, view.listen)
    if isinstance(answer, PricesMissing):
        click.echo(answer.text(), err=True)
        ctx.exit(4)
    answer = _with_history(answer, price_path, chosen)
    Archive.open(chosen.database_url).store(answer, loaded, offers)
    show(answer, as_json=as_json)
    if folder is not None:
        written = write_files(answer, folder)
        click.echo(f"Wrote {', '.join(str(path) for path in written)}", err=True)
    ctx.exit(0 if answer.total is not None else 3)


def _with_history(answer: "Recommendation", price_path: Path | None, chosen: "Settings") -> "Recommendation":
    """Add past prices of the pools in use, from where the run's prices came."""
    from advisor.cli.prices import read_sheet
    from advisor.price_history import with_book_history, with_rows_history

    if price_path is not None:
        return with_rows_history(answer, read_sheet(price_path).rows)
    return with_book_history(answer, chosen.database_url, reference_prices=chosen.reference_prices == "on")


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


def show(answer: "Recommendation", *, as_json: bool) -> None:
    """Print a recommendation for a person, or as JSON for a program."""
    import json

    from rich.console import Console

    from advisor.outputs.terminal import render

    if as_json:
        click.echo(json.dumps(answer.document(), indent=2, ensure_ascii=False))
    else:
        render(answer, Console())
