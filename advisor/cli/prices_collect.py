"""`advisor prices collect`: ask the providers for their prices and store what changed."""

import getpass
import os
import socket
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.settings import Settings
    from pricing.collection_records import Collection, Run

MAX_SHOWN = 10


@click.command()
@click.option("--provider", "providers", multiple=True, metavar="aws|gcp", help="Ask only this one. Default: all.")
@click.option("--region", "regions", multiple=True, metavar="R…", help="Only these regions. Default: all that sell.")
@click.argument("more_regions", nargs=-1, metavar="")
@click.option("--since", metavar="T", help="Where spot history begins. Default: where the stored one ends, or 30 days.")
@click.option("--loop", is_flag=True, help="Go on collecting as ADVISOR_COLLECT_SCHEDULE says, until stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def collect(
    providers: tuple[str, ...],
    regions: tuple[str, ...],
    more_regions: tuple[str, ...],
    since: str | None,
    loop: bool,
    as_json: bool,
) -> None:
    """Ask AWS and GCP for their prices; what is unchanged is confirmed, what changed is added.

    Exit code 0: all that was asked for is there; 1: a part is missing, which stderr names; 5: nothing could be reached.

    \b
    Example:
      advisor prices collect --provider aws --region us-east-1 --since 2026-09-01T00:00:00Z
    """
    import json

    from advisor.cli.asking import moment_option
    from advisor.collecting import collect_prices, collection_document
    from advisor.errors import UsageInvalid
    from advisor.settings import settings
    from pricing.store import PriceBook

    if more_regions and not regions:
        raise UsageInvalid(f"unexpected argument {more_regions[0]!r}; regions follow --region")
    named = [word.strip() for text in (*regions, *more_regions) for word in text.split(",") if word.strip()]
    chosen = settings()
    if loop:
        if providers or named or since or as_json:
            raise UsageInvalid("--loop collects what the settings say; leave the other options out")
        _loop(chosen)
        return
    with PriceBook.open(chosen.database_url) as book:
        done = collect_prices(
            book,
            chosen,
            asked_by=_who(),
            providers=providers,
            regions=named,
            since=None if since is None else moment_option("--since", since),
            told=_tell,
        )
    for collection in done:
        if collection.failure:
            click.echo(f"{collection.provider}: {collection.failure}", err=True)
    if as_json:
        click.echo(json.dumps({"collections": [collection_document(c) for c in done]}, indent=2))
    else:
        _print(done)
    code = _exit_code(done, all_providers=not providers)
    if code:
        raise click.exceptions.Exit(code)


def _loop(chosen: "Settings") -> None:
    """Collect by the clock until SIGINT or SIGTERM; what runs then is ended first."""
    import signal

    from advisor.collecting import collection_schedule
    from advisor.errors import UsageInvalid
    from pricing.moments import moment_text
    from pricing.store import PriceBook

    with PriceBook.open(chosen.database_url) as book:
        clock = collection_schedule(book, chosen, _tell)
        if clock is None:
            raise UsageInvalid("--loop needs ADVISOR_COLLECT_SCHEDULE, such as '17 * * * *'")
        signal.signal(signal.SIGTERM, lambda *_: clock.end())
        signal.signal(signal.SIGINT, lambda *_: clock.end())
        following = clock.next_at
        when = "never" if following is None else moment_text(following)
        click.echo(f"Collecting by the clock ({chosen.collect_schedule}, UTC); next at {when}", err=True)
        clock.run()


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    return f"command line, {user} on {socket.gethostname()}"


def _tell(run: "Run") -> None:
    """Say on stderr how a run went, and what of it is missing."""
    place = f"{run.provider} {run.region} {run.part}"
    if run.outcome in {"failed", "partial", "denied"}:
        words = {"failed": "missing", "partial": "incomplete", "denied": "not permitted, left out"}[run.outcome]
        click.echo(f"{place}: {words}: {run.failure}", err=True)
    else:
        click.echo(f"{place}: {run.rows_seen} prices, {run.rows_new} new, {run.calls} calls", err=True)
    for kind, remarks in (("rejected", run.rejected), ("unknown", run.unknown)):
        for remark in remarks[:MAX_SHOWN]:
            click.echo(f"  {kind}: {remark.what}: {remark.reason}", err=True)
        if len(remarks) > MAX_SHOWN:
            names = ", ".join(remark.what for remark in remarks[MAX_SHOWN:])
            click.echo(f"  … and {len(remarks) - MAX_SHOWN} more {kind} (why: --json): {names}", err=True)


def _print(done: "Sequence[Collection]") -> None:
    for collection in done:
        bad = sum(run.outcome in {"failed", "partial"} for run in collection.runs)
        rejected = sum(run.rows_rejected for run in collection.runs)
        click.echo(
            f"{collection.provider}: {collection.outcome}; {collection.rows_seen} prices seen, "
            f"{collection.rows_new} new, {rejected} rejected, {bad} of {len(collection.runs)} runs failed"
        )


def _exit_code(done: "Sequence[Collection]", *, all_providers: bool) -> int:
    """Return 0 where nothing asked for is missing; a provider nobody named may go without credentials."""
    from advisor.cli.exits import FINE, OTHER, UNREACHABLE
    from advisor.collecting import nothing_reached

    if not any(collection.rows_seen for collection in done):
        if nothing_reached(done):
            return UNREACHABLE
        click.echo("Nothing was collected.", err=True)
        return OTHER
    counted = [c for c in done if not (all_providers and c.failure_kind == "CredentialsMissing")]
    return FINE if all(collection.outcome == "complete" for collection in counted) else OTHER
