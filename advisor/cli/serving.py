"""The output of `advisor estimate --task inference`: what each model needs on each GPU, by precision."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from advisor.estimate.inference import ServingMemory
    from advisor.plan.load import LoadedPlan
    from pricing.hardware import Gpu


def show_serving(loaded: "LoadedPlan", machine: str | None, batch: int, context: int | None, *, as_json: bool) -> None:
    """Print a table per job, or JSON.

    Raises:
        UsageInvalid: neither a table nor the plan knows the machine.
    """
    found = list(_served(loaded, _gpus(loaded, machine), batch, context))
    if as_json:
        rows = [
            {"job": job, "gpu": gpu, "batch": batch, "context": tokens, **each.document()}
            for job, tokens, gpu, each in found
        ]
        click.echo(json.dumps({"version": 1, "task": "inference", "estimates": rows}, indent=2))
        return
    shown = ""
    for job, tokens, gpu, each in found:
        if job != shown:
            model = loaded.shapes[job]
            click.echo(f"\n{job}: {model.name}, {model.parameters / 1e9:.1f}e9 parameters; {batch} x {tokens:,} tokens")
            click.echo(
                f"{'GPU':20}{'bits':>6}{'weights':>10}{'cache':>9}{'GiB in all':>12}{'GPUs':>6}{'largest batch':>15}"
            )
            shown = job
        gpus = "> 8" if each.gpus is None else str(each.gpus)
        figures = f"{each.weights:>10.1f}{each.cache:>9.1f}{each.total:>12.1f}{gpus:>6}{each.largest_batch:>15,}"
        click.echo(f"{gpu:20}{each.precision:>6}{figures}")
    click.echo(
        "\nOne replica over 1, 2, 4 or 8 GPUs of a node. GiB are the sum over them: weights, keys"
        "\nand values, a chunk of 2,048 prompt tokens, the process. 8- and 4-bit weights keep a"
        "\n16-bit cache. Largest batch: at that context."
    )


def _served(
    loaded: "LoadedPlan", gpus: "list[Gpu]", batch: int, context: int | None
) -> "Iterator[tuple[str, int, str, ServingMemory]]":
    from advisor.estimate.inference import PRECISIONS, serving_memory

    for job in loaded.plan.jobs:
        tokens = context or job.sequence_length
        for gpu in gpus:
            for precision in PRECISIONS:
                shape = loaded.shapes[job.name]
                yield job.name, tokens, gpu.id, serving_memory(shape, gpu, precision, batch=batch, context=tokens)


def _gpus(loaded: "LoadedPlan", machine: str | None) -> "list[Gpu]":
    """Return the GPU of the named machine or cluster, else the plan's own and the usual ones."""
    from advisor.errors import UsageInvalid
    from advisor.plan.messages import suggestion
    from advisor.plan.references import machine_names
    from advisor.speeds import hardware_named
    from pricing.hardware import gpus

    if machine is None:
        usual = ["RTX4090-24GB", "L40S-48GB", "A100-SXM-80GB", "H100-SXM-80GB", "H200-SXM-141GB", "B200-SXM-180GB"]
        own = [cluster.gpu for cluster in loaded.plan.clusters]
        return [gpus()[name] for name in dict.fromkeys([*own, *usual])]
    known = {*machine_names(loaded.plan), *(cluster.name for cluster in loaded.plan.clusters)}
    try:
        return [hardware_named(machine, loaded.plan)[0].gpu]
    except KeyError:
        near = suggestion(machine, sorted(known))
        raise UsageInvalid(f"--machine: neither a table nor the plan knows {machine!r}{near}") from None
