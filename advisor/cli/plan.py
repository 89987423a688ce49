"""`advisor plan`: the main job, from a plan document to a recommendation in the terminal and in files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.asking import checked_time_limit, moment_option, price_options, request_for, search_options

if TYPE_CHECKING:
    from advisor.recommendation import Recommendation
    from advisor.settings import Settings


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@price_options
@click.option(
    "--progress",
    "progress_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Plan only the rest: tokens done, money spent, and where jobs run now.",
)
@click.option("--objective", type=click.Choice(["cost", "time", "risk"]), default="cost", show_default=True)
@search_options(60.0)
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
    from advisor.service import PricesMissing, recommend_plan
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
    request = request_for(
        loaded,
        moment,
        price_path,
        chosen,
        time_limit_s=time_limit_s,
        seed=seed,
        objective=objective,
        remainder=rest,
    )
    # Opened before the work: an answer that cannot be stored is not worth a minute of solving.
    archive = Archive.open(chosen.database_url)
    with ProgressView() as view:
        answer = recommend_plan(request, view.listen)
    if isinstance(answer, PricesMissing):
        click.echo(answer.text(), err=True)
        ctx.exit(4)
    answer = _with_history(answer, price_path, chosen)
    archive.store(answer, loaded, request.offers)
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


def show(answer: "Recommendation", *, as_json: bool) -> None:
    """Print a recommendation for a person, or as JSON for a program."""
    import json

    from rich.console import Console

    from advisor.outputs.terminal import render

    if as_json:
        click.echo(json.dumps(answer.document(), indent=2, ensure_ascii=False))
    else:
        render(answer, Console())
