"""`advisor models` and `advisor machines`: what the tables know, each row with its source."""

from collections.abc import Sequence

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print every row with its source as JSON.")
def models(name: str | None, as_json: bool) -> None:
    """List the model presets; with a NAME, show one with its source.

    \b
    Example:
      advisor models llama-3.1-70b
    """
    import json

    from advisor.errors import UsageInvalid
    from advisor.plan.messages import suggestion
    from advisor.plan.presets import presets

    known = presets()
    if name is not None and name not in known:
        raise UsageInvalid(f"no preset is named {name!r}{suggestion(name, sorted(known))}")
    chosen = {name: known[name]} if name else dict(known)
    if as_json:
        rows = [
            {
                "name": key,
                "parameters": preset.shape.parameters,
                "active_parameters": preset.shape.active_parameters,
                "layers": preset.shape.layers,
                "hidden_size": preset.shape.hidden_size,
                "source": preset.source,
                "date": preset.date,
            }
            for key, preset in chosen.items()
        ]
        click.echo(json.dumps({"models": rows}, indent=2))
        return
    lines = [
        (
            key,
            f"{preset.shape.parameters / 1e9:,.2f}",
            f"{preset.shape.active_parameters / 1e9:,.2f}" if preset.shape.experts else "",
            str(preset.shape.layers),
            str(preset.shape.hidden_size),
            f"{preset.source}, {preset.date}",
        )
        for key, preset in chosen.items()
    ]
    _table(["model", "parameters, 1e9", "active", "layers", "hidden", "source"], lines, detail=name is not None)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print machines and GPUs with their sources as JSON.")
def machines(name: str | None, as_json: bool) -> None:
    """List the rented machines and the GPUs; with a NAME, show one machine with its source.

    \b
    Example:
      advisor machines p5.48xlarge
    """
    import json
    from dataclasses import asdict

    from advisor.errors import UsageInvalid
    from advisor.plan.messages import suggestion
    from pricing import hardware

    known = hardware.machines()
    if name is not None and name not in known:
        raise UsageInvalid(f"no table knows the machine {name!r}{suggestion(name, sorted(known))}")
    chosen = [known[name]] if name else list(known.values())
    if as_json:
        rows = {
            "machines": [asdict(machine) for machine in chosen],
            "gpus": [asdict(gpu) for gpu in hardware.gpus().values()],
        }
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [
        (
            machine.name,
            machine.provider,
            f"{machine.gpus_per_node} x {machine.gpu}",
            f"{machine.network_gbit_per_second:g}",
            f"{machine.source}, {machine.date}",
        )
        for machine in chosen
    ]
    _table(["machine", "provider", "GPUs", "network, Gbit/s", "source"], lines, detail=name is not None)
    if name is None:
        rows_of_gpus = [
            (gpu.id, f"{gpu.memory_mib:,}", f"{gpu.source}, {gpu.date}") for gpu in hardware.gpus().values()
        ]
        _table(["GPU id", "usable memory, MiB", "source"], rows_of_gpus, detail=False)


def _table(heads: list[str], rows: Sequence[tuple[str, ...]], *, detail: bool) -> None:
    """Print a table; sources are shown for one row, and for all with --json."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if detail:
        for row in rows:
            for head, cell in zip(heads, row, strict=True):
                if cell:
                    console.print(Text(f"{head:>16}  {cell}"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads[:-1]:
        table.add_column(
            head,
            no_wrap=True,
            justify="left" if head in {"model", "machine", "provider", "GPUs", "GPU id"} else "right",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[:-1]))
    console.print(table)
    console.print(Text("Sources: name a row, or use --json.\n", style="dim"))
