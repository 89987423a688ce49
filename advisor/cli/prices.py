"""`advisor prices`: the price book, in and out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pricing.offer import Offer
    from pricing.sheet import Rejected
    from pricing.store import PriceBook

MAX_REJECTED_SHOWN = 28
EMPTY = "The price book is empty. Fill it with `advisor prices import FILE.csv`, or plan with --prices FILE.csv."


@click.group()
def prices() -> None:
    """The price book: import, export, show, status.

    \b
    Example:
      advisor prices import prices.csv
      advisor prices show --machine p5.48xlarge
    """


def _book() -> "PriceBook":
    from advisor.settings import settings
    from pricing.store import PriceBook

    return PriceBook.open(settings().database_url)


@prices.command("import")
@click.argument("path", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Store nothing if any row is bad.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def import_(path: Path, strict: bool, as_json: bool) -> None:
    """Store the good rows of a price sheet; bad ones are named with their line.

    \b
    Example:
      advisor prices import prices.csv --strict
    """
    import json

    from advisor.errors import UsageInvalid

    sheet = read_sheet(path)
    report_rejected(path, sheet.rejected)
    if not sheet.rows or (strict and sheet.rejected):
        raise UsageInvalid(
            f"{path}: nothing stored, {len(sheet.rejected)} bad rows of {len(sheet.rows) + len(sheet.rejected)}"
        )
    count = _book().import_rows(sheet.rows, recorded_at=datetime.now(UTC))
    if as_json:
        click.echo(json.dumps({"new": count.new, "unchanged": count.unchanged, "rejected": len(sheet.rejected)}))
    else:
        click.echo(f"{count.new} new rows stored, {count.unchanged} known already, {len(sheet.rejected)} rejected")


def read_sheet(path: Path) -> Any:
    """Read a price sheet; one that is no sheet at all is a usage error."""
    from advisor.errors import UsageInvalid
    from pricing.sheet import SheetInvalid, read_prices

    try:
        return read_prices(path, now=datetime.now(UTC))
    except SheetInvalid as error:
        raise UsageInvalid(f"{path}: {error}") from None


def report_rejected(path: Path, rejected: "tuple[Rejected, ...]") -> None:
    """Name bad rows on stderr, at most a screenful; further ones are counted."""
    for entry in rejected[:MAX_REJECTED_SHOWN]:
        click.echo(f"{path}, line {entry.line}: {entry.reason[:300]}; left out", err=True)
    if len(rejected) > MAX_REJECTED_SHOWN:
        click.echo(f"{path}: … and {len(rejected) - MAX_REJECTED_SHOWN} more bad rows", err=True)


@prices.command()
@click.option("--out", "path", metavar="FILE", type=click.Path(path_type=Path), help="Write there instead of stdout.")
def export(path: Path | None) -> None:
    """Write the whole stored history as a price sheet.

    \b
    Example:
      advisor prices export --out history.csv
    """
    from pricing.sheet import write_prices

    text = write_prices(_book().rows())
    if path is None:
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8", newline="")
        click.echo(f"Wrote {path}", err=True)


@prices.command()
@click.option("--as-of", metavar="T", help="Moment whose prices count. Default: now.")
@click.option("--provider")
@click.option("--region")
@click.option("--machine")
@click.option("--market")
@click.option("--spot-basis", type=click.Choice(["last", "mean", "quantile"]), default="mean", show_default=True)
@click.option("--spot-days", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the offers as JSON.")
def show(
    as_of: str | None,
    provider: str | None,
    region: str | None,
    machine: str | None,
    market: str | None,
    spot_basis: str,
    spot_days: float,
    as_json: bool,
) -> None:
    """Show what counts as of a moment: price, basis, age, source.

    \b
    Example:
      advisor prices show --machine p5.48xlarge --market spot
    """
    import json

    from advisor.cli.plan import moment_option
    from advisor.errors import UsageInvalid
    from pricing.book import SpotRule
    from pricing.offer import Market
    from pricing.store import Filter

    if market is not None and market not in list(Market):
        raise UsageInvalid(f"--market: unknown market {market!r}; one of {', '.join(Market)}")
    moment = moment_option("--as-of", as_of)
    wanted = Filter(provider=provider, region=region, machine=machine, market=market)
    rule = SpotRule(basis=spot_basis, days=spot_days)  # type: ignore[arg-type]
    book = _book()
    offers = book.offers(moment, rule, wanted)
    if as_json:
        click.echo(json.dumps({"offers": [_plain(offer, moment) for offer in offers]}, indent=2))
    elif offers:
        _table(offers, moment)
    else:
        click.echo(
            EMPTY
            if book.status().observations == 0
            else "No stored price matches; `advisor prices status` says what is there."
        )


def _plain(offer: "Offer", as_of: datetime) -> dict[str, Any]:
    """Write an offer as the columns of the sheet, with basis and age."""
    from pricing.sheet import cells_of

    return {**cells_of(offer), "basis": offer.basis, "age_hours": round(offer.age(as_of).total_seconds() / 3600, 2)}


def _table(offers: "list[Offer]", as_of: datetime) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pricing.money import micro_usd_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("where", "machine", "market"):
        table.add_column(head, overflow="fold")
    table.add_column("per hour", justify="right", no_wrap=True)
    for head in ("basis", "age"):
        table.add_column(head, no_wrap=True)
    for offer in offers:
        days = offer.age(as_of).total_seconds() / 86400
        age = f"{days:.0f} d" if days >= 2 else f"{days * 24:.0f} h"
        price = f"{micro_usd_text(offer.micro_usd_per_hour)} {offer.currency}"
        cells = (
            f"{offer.provider} {offer.zone or offer.region}",
            offer.machine,
            str(offer.market),
            price,
            offer.basis,
            age,
        )
        table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    console.print(table)
    console.print(Text(f"{len(offers)} offers; sources with --json", style="dim"))


@prices.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(as_json: bool) -> None:
    """Say what is stored and how old it is.

    \b
    Example:
      advisor prices status
    """
    import json

    from advisor.settings import settings
    from pricing.moments import moment_text

    found = _book().status()
    times = {name: getattr(found, name) for name in ("oldest", "newest", "recorded")}
    if as_json:
        document = {"series": found.series, "observations": found.observations}
        click.echo(json.dumps({**document, **{k: v and moment_text(v) for k, v in times.items()}}, indent=2))
        return
    if found.observations == 0:
        click.echo(EMPTY)
        return
    age = (datetime.now(UTC) - found.newest).total_seconds() / 3600 if found.newest else 0.0
    most = settings().price_max_age_hours
    click.echo(f"{found.observations} observations of {found.series} prices")
    click.echo(f"observed from {moment_text(times['oldest'])} to {moment_text(times['newest'])}")
    click.echo(f"last recorded {moment_text(times['recorded'])}")
    verdict = "within" if age <= most else "older than"
    click.echo(f"the newest observation is {age:.1f} h old, {verdict} ADVISOR_PRICE_MAX_AGE_HOURS = {most:g}")
