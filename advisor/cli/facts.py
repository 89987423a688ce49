"""`advisor models` and `advisor machines`: what the tables know, each number with its source."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from advisor.plan.presets import Preset
    from pricing.hardware import Fact, Gpu, Machine

LEFT = {"model", "machine", "cloud", "GPUs", "GPU"}


@click.command()
@click.argument("name", required=False)
@click.option("--sources", is_flag=True, help="Show under every row where it comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print every shape with its source as JSON.")
def models(name: str | None, sources: bool, as_json: bool) -> None:
    """List the model presets; with a NAME, show its shape, its size and its source.

    \b
    Example:
      advisor models llama-3.1-70b
    """
    from advisor.plan.presets import presets

    known = presets()
    chosen = list(known.values()) if name is None else [known[_known(name, known, "preset", listed="models")]]
    if as_json:
        _json({"models": [model_document(preset) for preset in chosen]})
    elif name is not None:
        _show_model(chosen[0])
    else:
        heads = ["model", "total, 1e9", "active, 1e9", "layers", "hidden", "vocabulary"]
        _table(heads, [(_model_cells(preset), [_origin(preset)]) for preset in chosen], sources=sources)
        _hint(sources)


@click.command()
@click.argument("name", required=False)
@click.option("--sources", is_flag=True, help="Show under every row where its numbers come from.")
@click.option("--json", "as_json", is_flag=True, help="Print machines and GPUs, every number with its source, as JSON.")
def machines(name: str | None, sources: bool, as_json: bool) -> None:
    """List the rented machines and the GPUs; with the NAME of one, show every fact with its source.

    \b
    Example:
      advisor machines p5.48xlarge
      advisor machines H100-SXM-80GB
      advisor machines --sources
    """
    from dataclasses import asdict

    from pricing import hardware

    rented: dict[str, Machine] = dict(hardware.machines())
    cards: dict[str, Gpu] = dict(hardware.gpus())
    if name is not None:
        name = _known(name, [*rented, *cards], "machine or GPU", listed="machines")
        rented = {key: value for key, value in rented.items() if key == name}
        cards = {key: value for key, value in cards.items() if key == name}
    if as_json:
        rows = {
            "machines": [asdict(each) for each in rented.values()],
            "gpus": [asdict(each) for each in cards.values()],
        }
        _json(rows)
    elif name is not None:
        shown: list[Machine | Gpu] = [*rented.values(), *cards.values()]
        _show_facts(name, shown[0].facts)
    else:
        heads = ["machine", "cloud", "GPUs", "network, Gbit/s", "memory, GiB", "on demand"]
        _table(heads, [(_machine_cells(each), _origins(each.facts)) for each in rented.values()], sources=sources)
        heads = ["GPU", "memory, MiB", "memory, GB/s", "bf16, TFLOP/s", "fp8, TFLOP/s", "link, GB/s", "W"]
        _table(heads, [(_gpu_cells(each), _origins(each.facts)) for each in cards.values()], sources=sources)
        click.echo("GPU memory as the device reports it; dense peaks; links count both directions.")
        _hint(sources)


def _known(name: str, names: Iterable[str], what: str, *, listed: str) -> str:
    from advisor.errors import UsageInvalid
    from advisor.plan.messages import suggestion

    found = sorted(names)
    if name not in found:
        cure = suggestion(name, found) or f"; `advisor {listed}` lists them"
        raise UsageInvalid(f"no {what} is named {name!r}{cure}")
    return name


def _json(document: Mapping[str, Any]) -> None:
    import json

    click.echo(json.dumps(document, indent=2))


def model_document(preset: "Preset") -> dict[str, Any]:
    """Return a preset as JSON values: its shape, its sizes, its source."""
    from dataclasses import asdict

    shape = preset.shape
    counts = {
        "parameters": shape.parameters,
        "active_parameters": shape.active_parameters,
        "embedding_parameters": shape.embedding_parameters,
        "published_parameters": preset.published_parameters,
        "published_active": preset.published_active,
    }
    return {**asdict(shape), **counts, "source": preset.source, "date": preset.date}


def _model_cells(preset: "Preset") -> tuple[str, ...]:
    shape = preset.shape
    return (
        shape.name,
        f"{shape.parameters / 1e9:,.2f}",
        f"{shape.active_parameters / 1e9:,.2f}" if shape.experts else "",
        str(shape.layers),
        f"{shape.hidden_size:,}",
        f"{shape.vocab_size:,}",
    )


def _machine_cells(machine: "Machine") -> tuple[str, ...]:
    return (
        machine.name,
        machine.provider,
        f"{machine.gpus_per_node} x {machine.gpu}",
        f"{machine.network_gbit_per_second:,g}",
        f"{machine.memory_gib:,g}",
        "yes" if "on_demand" in machine.markets else "no",
    )


def _gpu_cells(gpu: "Gpu") -> tuple[str, ...]:
    return (
        gpu.id,
        f"{gpu.memory_mib:,}",
        f"{gpu.memory_gbyte_per_second:,g}",
        _tera(gpu.bf16_flop_per_second),
        _tera(gpu.fp8_flop_per_second),
        f"{gpu.link_gbyte_per_second:,g}",
        f"{gpu.board_watts:,g}",
    )


def _tera(flop_per_second: float | None) -> str:
    return "none" if flop_per_second is None else f"{flop_per_second / 1e12:,.1f}"


def _origin(row: "Preset | Fact") -> str:
    return f"{row.source} ({row.date})"


def _origins(facts: "Mapping[str, Fact]") -> list[str]:
    """Name each source once, in the order of the facts."""
    return list(dict.fromkeys(_origin(fact) for fact in facts.values()))


def _show_model(preset: "Preset") -> None:
    for key, value in model_document(preset).items():
        if isinstance(value, dict):
            _line(key, ", ".join(f"{part} {number}" for part, number in value.items() if number is not None))
        elif type(value) is int:
            _line(key, f"{value:,}")
        elif value:
            _line(key, "yes" if value is True else str(value))


def _show_facts(name: str, facts: "Mapping[str, Fact]") -> None:
    _line("name", name)
    for attribute, fact in facts.items():
        value = ", ".join(fact.value) if isinstance(fact.value, tuple) else fact.value
        quantity = f"{value:,.10g}" if isinstance(value, int | float) else value
        unit = "" if fact.unit in {"word", "words", "count"} else f" {fact.unit}"
        note = f"; {fact.note}" if fact.note else ""
        _line(attribute, f"{quantity}{unit}{note}")
        _line("", _origin(fact))


def _line(key: str, text: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 2))
    row.add_column(width=24, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(key), Text(text, style="" if key else "dim"))
    Console(highlight=False).print(row)


def _table(heads: Sequence[str], rows: Sequence[tuple[Sequence[str], list[str]]], *, sources: bool) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="left" if head in LEFT else "right", no_wrap=head in LEFT)
    for cells, _ in rows:
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if sources:
        for cells, origins in rows:
            console.print(Text(cells[0], style="bold"))
            for origin in origins:
                console.print(Padding(Text(origin), (0, 0, 0, 2)))
    console.print()


def _hint(sources: bool) -> None:
    if not sources:
        click.echo("Where the numbers come from: name a row, or use --sources or --json.")
