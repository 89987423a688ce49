"""Price moves of a week and prices that are too old, from the rows of the price book."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from advisor.weekly.document import Move, OldPrices
from advisor.weekly.week import SEVEN_DAYS
from pricing.money import micro_usd_text
from pricing.observation import PriceRow
from pricing.offer import Offer

Key = tuple[str, ...]


def moves(rows: Sequence[PriceRow], begin: datetime, as_of: datetime) -> list[Move]:
    """Compare every price that was seen by the moment with the week before; the largest changes first.

    The mean of a week is weighted by how long each value held; a price that was last known before the week carries on.
    """
    from pricing.history import statistics

    seen = [row for row in rows if row.observed_at <= as_of]
    earlier = [row for row in rows if row.observed_at < begin]
    before = {
        _key(line): line for line in statistics(earlier, begin=begin - SEVEN_DAYS, until=begin).to_dict("records")
    }
    newest = {(*_texts(row.key), row.currency): row for row in sorted(seen, key=lambda row: row.observed_at)}
    now = statistics(seen, begin=begin, until=as_of).to_dict("records")
    found = [_move(line, before.get(_key(line)), newest[_key(line)]) for line in now]
    return sorted(
        found, key=lambda move: (-abs(move.change or 0), move.provider, move.machine, move.market, move.place)
    )


def _texts(parts: Sequence[object]) -> Key:
    return tuple("" if part is None else str(part) for part in parts)


def _key(line: dict[Any, Any]) -> Key:
    import pandas as pd

    from pricing.history import POOL

    parts = [None if pd.isna(line[name]) else line[name] for name in (*POOL, "currency")]
    return _texts(parts)


def _move(line: dict[Any, Any], before: dict[Any, Any] | None, newest: PriceRow) -> Move:
    mean, earlier = int(line["mean"]), None if before is None else int(before["mean"])
    return Move(
        provider=newest.provider,
        machine=newest.machine,
        market=" ".join(filter(None, [newest.market, newest.term])),
        place=newest.zone or newest.region,
        before_usd_per_hour=None if earlier is None else micro_usd_text(earlier),
        usd_per_hour=micro_usd_text(mean),
        last_usd_per_hour=micro_usd_text(int(line["last"])),
        change=None if not earlier else (mean - earlier) / earlier,
        changes=int(line["changes"]),
        currency=newest.currency,
        source=newest.source,
        observed_at=newest.observed_at,
    )


def old_prices(offers: Sequence[Offer], as_of: datetime, max_age_hours: float) -> list[OldPrices]:
    """Group the prices that are older than may be planned with."""

    def kind(offer: Offer) -> tuple[str, str, str]:
        return offer.provider, offer.machine, str(offer.market)

    ages = [(kind(o), o.age(as_of).total_seconds() / 3600) for o in sorted(offers, key=kind)]
    old = [(name, hours) for name, hours in ages if hours > max_age_hours]
    return [_old(name, [hours for _, hours in mine]) for name, mine in groupby(old, key=lambda pair: pair[0])]


def _old(name: tuple[str, str, str], hours: Sequence[float]) -> OldPrices:
    provider, machine, market = name
    return OldPrices(
        provider=provider,
        machine=machine,
        market=market,
        places=len(hours),
        youngest_hours=round(min(hours), 2),
        oldest_hours=round(max(hours), 2),
    )
