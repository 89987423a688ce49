"""How `advisor prices` shows what it found: documents for programs, tables of at most 80 columns for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pricing.moments import moment_text
from pricing.money import micro_usd_text
from pricing.sheet import cells_of

if TYPE_CHECKING:
    from rich.table import Table

    from advisor.settings import Settings
    from pricing.observation import PriceRow
    from pricing.offer import Offer
    from pricing.store import BookStatus

BUNDLED_MARK = "*"
BUNDLED_NOTE = "* bundled: it came with the product, nobody collected or imported it."
NUMBERS = ("available_nodes", "interruption_rate_per_hour")
FIGURES = ("least", "mean", "p10", "p50", "p90", "most", "last", "largest_rise", "largest_drop", "trend_a_day")
BARS = "▁▂▃▄▅▆▇█"
BARS_WIDE = 36


def offer_document(offer: "Offer", as_of: datetime) -> dict[str, Any]:
    """Write an offer as the columns of the sheet, with basis and age; what is absent is null."""
    cells: dict[str, Any] = {name: text or None for name, text in cells_of(offer).items()}
    numbers = {name: getattr(offer, name) for name in NUMBERS}
    return {
        **cells,
        **numbers,
        "basis": offer.basis,
        "age_hours": _age_hours(offer, as_of),
        "withdrawn_at": offer.withdrawn_at and moment_text(offer.withdrawn_at),
        "origin": origin_of(offer),
    }


def origin_of(price: "Offer | PriceRow") -> str:
    """Say where a price is kept: in the price book, or in the table that comes with the product."""
    return "bundled" if price.bundled else "collected"


def _age_hours(offer: "Offer", as_of: datetime) -> float:
    return round(offer.age(as_of).total_seconds() / 3600, 2)


def print_offers(offers: "Sequence[Offer]", as_of: datetime) -> None:
    """Print offers by machine; each source stands once, below, under its number."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    sources = _Numbered()
    table = _plain_table(("place", "market"), ("per hour",), ("basis", "seen"), ("age", "src"))
    for machine, mine in groupby(
        sorted(offers, key=lambda o: (o.provider, o.machine)), lambda o: (o.provider, o.machine)
    ):
        table.add_row(Text(" ".join(machine), style="bold"))
        for offer in mine:
            row = (
                f"  {offer.zone or offer.region}",
                _market_text(offer),
                _price_text(offer.micro_usd_per_hour, offer.currency),
                offer.basis,
                offer.observed_at.strftime("%Y-%m-%d"),
                _age_text(offer.age(as_of).total_seconds() / 3600),
                sources.number(offer.source) + (BUNDLED_MARK if offer.bundled else " "),
            )
            table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    console.print()
    sources.print_to(console)
    foreign = sum(offer.currency != "USD" for offer in offers)
    if foreign:
        console.print(Text(f"{foreign} offers are not in USD: they are listed but never planned with."))
    if any(offer.bundled for offer in offers):
        console.print(Text(BUNDLED_NOTE))
    console.print(Text(f"{len(offers)} offers as of {_to_second(as_of)}; age counts from the last confirmation."))


def _market_text(offer: "Offer") -> str:
    dates = [f"{word} {at:%Y-%m-%d}" for word, at in (("from", offer.start), ("to", offer.end)) if at is not None]
    gone = "" if offer.withdrawn_at is None else f"(withdrawn {offer.withdrawn_at:%Y-%m-%d})"
    return " ".join(filter(None, [offer.market, offer.term, *dates, "" if offer.os == "linux" else offer.os, gone]))


class _Numbered:
    """Sources in the order of their first use, each with a number."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}

    def number(self, name: str) -> str:
        return f"[{self.names.setdefault(name, len(self.names) + 1)}]"

    def print_to(self, console: Any) -> None:
        from rich.text import Text

        for name, number in self.names.items():
            console.print(Text(f"[{number}] {' '.join(name.split())}"), soft_wrap=False)


def _plain_table(
    left: Iterable[str], right: Iterable[str], also_left: Iterable[str], also_right: Iterable[str]
) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for names, justify in ((left, "left"), (right, "right"), (also_left, "left"), (also_right, "right")):
        for name in names:
            table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in {"place", "market"})  # type: ignore[arg-type]
    return table


def _price_text(micro_usd: int, currency: str) -> str:
    text = micro_usd_text(micro_usd)
    return text if currency == "USD" else f"{text} {currency}"


def _age_text(hours: float) -> str:
    return f"{hours / 24:.0f} d" if hours >= 48 else f"{hours:.0f} h"


def history_document(
    machine: str, rows: "Sequence[PriceRow]", begin: datetime, until: datetime, caps: "Sequence[PriceRow]" = ()
) -> dict[str, Any]:
    """Write a machine's statistics per pool, and every change inside the window."""
    from pricing.history import changes, statistics

    table = statistics(rows, begin=begin, until=until, caps=caps)
    pools = [statistics_line(line) for line in table.to_dict("records")]
    moved = [statistics_line(line) for line in changes(rows).to_dict("records") if line["observed_at"] >= begin]
    return {"machine": machine, "from": moment_text(begin), "to": moment_text(until), "pools": pools, "changes": moved}


def statistics_line(line: dict[Any, Any]) -> dict[str, Any]:
    """Write a line of a statistics table: money as decimal text with its unit in the name, moments as text."""
    found: dict[str, Any] = {}
    for name, value in line.items():
        if name in FIGURES or name in {"micro_usd_per_hour", "before"}:
            label = "usd_per_hour" if name == "micro_usd_per_hour" else f"{name}_usd_per_hour"
            found[label] = micro_usd_text(int(value)) if _is_known(value) else None
        elif name == "bundled":
            found["origin"] = "bundled" if value else "collected"
        elif not _is_known(value):
            found[name] = None
        else:
            found[name] = moment_text(value) if isinstance(value, datetime) else value
    return found


def _is_known(value: object) -> bool:
    import pandas as pd

    return not bool(pd.isna(value))  # type: ignore[call-overload]


def print_history(
    rows: "Sequence[PriceRow]", begin: datetime, until: datetime, caps: "Sequence[PriceRow]" = ()
) -> None:
    """Print one line per pool with figures weighted by time, then the course of each price that moved."""
    from rich.console import Console
    from rich.text import Text

    from pricing.history import POOL, in_window, statistics

    histories: dict[tuple[Any, ...], list[PriceRow]] = {}
    for row in sorted(rows, key=lambda row: row.observed_at):
        histories.setdefault((*row.key, row.currency), []).append(row)
    shown = ("least", "mean", "most", "last")
    table = _plain_table(("place", "market"), (*shown, "moves"), ("last seen",), ())
    drawn = _plain_table(("place", "market", "from least to most"), ("at cap",), (), ())
    for line in statistics(rows, begin=begin, until=until, caps=caps).to_dict("records"):
        place = line["zone"] if _is_known(line["zone"]) else line["region"]
        prices = [f"{line[name] / 1e6:,.2f}" for name in shown]
        seen = line["last_seen"].strftime("%Y-%m-%d") + (BUNDLED_MARK if line["bundled"] else "")
        if line["currency"] != "USD":
            prices[-1] += f" {line['currency']}"
        cells = [place, line["market"], *prices, str(line["changes"]), seen]
        table.add_row(*(Text(str(cell)) for cell in cells))
        if line["changes"]:
            key = tuple(line[name] if _is_known(line[name]) else None for name in [*POOL, "currency"])
            capped = f"{line['share_at_on_demand']:.0%}" if _is_known(line["share_at_on_demand"]) else ""
            course = bars(in_window(histories[key], begin), begin, until)
            drawn.add_row(*(Text(str(cell)) for cell in (place, line["market"], course, capped)))
    console = Console(highlight=False)
    console.print(table)
    if drawn.row_count:
        console.print()
        console.print(drawn)
        console.print(Text("at cap: share of the time at or above the on-demand price of the region"))
        console.print()
    if any(row.bundled for row in rows):
        console.print(Text(BUNDLED_NOTE))
    console.print(Text(f"USD per machine-hour from {_to_second(begin)} to {_to_second(until)},"))
    console.print(Text("each figure weighted by how long it held; changes and sources with --json."))


def bars(points: "Sequence[tuple[datetime, int]]", begin: datetime, until: datetime) -> str:
    """Draw a price over a window, each bar the value in force at its middle; a point where none was known yet."""
    values = [value for _, value in points]
    low, span = min(values), max(values) - min(values)
    drawn = []
    for k in range(BARS_WIDE):
        middle = begin + (until - begin) * ((2 * k + 1) / (2 * BARS_WIDE))
        known = [value for at, value in points if at <= middle]
        height = (known[-1] - low) * (len(BARS) - 1) // span if known and span else 0
        drawn.append(BARS[height] if known else "·")
    return "".join(drawn)


def _to_second(at: datetime) -> str:
    return moment_text(at.replace(microsecond=0))


def status_document(
    found: "BookStatus", offers: "Sequence[Offer]", now: datetime, chosen: "Settings"
) -> dict[str, Any]:
    """Write what the book holds, by provider, market, currency and origin, with what is too old to plan with.

    Bundled prices are exempt from the age limit; they are counted where they fill a gap of the book.
    """
    times = {name: getattr(found, name) for name in ("oldest", "newest", "confirmed", "recorded")}
    kinds = sorted({_kind_of(offer) for offer in offers}, key=lambda kind: (kind[3] == "bundled", kind))
    max_age = chosen.price_max_age_hours
    return {
        "series": found.series,
        "observations": found.observations,
        **{name: at and _to_second(at) for name, at in times.items()},
        "max_age_hours": max_age,
        "reference_prices": chosen.reference_prices,
        "prices": [_kind(kind, offers, now, max_age) for kind in kinds],
    }


Kind = tuple[str, str, str, str]


def _kind_of(offer: "Offer") -> Kind:
    return offer.provider, str(offer.market), offer.currency, origin_of(offer)


def _kind(kind: Kind, offers: "Sequence[Offer]", now: datetime, max_age: float) -> dict[str, Any]:
    ages = [_age_hours(offer, now) for offer in offers if _kind_of(offer) == kind]
    exempt = kind[3] == "bundled"
    return {
        "provider": kind[0],
        "market": kind[1],
        "currency": kind[2],
        "origin": kind[3],
        "count": len(ages),
        "youngest_hours": min(ages),
        "oldest_hours": max(ages),
        "too_old": 0 if exempt else sum(age > max_age for age in ages),
        "excluded": None if kind[2] == "USD" else "the product plans in USD",
    }


def print_status(document: dict[str, Any]) -> None:
    """Print what the book holds and whether it may be planned with."""
    from rich.console import Console
    from rich.text import Text

    table = _plain_table(("provider", "market", "origin"), ("prices", "youngest", "oldest", "too old"), ("",), ())
    for kind in document["prices"]:
        cells = (
            kind["provider"],
            kind["market"],
            kind["origin"],
            str(kind["count"]),
            _age_text(kind["youngest_hours"]),
            _age_text(kind["oldest_hours"]),
            "exempt" if kind["origin"] == "bundled" else str(kind["too_old"]),
            f"{kind['currency']}: {kind['excluded']}" if kind["excluded"] else "",
        )
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(highlight=False)
    if document["observations"]:
        console.print(Text(f"{document['observations']} observations of {document['series']} prices"))
        console.print(Text(f"observed from {document['oldest']} to {document['newest']}"))
        console.print(Text(f"last recorded {document['recorded']}"))
    if document["prices"]:
        console.print(table)
    if document["reference_prices"] == "on":
        console.print(Text("Bundled prices came with the product; they fill the gaps of the price book."))
    else:
        console.print(Text("Bundled prices are not used: ADVISOR_REFERENCE_PRICES is off."))
    console.print(Text(f"Too old is more than ADVISOR_PRICE_MAX_AGE_HOURS = {document['max_age_hours']:g} hours."))
