"""`advisor plans`: the recommendations that were stored, unchanged, under their ids."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from advisor.archive import Archive, Stored


@click.group()
def plans() -> None:
    """List and show stored recommendations.

    \b
    Example:
      advisor plans list
    """


@plans.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_stored(as_json: bool) -> None:
    """List the stored recommendations, the newest first.

    \b
    Example:
      advisor plans list --json
    """
    import json
    from contextlib import closing

    with closing(_archive()) as archive:
        stored = archive.list()
    if as_json:
        click.echo(json.dumps({"plans": [_listed(one) for one in stored]}, indent=2, ensure_ascii=False))
    elif stored:
        _print(stored)
    else:
        click.echo("Nothing is stored yet; `advisor plan PLAN` stores its recommendation.", err=True)


@plans.command()
@click.argument("id_", metavar="ID")
@click.option("--out", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write its files there.")
@click.option("--json", "as_json", is_flag=True, help="Print the recommendation as JSON.")
def show(id_: str, folder: Path | None, as_json: bool) -> None:
    """Show a stored recommendation, as it was given.

    \b
    Example:
      advisor plans show rec_0123456789abcdef --out out
    """
    from contextlib import closing

    from advisor.cli import plan
    from advisor.errors import UsageInvalid
    from advisor.outputs.files import write_files

    with closing(_archive()) as archive:
        answer = archive.get(id_)
    if answer is None:
        raise UsageInvalid(f"No recommendation {id_[:80]!r} is stored here; `advisor plans list` names those that are")
    plan.show(answer, as_json=as_json)
    if folder is not None:
        written = write_files(answer, folder)
        click.echo(f"Wrote {', '.join(str(path) for path in written)}", err=True)


def _archive() -> "Archive":
    from advisor.archive import Archive
    from advisor.settings import settings

    return Archive.open(settings().database_url)


def _listed(one: "Stored") -> dict[str, object]:
    """Return a stored recommendation's row as JSON values, its total in the contract's shape."""
    from advisor.recommendation import Money
    from pricing.moments import moment_text

    return {
        "id": one.id,
        "plan": one.plan_name,
        "status": one.status,
        "total": None if one.total_cents is None else Money.of_cents(one.total_cents).model_dump(),
        "as_of": moment_text(one.as_of),
        "created_at": moment_text(one.created_at),
    }


def _print(stored: "list[Stored]") -> None:
    from rich.console import Console

    from advisor.outputs.page import Column, Page
    from advisor.outputs.phrases import clock, usd
    from pricing.money import cents_text

    page = Page(Console())
    columns = [Column("Id", whole=True), Column("Plan"), Column("Answer", whole=True)]
    columns += [Column("Total", figures=True), Column("Made, UTC", figures=True)]
    rows = [
        [
            page.text(one.id),
            page.text(one.plan_name),
            page.text(one.status),
            page.text("none" if one.total_cents is None else usd(cents_text(one.total_cents))),
            page.text(clock(one.created_at)),
        ]
        for one in stored
    ]
    page.table(columns, rows)
