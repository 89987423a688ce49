"""`advisor estimate`: memory and speed of every job on every kind of node, with the best layout of each."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.asking import moment_option, price_options, request_for

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from advisor.estimate.estimate import Estimate
    from advisor.estimates import EstimateLine
    from advisor.plan.load import LoadedPlan

# More nodes than any provider places in one network.
MOST_NODES = 4096


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--machine",
    "machine",
    metavar="M",
    help="Only this rented machine or cluster, like p5.48xlarge. Default: every one.",
)
@click.option(
    "--nodes",
    metavar="N",
    type=click.IntRange(1, MOST_NODES),
    help="On exactly so many nodes, like 4. Default: the fewest that fit, up to the job's max_nodes.",
)
@price_options
@click.option("--advice", is_flag=True, help="Add how the batch is reached, other layouts, and what would make it fit.")
@click.option(
    "--task",
    type=click.Choice(["training", "inference"]),
    default="training",
    show_default=True,
    help="inference: memory of serving each job's model at 32 to 4 bits.",
)
@click.option("--batch", metavar="B", type=click.IntRange(1), default=1, help="Sequences served at once. Default: 1.")
@click.option("--context", metavar="S", type=click.IntRange(1), help="Tokens of each. Default: the job's sequence.")
@click.option("--json", "as_json", is_flag=True, help="Print every estimate as JSON, like: --json | jq .estimates[0]")
@click.pass_context
def estimate(
    ctx: click.Context,
    plan_path: Path,
    machine: str | None,
    nodes: int | None,
    as_of: str | None,
    price_path: Path | None,
    advice: bool,
    task: str,
    batch: int,
    context: int | None,
    as_json: bool,
) -> None:
    """Estimate every job on every machine: best layout, GiB per GPU by part, tokens/s, MFU, hours, dollars.

    \b
    Example:
      advisor estimate plan.yaml
      advisor estimate plan.yaml --machine p5.48xlarge --nodes 4 --advice
      advisor estimate plan.yaml --task inference --batch 16 --context 8192
    """
    import json

    from rich.console import Console

    from advisor.advice import advisable
    from advisor.cli.advice import advice_text
    from advisor.cli.exits import FINE, NO_PLAN
    from advisor.estimates import estimate_lines
    from advisor.plan.load import load_plan
    from advisor.planning import places_in
    from advisor.service import question_of
    from advisor.settings import settings

    moment = moment_option("--as-of", as_of)
    loaded = load_plan(plan_path, as_of=moment)
    if task == "inference":
        from advisor.cli.serving import show_serving

        show_serving(loaded, machine, batch, context, as_json=as_json)
        return
    question, _ = question_of(request_for(loaded, moment, price_path, settings()))
    lines = estimate_lines(loaded, places_in(question), name=machine, nodes=nodes)
    advised = {id(each.line): each for each in advisable(lines, loaded)} if advice else {}
    if as_json:
        documents = [
            {**line.document(), **({"advice": advised[id(line)].document()} if id(line) in advised else {})}
            for line in lines
        ]
        click.echo(json.dumps({"version": 1, "estimates": documents}, indent=2))
    else:
        console = Console(highlight=False)
        _show(loaded, lines, console)
        for each in advised.values():
            console.print(advice_text(each))
    fitting = {line.job.name for line in lines if line.hours is not None}
    ctx.exit(FINE if all(job.name in fitting for job in loaded.plan.jobs) else NO_PLAN)


def _show(loaded: "LoadedPlan", lines: "list[EstimateLine]", console: "Console") -> None:
    """Print what fits, the cheapest first, and under it where a job does not fit, by the reason."""
    from rich.text import Text

    from advisor.speeds import margin_words

    for job in loaded.plan.jobs:
        shape = loaded.shapes[job.name]
        size = f"{shape.name}, {shape.parameters / 1e9:.1f}e9 parameters"
        what = f"{job.name}: {size}; {job.method} in {job.precision}, {job.tokens / 1e9:g}e9 tokens"
        console.print(Text(f"\n{what}", "bold"))
        mine = [line for line in lines if line.job is job]
        fitting = [line for line in mine if line.hours is not None]
        if fitting:
            console.print(_lines_of(sorted(fitting, key=_dearness), min(console.width, 100)))
        for reason, places in _refusals(mine).items():
            console.print(Text(f"Does not fit on {', '.join(places)}: {reason}", style="dim"))
    console.print(
        Text(
            "\nTokens/s are estimates. Hours and USD are one uninterrupted segment at these, "
            f"{margin_words(loaded.plan)}, with its start, up to the plan's grid, at the cheapest price that may be "
            "used. GiB are the peak of the fullest GPU, of what it has. On more nodes: --nodes.",
            style="dim",
        )
    )


def _dearness(line: "EstimateLine") -> tuple[bool, int]:
    return line.cost_cents is None, line.cost_cents or 0


def _refusals(lines: "list[EstimateLine]") -> dict[str, list[str]]:
    """Group the places where a job does not fit by the reason."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.hours is None:
            found.setdefault(line.estimate.reason or "", []).append(f"{line.estimate.nodes} x {line.name}")
    return found


def _lines_of(lines: "list[EstimateLine]", width: int) -> "Text":
    """Write a line of figures per place, and under it layout, price and the parts of its memory."""
    from textwrap import fill

    from rich.text import Text

    from advisor.outputs.phrases import usd
    from pricing.money import cents_text

    heads = f"{'nodes':24}{'GiB per GPU':>14}{'tokens/s':>11}{'MFU':>6}{'hours':>10}{'USD':>14}"
    text = Text(f"{heads}\n", style="bold")
    for line in lines:
        found = line.estimate
        total = 0.0 if found.memory_gib is None else found.memory_gib.total
        place = f"{found.nodes} x {line.name}{' !' if found.verdict == 'tight' else ''}"
        memory = f"{total:.1f} of {found.capacity_gib:.1f}"
        speed, share, hours = found.tokens_per_second or 0, 100 * (found.mfu or 0), float(line.hours or 0)
        cost = "no price" if line.cost_cents is None else usd(cents_text(line.cost_cents))
        row = f"{place:24}{memory:>14}{speed:>11,.0f}{share:>5.0f}%{hours:>10,.1f}{cost:>14}\n"
        text.append(row, style="yellow not bold" if found.verdict == "tight" else "not bold")
        notes = [layout_text(found), _price_text(line), parts_text(found)]
        if found.verdict == "tight":
            notes.append(f"! tight: {found.reason}")
        indented = (fill(note, width, initial_indent="  ", subsequent_indent="    ") for note in notes if note)
        text.append("".join(f"{note}\n" for note in indented), style="dim not bold")
    text.rstrip()
    return text


def _price_text(line: "EstimateLine") -> str:
    """Write price per node-hour, place and when it was seen; an owned node's is of the plan."""
    from pricing.money import micro_usd_text

    offer = line.offer
    if offer is None:
        return ""
    price = offer.prices[0]
    where = " ".join(filter(None, [offer.market, offer.zone or offer.region])) or "plan document"
    seen = f", {price.basis}, seen {price.observed_at:%Y-%m-%d}" if price.observed_at else ""
    return f"${micro_usd_text(offer.micro_usd_per_hour)} a node-hour: {where}{seen}"


def parts_text(found: "Estimate") -> str:
    """Name the parts of memory from the largest, those that show."""
    if found.memory_gib is None:
        return ""
    return ", ".join(f"{name} {gib:.1f}" for name, gib in found.memory_gib.largest_first() if gib >= 0.05)


def layout_text(found: "Estimate") -> str:
    """Write a layout in a few words: only degrees above 1."""
    layout = found.layout
    if layout is None:
        return ""
    degrees = [("TP", layout.tp), ("PP", layout.pp), ("CP", layout.cp), ("EP", layout.ep), ("DP", layout.dp)]
    words = [f"{name}{degree}" for name, degree in degrees if degree > 1] or ["1 GPU"]
    if layout.zero_stage:
        words.append(f"ZeRO{layout.zero_stage}")
    words.append(f"b{layout.micro_batch}")
    if layout.recompute != "none":
        words.append(f"{layout.recompute} recompute")
    return " ".join(words)
