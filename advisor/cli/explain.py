"""`advisor explain`: why no plan is possible with priced repairs, or what each requirement of a plan costs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.asking import checked_time_limit, moment_option, price_options, request_for, search_options

if TYPE_CHECKING:
    from advisor.service import Explained


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@price_options
@search_options(120.0)
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@click.pass_context
def explain(
    ctx: click.Context,
    plan_path: Path,
    as_of: str | None,
    price_path: Path | None,
    time_limit_s: float,
    seed: int,
    as_json: bool,
) -> None:
    """Explain a plan: the smallest conflict and priced repairs, or what each deadline, limit and budget costs.

    \b
    Example:
      advisor explain plan.yaml --prices prices.csv
    """
    import json

    from rich.console import Console

    from advisor.outputs.progress import ProgressView
    from advisor.outputs.terminal import render_explanation
    from advisor.plan.load import load_plan
    from advisor.service import PricesMissing, explain_plan
    from advisor.settings import settings

    limit = checked_time_limit(time_limit_s)
    moment = moment_option("--as-of", as_of)
    chosen = settings()
    loaded = load_plan(plan_path, as_of=moment)
    request = request_for(loaded, moment, price_path, chosen, time_limit_s=limit, seed=seed)
    with ProgressView() as view:
        explained = explain_plan(request, view.listen)
    if isinstance(explained, PricesMissing):
        click.echo(explained.text(), err=True)
        ctx.exit(4)
    if as_json:
        click.echo(json.dumps(_document(explained), indent=2, ensure_ascii=False))
    else:
        render_explanation(explained.recommendation, explained.reliefs, explained.unpriced, Console())
    ctx.exit(0 if explained.recommendation.total is not None else 3)


def _document(explained: "Explained") -> dict[str, object]:
    """Return the explanation as plain JSON values: the answer's head, its conflict, and the price of requirements."""
    answer = explained.recommendation.document()
    head = {name: answer[name] for name in ("version", "status", "as_of", "plan", "total", "lower_bound", "gap")}
    return {
        **head,
        "infeasibility": answer["infeasibility"],
        "requirements": [relief.model_dump(mode="json") for relief in explained.reliefs],
        "unpriced": explained.unpriced,
        "alternatives": answer["alternatives"],
    }
