"""`advisor whatif`: plan again under changes, along a frontier, at other prices, with nodes bought."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.asking import checked_time_limit, moment_option, price_options, request_for, search_options

if TYPE_CHECKING:
    from advisor.whatif.study import Asked, Scenario

MARKETS = ("on_demand", "spot")
FRONTIERS = ("cost,time", "time,cost")


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--set", "assignments", metavar="PATH=VALUE", multiple=True, help="Set a field, may be repeated.")
@click.option("--scenario", "scenario_path", metavar="FILE", type=click.Path(path_type=Path), help="Named changes.")
@click.option("--spot-price", "spot_percent", metavar="PCT", help="Spot so many percent dearer: 30, or -20.")
@click.option("--frontier", metavar="cost,time", help="Pareto frontier of cost against the last finish.")
@click.option("--points", type=click.IntRange(2, 20), default=6, show_default=True, help="Points of the frontier.")
@click.option("--break-even", metavar="MACHINE:MARKET", help="At which price the plan leaves it, or comes to it.")
@click.option("--buy", metavar="CLUSTER:NODES", help="Buy nodes of a cluster's kind, like onprem:2.")
@click.option("--node-price", metavar="USD", help="Price of a bought node. Default: the cluster's capex_usd_per_node.")
@price_options
@search_options(120.0)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.pass_context
def whatif(ctx: click.Context, /, plan_path: Path, as_json: bool, **options: Any) -> None:
    """Plan again under changes: other values, spot prices, a Pareto frontier, break-even prices, bought nodes.

    \b
    Example:
      advisor whatif plan.yaml --set jobs[0].deadline=2026-12-25T00:00:00Z --set budget_usd=300000
      advisor whatif plan.yaml --spot-price 30
      advisor whatif plan.yaml --frontier cost,time
      advisor whatif plan.yaml --break-even p5.48xlarge:spot
      advisor whatif plan.yaml --buy onprem:2 --node-price 250000
    """
    from rich.console import Console

    from advisor.outputs.whatif import render_whatif
    from advisor.service import PricesMissing
    from advisor.whatif.study import study

    document = study(_asked(plan_path, options))
    if isinstance(document, PricesMissing):
        click.echo(document.text(), err=True)
        ctx.exit(4)
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        render_whatif(document, Console())
    ctx.exit(0 if document["base"]["total"] is not None else 3)


def _asked(plan_path: Path, options: dict[str, Any]) -> "Asked":
    """Read the plan and everything that is asked of it."""
    from advisor.errors import UsageInvalid
    from advisor.plan.load import plan_of
    from advisor.plan.reader import read_document
    from advisor.settings import settings
    from advisor.whatif.study import Asked

    limit = checked_time_limit(options["time_limit_s"])
    moment = moment_option("--as-of", options["as_of"])
    scenarios = _scenarios(options)
    asked_frontier = options["frontier"]
    if asked_frontier is not None and asked_frontier.replace(" ", "") not in FRONTIERS:
        raise UsageInvalid(
            f"--frontier {asked_frontier}: this version knows cost,time; the risk of spot is not modelled yet"
        )
    if not scenarios and not any(options[name] for name in ("frontier", "break_even", "buy")):
        raise UsageInvalid("nothing is asked: give --set, --scenario, --spot-price, --frontier, --break-even or --buy")
    document = read_document(plan_path)

    def load(changed: dict[str, Any]) -> Any:
        return plan_of(changed, name=f"{plan_path} with --set", as_of=moment, folder=plan_path.parent)

    loaded = plan_of(document, name=str(plan_path), as_of=moment, folder=plan_path.parent)
    request = request_for(loaded, moment, options["price_path"], settings(), time_limit_s=limit, seed=options["seed"])
    return Asked(
        request=request,
        document=document,
        load=load,
        scenarios=scenarios,
        frontier_points=options["points"] if asked_frontier else None,
        break_even=_pool(options["break_even"]),
        buy=_purchase(options["buy"]),
        node_price_usd=_number("--node-price", options["node_price"]),
    )


def _number(name: str, text: str | None) -> Decimal | None:
    from advisor.errors import UsageInvalid

    if text is None:
        return None
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise UsageInvalid(f"{name} {text!r}: write a plain number") from None
    if not number.is_finite() or (name == "--node-price" and number <= 0):
        raise UsageInvalid(f"{name} {text!r}: write a number greater than 0")
    return number


def _scenarios(options: dict[str, Any]) -> "Sequence[Scenario]":
    """Return what --set and --spot-price say together, then the scenarios of the file."""
    from advisor.whatif.scenarios import read_scenarios
    from advisor.whatif.study import Scenario

    found = []
    spot = _number("--spot-price", options["spot_percent"])
    if options["assignments"] or spot is not None:
        words = [*options["assignments"], *([] if spot is None else [f"spot {spot:+f} %"])]
        found.append(Scenario(name=", ".join(words), assignments=tuple(options["assignments"]), spot_percent=spot))
    if options["scenario_path"] is not None:
        found += read_scenarios(options["scenario_path"])
    return found


def _pool(text: str | None) -> tuple[str, str] | None:
    from advisor.errors import UsageInvalid

    if text is None:
        return None
    machine, _, market = text.rpartition(":")
    if not machine or market not in MARKETS:
        raise UsageInvalid(f"--break-even {text}: write MACHINE:MARKET with market {' or '.join(MARKETS)}")
    return machine, market


def _purchase(text: str | None) -> tuple[str, int] | None:
    from advisor.errors import UsageInvalid

    if text is None:
        return None
    found = re.fullmatch(r"(.+):(\d{1,4})", text)
    if found is None or int(found[2]) == 0:
        raise UsageInvalid(f"--buy {text}: write CLUSTER:NODES, like onprem:2")
    return found[1], int(found[2])
