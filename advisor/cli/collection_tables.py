"""How `advisor prices status` shows collections: the last of each provider, what it left out, and the clock."""

from typing import Any

import click

MAX_SHOWN = 8


def print_collections(document: dict[str, Any]) -> None:
    """Print the last collection of each provider, its failures and unknown things, and the clock."""
    for collection in document["collections"]:
        ended = collection["finished_at"] or "not finished"
        click.echo(
            f"\n{collection['provider']}: last collection {collection['outcome']}, begun {collection['started_at']}, "
            f"{ended}"
        )
        click.echo(
            f"  {collection['rows_seen']} prices seen, {collection['rows_new']} new; asked by {collection['asked_by']}"
        )
        if collection["failure"]:
            click.echo(f"  {collection['failure']}")
        _print_runs(collection["runs"])
    clock = document["schedule"]
    if clock["cron"]:
        runner = clock["runner"] or "no process: run `advisor serve` or `advisor prices collect --loop`"
        click.echo(f"\nCollected by the clock ({clock['cron']}, UTC), next {clock['next_at']}, by {runner}")
    else:
        click.echo("\nNothing is collected by itself; set ADVISOR_COLLECT_SCHEDULE, such as '17 * * * *'.")


def _print_runs(runs: list[dict[str, Any]]) -> None:
    bad = [run for run in runs if run["outcome"] in {"failed", "partial", "denied"}]
    lines = [f"{run['outcome']}: {run['region']} {run['part']}: {run['failure']}" for run in bad]
    lines += [f"unknown: {each['what']}: {each['reason']}" for run in runs for each in run["unknown"]]
    lines += [f"rejected: {each['what']}: {each['reason']}" for run in runs for each in run["rejected"]]
    for line in lines[:MAX_SHOWN]:
        click.echo(f"  {line}")
    if len(lines) > MAX_SHOWN:
        click.echo(f"  … and {len(lines) - MAX_SHOWN} more, all with --json")
