"""`advisor estimate`: memory and speed of every job on every kind of node, with the best layout of each."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from advisor.estimate.estimate import Estimate
    from advisor.estimate.hardware import Hardware
    from advisor.plan.load import LoadedPlan
    from advisor.plan.schema import Job

# What an estimated speed loses until the model knows its own error (contract, speed_margin).
DEFAULT_SPEED_MARGIN = 0.15
# More nodes than any provider places in one network.
MOST_NODES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One job on one kind of node."""

    job: "Job"
    hardware: "Hardware"
    owned: bool
    estimate: "Estimate"
    planned_tokens_per_second: int | None
    hours: float | None

    def document(self) -> dict[str, Any]:
        """Return an entry of `estimates` (contract, "Other shapes"); prices are not known here, so cost is null."""
        place = (
            {"machine": None, "cluster": self.hardware.name}
            if self.owned
            else {
                "machine": self.hardware.name,
                "cluster": None,
            }
        )
        fields = self.estimate.document()
        reason = fields.pop("reason")
        return {
            "job": self.job.name,
            **place,
            **fields,
            "planned_tokens_per_second": self.planned_tokens_per_second,
            "hours": self.hours,
            "cost": None,
            "reason": reason,
        }


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
@click.option("--json", "as_json", is_flag=True, help="Print every estimate as JSON, like: --json | jq .estimates[0]")
@click.pass_context
def estimate(ctx: click.Context, plan_path: Path, machine: str | None, nodes: int | None, as_json: bool) -> None:
    """Estimate memory and speed of every job: best layout, GiB per GPU by part, tokens/s, MFU, hours.

    \b
    Example:
      advisor estimate plan.yaml
      advisor estimate plan.yaml --machine p5.48xlarge --nodes 4 --json
    """
    import json
    from datetime import UTC, datetime

    from rich.console import Console

    from advisor.cli.exits import FINE, NO_PLAN
    from advisor.plan.load import load_plan

    loaded = load_plan(plan_path, as_of=datetime.now(UTC))
    chosen = _chosen(loaded, machine)
    lines = [
        _line(loaded, job, hardware, nodes, limit) for job in loaded.plan.jobs for hardware, limit in chosen.values()
    ]
    if as_json:
        click.echo(json.dumps({"version": 1, "estimates": [line.document() for line in lines]}, indent=2))
    else:
        _show(loaded, lines, Console())
    fitting = {line.job.name for line in lines if line.hours is not None}
    ctx.exit(FINE if all(job.name in fitting for job in loaded.plan.jobs) else NO_PLAN)


def _chosen(loaded: "LoadedPlan", name: str | None) -> "dict[str, tuple[Hardware, int | None]]":
    """Return the kinds of nodes asked for, by name, with the most nodes where they are owned."""
    from advisor.errors import UsageInvalid
    from advisor.estimate.hardware import hardware_of_cluster, hardware_of_machine
    from advisor.plan.messages import suggestion
    from pricing.hardware import machines

    plan = loaded.plan
    rented = [*machines(), *(machine.name for machine in plan.machines)]
    known: dict[str, tuple[Hardware, int | None]] = {
        cluster.name: (hardware_of_cluster(cluster), cluster.nodes) for cluster in plan.clusters
    }
    known.update({each: (hardware_of_machine(each, plan), None) for each in rented})
    if name is None:
        return known
    if name not in known:
        near = suggestion(name, sorted(known))
        raise UsageInvalid(f"--machine: neither a table nor the plan knows {name!r}{near}; see `advisor machines`")
    return {name: known[name]}


def _line(loaded: "LoadedPlan", job: "Job", hardware: "Hardware", nodes: int | None, limit: int | None) -> Line:
    """Estimate on the nodes asked for, or on the fewest that fit."""
    from advisor.estimate import estimate_nodes

    most = min(job.max_nodes, limit) if limit is not None else job.max_nodes
    counts = [nodes] if nodes is not None else list(range(1, most + 1))
    found = estimate_nodes(job, loaded.shapes[job.name], hardware, counts)
    if nodes is not None and limit is not None and nodes > limit:
        reason = f"cluster {hardware.name} has {limit} nodes"
        found = [
            replace(found[0], verdict="does_not_fit", layout=None, tokens_per_second=None, mfu=None, reason=reason)
        ]
    best = next((each for each in found if each.verdict == "fits"), None)
    best = best or next((each for each in found if each.verdict == "tight"), found[-1])
    speed, hours = _segment(loaded, job, best)
    return Line(
        job=job,
        hardware=hardware,
        owned=limit is not None,
        estimate=best,
        planned_tokens_per_second=speed,
        hours=hours,
    )


def _segment(loaded: "LoadedPlan", job: "Job", found: "Estimate") -> tuple[int | None, float | None]:
    """Return the planned speed and the hours of one segment: startup + tokens / speed, up to the end grid."""
    if found.tokens_per_second is None:
        return None, None
    margin = DEFAULT_SPEED_MARGIN if loaded.plan.speed_margin is None else float(loaded.plan.speed_margin)
    speed = max(1, int(found.tokens_per_second * (1 - margin)))
    startup = round(float(job.startup_minutes or 0) * 60)
    grid = loaded.grid.end_minutes * 60
    seconds = -(-(startup + -(-job.tokens // speed)) // grid) * grid
    return speed, seconds / 3600


def _show(loaded: "LoadedPlan", lines: list[Line], console: "Console") -> None:
    """Print two lines per place where the job fits, and under them the others by their reason."""
    from rich.text import Text

    margin = float(DEFAULT_SPEED_MARGIN if loaded.plan.speed_margin is None else loaded.plan.speed_margin)
    for job in loaded.plan.jobs:
        shape = loaded.shapes[job.name]
        size = f"{shape.name}, {shape.parameters / 1e9:.1f}e9 parameters"
        console.print(
            Text(f"\n{job.name}: {size}; {job.method} in {job.precision}, {job.tokens / 1e9:g}e9 tokens", "bold")
        )
        mine = [line for line in lines if line.job is job]
        fitting = [line for line in mine if line.hours is not None]
        if fitting:
            console.print(_lines_of(fitting))
        for reason, places in _refusals(mine).items():
            console.print(Text(f"Does not fit on {', '.join(places)}: {reason}", style="dim"))
    console.print(
        Text(
            f"\nTokens/s are estimates; hours are one uninterrupted segment at {100 * margin:g} % less (speed_margin), "
            "up to the plan's grid. GiB are the peak of the fullest GPU, of what it has.",
            style="dim",
        )
    )


def _refusals(lines: list[Line]) -> dict[str, list[str]]:
    """Group the places where a job does not fit by the reason."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.hours is None:
            place = f"{line.estimate.nodes} x {line.hardware.name}"
            found.setdefault(line.estimate.reason or "", []).append(place)
    return found


def _lines_of(lines: list[Line]) -> "Text":
    """Write a line of figures per place, and under it its layout and the parts of its memory."""
    from rich.text import Text

    text = Text(f"{'nodes':28}{'GiB per GPU':>16}{'tokens/s':>13}{'MFU':>7}{'hours':>10}\n", style="bold")
    for line in lines:
        found = line.estimate
        total = 0.0 if found.memory_gib is None else found.memory_gib.total
        place = f"{found.nodes} x {line.hardware.name}{' (tight)' if found.verdict == 'tight' else ''}"
        memory = f"{total:.1f} of {found.capacity_gib:.1f}"
        speed, share, hours = found.tokens_per_second or 0, 100 * (found.mfu or 0), line.hours or 0.0
        row = f"{place:28}{memory:>16}{speed:>13,.0f}{share:>5.0f} %{hours:>10,.1f}\n"
        text.append(row, style="yellow not bold" if found.verdict == "tight" else "not bold")
        text.append(f"  {layout_text(found)}\n  {parts_text(found)}\n", style="dim not bold")
    text.rstrip()
    return text


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
