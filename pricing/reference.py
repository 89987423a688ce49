"""Reference prices that come with the product, for a run without a collected or imported price.

The table is a price sheet; `pricing/data/README.md` says what its rows were taken from. They are old: whoever plans
with one says how old.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pricing.book import SpotRule, offers_as_of, order_of
from pricing.observation import PriceRow
from pricing.offer import Offer
from pricing.sheet import read_prices

if TYPE_CHECKING:
    from pricing.store import Filter


@cache
def reference_rows() -> Sequence[PriceRow]:
    """Return every row of the table, marked as bundled.

    Raises:
        ValueError: the table holds a bad row.
    """
    text = files("pricing").joinpath("data", "reference_prices.csv").read_text(encoding="utf-8")
    sheet = read_prices(text, now=datetime.max.replace(tzinfo=UTC))
    if sheet.rejected:
        raise ValueError(f"reference_prices.csv, line {sheet.rejected[0].line}: {sheet.rejected[0].reason}")
    return tuple(replace(row, bundled=True) for row in sheet.rows)


def with_reference(
    collected: Iterable[Offer], as_of: datetime, spot: SpotRule, wanted: "Filter | None" = None
) -> list[Offer]:
    """Add the bundled offers of what no collected or imported price speaks of.

    One collected price of a machine on a market in a region silences every bundled one of the same, whatever their
    zones and terms: a bundled price of the region beside fresh ones of its zones would win by being old. A collected
    price that is too old to plan with silences them too, so that stale prices are noticed and not papered over.
    """
    known = list(collected)
    told = {_sold_as(offer) for offer in known}
    bundled = offers_as_of(matching(wanted), as_of=as_of, spot=spot)
    return sorted([*known, *(offer for offer in bundled if _sold_as(offer) not in told)], key=order_of)


def history_with_reference(collected: Iterable[PriceRow], wanted: "Filter | None" = None) -> list[PriceRow]:
    """Put the bundled rows before the first collected one of the same price; later ones do not count."""
    known = list(collected)
    first: dict[tuple[object, ...], datetime] = {}
    for row in known:
        first[row.key] = min(row.observed_at, first.get(row.key, row.observed_at))
    return [*(row for row in matching(wanted) if row.key not in first or row.observed_at < first[row.key]), *known]


def matching(wanted: "Filter | None") -> Sequence[PriceRow]:
    """Return the bundled rows that a filter of the price book lets through."""
    if wanted is None:
        return reference_rows()
    names = ("provider", "region", "machine", "market")
    asked = {name: value for name in names if (value := getattr(wanted, name)) is not None}
    return [row for row in reference_rows() if all(getattr(row, name) == value for name, value in asked.items())]


def _sold_as(offer: Offer) -> tuple[str, ...]:
    return offer.provider, offer.region, offer.machine, offer.market, offer.os
