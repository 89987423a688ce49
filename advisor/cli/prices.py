"""`advisor prices`: the price book, in and out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.prices_collect import collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricing.observation import PriceRow
    from pricing.sheet import Rejected, SheetRead
    from pricing.store import Filter, PriceBook

MAX_REJECTED_SHOWN = 28
EMPTY = (
    "The price book is empty. Fill it with `advisor prices collect` or `advisor prices import FILE.csv`, or plan with\n"
    "`advisor plan PLAN --prices FILE.csv`. The columns of the file: `advisor prices import --help`."
)
NOTHING_MATCHES = (
    "No price matches; `advisor prices status` says what is there, `advisor machines` which machines are known."
)


@click.group()
def prices() -> None:
    """The price book: collect, import, export, show, history, status.

    \b
    Example:
      advisor prices import prices.csv
      advisor prices show --machine p5.48xlarge
    """


prices.add_command(collect)


def _book() -> "PriceBook":
    from advisor.settings import settings
    from pricing.store import PriceBook

    return PriceBook.open(settings().database_url)


def _reference_prices_count() -> bool:
    from advisor.settings import settings

    return settings().reference_prices == "on"


def _wanted(provider: str | None, region: str | None, machine: str | None, market: str | None) -> "Filter":
    from advisor.errors import UsageInvalid
    from pricing.offer import Market
    from pricing.store import Filter

    if market is not None and market not in list(Market):
        raise UsageInvalid(f"--market: unknown market {market!r}; one of {', '.join(Market)}")
    return Filter(provider=provider, region=region, machine=machine, market=market)


@prices.command("import")
@click.argument("path", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Store nothing if any row is bad.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts and the rejected rows as JSON.")
def import_(path: Path, strict: bool, as_json: bool) -> None:
    """Store the good rows of a price sheet; bad ones are named with their line.

    \b
    Columns:
      provider,region,zone,machine,market,usd_per_hour,observed_at,source
    and optionally
      currency,term,upfront_usd,start,end,available_nodes,interruption_rate_per_hour,os,confirmed_at

    \b
    Example:
      advisor prices import prices.csv --strict
    """
    import json

    from advisor.errors import UsageInvalid

    sheet = read_sheet(path)
    report_rejected(path, sheet.rejected)
    good, bad = len(sheet.rows), len(sheet.rejected)
    if good + bad == 0:
        raise UsageInvalid(f"{path}: nothing stored; below the header there is no price row")
    if not good or (strict and bad):
        raise UsageInvalid(f"{path}: nothing stored, {bad} of {good + bad} rows bad")
    for warning in sheet.warnings:
        click.echo(f"{path}: {warning}", err=True)
    with _book() as book:
        count = book.import_rows(sheet.rows, recorded_at=datetime.now(UTC), source_file=path.name)
    old = too_old(sheet.rows)
    if old:
        click.echo(old, err=True)
    if as_json:
        named = [{"line": entry.line, "reason": entry.reason} for entry in sheet.rejected]
        document = {"new": count.new, "unchanged": count.unchanged, "rejected": bad, "rejected_rows": named}
        click.echo(json.dumps({**document, "warnings": list(sheet.warnings)}, indent=2))
    else:
        click.echo(f"{count.new} new rows stored, {count.unchanged} known already, {bad} rejected")


def too_old(rows: "Sequence[PriceRow]") -> str | None:
    """Say how many of these prices are too old to plan with, and what follows; None where none is."""
    from advisor.settings import settings

    limit = settings().price_max_age_hours
    newest: dict[object, datetime] = {}
    for row in rows:
        seen = max(row.observed_at, row.confirmed_at or row.observed_at)
        newest[row.key] = max(seen, newest.get(row.key, seen))
    oldest_usable = datetime.now(UTC) - timedelta(hours=limit)
    old = sum(seen < oldest_usable for seen in newest.values())
    if not old:
        return None
    return (
        f"{old} of {len(newest)} prices were last seen more than {limit:g} h ago (ADVISOR_PRICE_MAX_AGE_HOURS): they\n"
        "are stored, but not planned with, and no bundled price stands in for them.\n"
        "`advisor plan PLAN --prices FILE.csv` plans with a file of any age."
    )


def read_sheet(path: Path) -> "SheetRead":
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
@click.option("--json", "as_json", is_flag=True, help="Write the rows as JSON, a list of the sheet's columns.")
def export(path: Path | None, as_json: bool) -> None:
    """Write the whole stored history as a price sheet; importing it elsewhere gives the same book.

    \b
    Example:
      advisor prices export --out history.csv
    """
    import json

    from pricing.sheet import cells_of, write_prices

    with _book() as book:
        rows = book.rows()
        text = json.dumps({"rows": [cells_of(row) for row in rows]}, indent=2) + "\n" if as_json else write_prices(rows)
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
@click.option("--spot-days", type=click.FloatRange(0, 36_500, min_open=True), default=30.0, show_default=True)
@click.option("--spot-quantile", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the offers as JSON.")
def show(
    as_of: str | None,
    provider: str | None,
    region: str | None,
    machine: str | None,
    market: str | None,
    spot_basis: str,
    spot_days: float,
    spot_quantile: float,
    as_json: bool,
) -> None:
    """Show what counts as of a moment: price, basis, when it was seen, its age, its source; bundled ones are marked.

    \b
    Example:
      advisor prices show --machine p5.48xlarge --market spot
    """
    import json

    from advisor.cli.asking import moment_option
    from advisor.cli.price_tables import offer_document, print_offers
    from pricing.book import SpotRule
    from pricing.reference import with_reference

    moment = moment_option("--as-of", as_of)
    rule = SpotRule(basis=spot_basis, days=spot_days, quantile=spot_quantile)  # type: ignore[arg-type]
    wanted = _wanted(provider, region, machine, market)
    with _book() as book:
        offers = book.offers(moment, rule, wanted)
        is_empty = not offers and book.status().observations == 0
    if _reference_prices_count():
        offers = with_reference(offers, moment, rule, wanted)
    if as_json:
        click.echo(json.dumps({"offers": [offer_document(offer, moment) for offer in offers]}, indent=2))
    elif offers:
        print_offers(offers, moment)
    else:
        click.echo(EMPTY if is_empty and not _reference_prices_count() else NOTHING_MATCHES)


@prices.command()
@click.argument("machine")
@click.option("--as-of", metavar="T", help="Moment at which the window ends. Default: now.")
@click.option("--days", type=click.FloatRange(0, 36_500, min_open=True), default=90.0, show_default=True)
@click.option("--provider")
@click.option("--region")
@click.option("--market")
@click.option("--json", "as_json", is_flag=True, help="Print statistics and every change as JSON.")
def history(
    machine: str,
    as_of: str | None,
    days: float,
    provider: str | None,
    region: str | None,
    market: str | None,
    as_json: bool,
) -> None:
    """Show how a machine's prices moved: least, mean, median and most over time, each weighted by how long it held.

    \b
    Example:
      advisor prices history p5.48xlarge --market spot --days 30
    """
    import json

    from advisor.cli.asking import moment_option
    from advisor.cli.price_tables import history_document, print_history
    from pricing.reference import history_with_reference

    until = moment_option("--as-of", as_of)
    begin = max(until, datetime(1, 1, 1, tzinfo=UTC) + timedelta(days=days)) - timedelta(days=days)
    wanted = _wanted(provider, region, machine, market)
    with _book() as book:
        rows = book.rows(wanted)
        caps = book.rows(_wanted(provider, region, machine, "on_demand"))
        is_empty = not rows and book.status().observations == 0
    if _reference_prices_count():
        rows = history_with_reference(rows, wanted)
        caps = history_with_reference(caps, _wanted(provider, region, machine, "on_demand"))
    rows = [row for row in rows if row.observed_at <= until]
    if as_json:
        click.echo(json.dumps(history_document(machine, rows, begin, until, caps), indent=2))
    elif rows:
        print_history(rows, begin, until, caps)
    else:
        click.echo(EMPTY if is_empty and not _reference_prices_count() else NOTHING_MATCHES)


@prices.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(as_json: bool) -> None:
    """Say what is stored, how old it is, what of it cannot be planned with, and which bundled prices fill the gaps.

    \b
    Example:
      advisor prices status
    """
    import json

    from advisor.cli.collection_tables import print_collections
    from advisor.cli.price_tables import print_status, status_document
    from advisor.collecting import collection_status
    from advisor.settings import settings
    from pricing.book import SpotRule
    from pricing.reference import with_reference

    now, rule = datetime.now(UTC), SpotRule(basis="last")
    with _book() as book:
        found, offers = book.status(), book.offers(now, rule)
        collections = collection_status(book, settings(), now)
    if _reference_prices_count():
        offers = with_reference(offers, now, rule)
    document: dict[str, Any] = status_document(found, offers, now, settings()) | collections
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    if found.observations == 0:
        click.echo(EMPTY)
    print_status(document)
    print_collections(document)
