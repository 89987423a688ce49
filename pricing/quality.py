"""Checks on what was just read, before anything is stored: pure, each answer a reason or None.

A band of plausible prices per GPU-hour is narrower than 730 times, so a price per month taken for one per hour, or a
slip of 1,000, falls outside whatever the true price was. Bands that know the GPU are at most 400 times wide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pricing.hardware import machines
from pricing.moments import moment_text
from pricing.money import MICRO_USD_PER_USD
from pricing.observation import PriceRow
from pricing.offer import Market

MAX_NAME = 64
MAX_SOURCE = 2_000
NAMES = ("provider", "region", "zone", "machine", "term", "os")
HOURS_OF_TERM = {Market.RESERVED_1Y: 8_760, Market.RESERVED_3Y: 26_280}


@dataclass(frozen=True, slots=True)
class Band:
    """Prices between which a price must lie, in USD per hour of one GPU (or of one machine), and why."""

    least: float
    most: float
    reason: str


# Seen: prices of 2019 to 2026 (AWS snapshots, Karpenter and GCP histories, block rates), spot to list, all regions.
# `least` is about a fifth of the cheapest figure ever seen, `most` about three times the dearest US list price.
BANDS = {
    "V100-SXM-32GB": Band(0.12, 16.0, "seen 0.63 (p3dn spot) to 5.35; US list 3.90"),
    "A100-SXM-40GB": Band(0.04, 13.0, "seen 0.18 (a2-megagpu spot) to 5.88; US list 4.10, later 2.74"),
    "A100-SXM-80GB": Band(0.06, 18.0, "seen 0.33 (a2-ultragpu spot) to 8.11; US list 5.12, later 3.43"),
    "H100-SXM-80GB": Band(0.10, 40.0, "seen 0.56 (a3-megagpu 3 years) to 18.62; US list 12.29, later 6.88"),
    "H200-SXM-141GB": Band(0.15, 40.0, "seen 0.85 (p5en spot) to 10.92; US list 10.60, later 7.91"),
    "B200-SXM-180GB": Band(0.25, 50.0, "seen 1.51 (p6-b200 spot) to 17.09; US list 14.24"),
    "B300-SXM-270GB": Band(0.40, 60.0, "seen 2.35 (p6-b300 spot) to 21.36; US list 17.80"),
}
ANY_GPU = Band(0.06, 40.0, "a GPU without prices of its own here: an L4 on spot is seen at 0.08, the dearest at 21.36")
ANY_MACHINE = Band(0.01, 5_000.0, "a machine that no table knows: from a slice of a GPU to a rack of 72")

# Units of the currency in one US dollar: the widest range of about ten years, for what providers bill in.
CURRENCIES = {
    "USD": (1.0, 1.0), "AED": (3.6, 3.7), "AUD": (1.2, 1.8), "BRL": (3.0, 7.0), "CAD": (1.2, 1.5), "CHF": (0.7, 1.1),
    "CLP": (550, 1_100), "CNY": (6.0, 7.5), "CZK": (19, 28), "DKK": (5.8, 7.8), "EUR": (0.78, 1.05),
    "GBP": (0.65, 0.95), "HKD": (7.7, 7.9), "IDR": (12_000, 18_000), "ILS": (2.9, 4.2), "INR": (60, 105),
    "JPY": (95, 175), "KRW": (1_000, 1_600), "MXN": (15, 26), "MYR": (3.7, 4.9), "NOK": (7.4, 12), "NZD": (1.3, 1.9),
    "PLN": (3.3, 5.1), "SAR": (3.7, 3.8), "SEK": (7.8, 11.5), "SGD": (1.2, 1.5), "THB": (29, 39), "TWD": (27, 36),
    "ZAR": (11, 20),
}  # fmt: skip


def refusal(row: PriceRow, *, now: datetime) -> str | None:
    """Say why a row cannot be stored, or return None."""
    return _unreadable_text(row) or _contradiction(row, now) or implausible(row)


def _unreadable_text(row: PriceRow) -> str | None:
    for name in NAMES:
        text = getattr(row, name)
        if text is None:
            continue
        if not text.strip():
            return f"{name} must not be blank"
        if len(text) > MAX_NAME or not text.isprintable() or "\ufffd" in text:
            return f"{name} must be 1 to {MAX_NAME} printable characters, not {text[:40]!a}"
    if not row.source.strip():
        return "source must not be blank: say where the price was seen"
    printable = row.source.replace("\n", " ").replace("\t", " ").replace("\r", " ")
    if len(row.source) > MAX_SOURCE or not printable.isprintable() or "\ufffd" in row.source:
        return f"source must be at most {MAX_SOURCE} printable characters of UTF-8"
    return None


def _contradiction(row: PriceRow, now: datetime) -> str | None:
    if row.observed_at > now:
        return f"observed_at {moment_text(row.observed_at)} lies in the future"
    if row.start is not None and row.end is not None and row.end <= row.start:
        return "end must lie after start"
    if row.market is Market.CAPACITY_BLOCK and (row.start is None) != (row.end is None):
        return "a dated block needs both start and end"
    hours = _hours_of_term(row)
    # Published effective rates are rounded: a hundredth is forgiven.
    if hours is not None and (row.upfront_micro_usd or 0) / hours > row.micro_usd_per_hour * 1.01:
        return f"upfront_usd alone is more than usd_per_hour x {hours:g} h; usd_per_hour must include it"
    return None


def _hours_of_term(row: PriceRow) -> float | None:
    if row.market is Market.CAPACITY_BLOCK and row.start is not None and row.end is not None:
        return (row.end - row.start).total_seconds() / 3600
    return HOURS_OF_TERM.get(row.market)


def implausible(row: PriceRow) -> str | None:
    """Say why a row's figure cannot be a price of its machine, or return None."""
    if row.currency not in CURRENCIES:
        return f"unknown currency {row.currency[:8]!a}; use an ISO 4217 code such as USD"
    if row.micro_usd_per_hour <= 0:
        return "the price must be greater than 0; a price of $0 is no price"
    machine = machines().get(row.machine)
    price = row.micro_usd_per_hour / MICRO_USD_PER_USD
    band = ANY_MACHINE if machine is None else BANDS.get(machine.gpu, ANY_GPU)
    per_unit = price if machine is None else price / machine.gpus_per_node
    fewest, most = CURRENCIES[row.currency]
    if band.least * fewest <= per_unit <= band.most * most:
        return None
    unit = "machine-hour" if machine is None else "GPU-hour"
    return (
        f"usd_per_hour {price:g} {row.currency} is {per_unit:.4g} per {unit}, outside the plausible "
        f"{band.least * fewest:g} to {band.most * most:g} (wanted is the whole machine for one hour; "
        "is it per month, per GPU, or off by 1000?)"
    )


def announcements(rows: Iterable[PriceRow], *, now: datetime) -> tuple[str, ...]:
    """Say what is stored all the same but will surprise: foreign money, unknown machines, confirmations to come."""
    given = list(rows)
    known = machines()
    told = []
    foreign = sorted({row.currency for row in given if row.currency != "USD"})
    if foreign:
        count = sum(row.currency != "USD" for row in given)
        told.append(f"{_rows(count)} in {', '.join(foreign)}: stored, but the product plans in USD only")
    strange = sorted({row.machine for row in given if row.machine not in known})
    if strange:
        told.append(f"no table knows {_first(strange)}: stored, and planned with where a plan describes it")
    pairs = {(r.machine, r.provider) for r in given if r.machine in known and known[r.machine].provider != r.provider}
    told += [f"{name} is a machine of {known[name].provider}, not of {by}" for name, by in sorted(pairs)[:5]]
    ahead = sum(row.confirmed_at is not None and row.confirmed_at > now for row in given)
    if ahead:
        told.append(f"confirmed_at of {_rows(ahead)} lies in the future; it counts from then on only")
    return tuple(told)


def _rows(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"


def _first(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + rest
