"""The price CSV: read strictly row by row, written so that no spreadsheet takes a cell for a formula."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pricing.moments import moment, moment_text
from pricing.money import decimal_of, micro_usd, micro_usd_text
from pricing.observation import PriceRow
from pricing.offer import Market, Offer
from pricing.quality import implausible

# Listed explicitly, so that a new field of a row cannot change the published format.
REQUIRED = ("provider", "region", "zone", "machine", "market", "usd_per_hour", "observed_at", "source")
OPTIONAL = (
    "currency", "term", "upfront_usd", "start", "end", "available_nodes",
    "interruption_rate_per_hour", "os", "confirmed_at",
)  # fmt: skip
COLUMNS = REQUIRED + OPTIONAL
MAY_BE_BLANK = {"zone"}
MONEY = {"usd_per_hour": "micro_usd_per_hour", "upfront_usd": "upfront_micro_usd"}
MAX_BYTES = 256 * 1024 * 1024
MAX_CELL = 2_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not used: its line in the file and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class SheetRead:
    """What a sheet held: good rows in their order, bad ones with their line."""

    rows: tuple[PriceRow, ...]
    rejected: tuple[Rejected, ...]


class SheetInvalid(Exception):
    """The file is no price sheet at all: unreadable, not text, or without the header."""


def read_prices(sheet: Path | str, *, now: datetime) -> SheetRead:
    """Read a sheet from a file (a Path) or from its text.

    Raises:
        SheetInvalid: nothing in it can be read as price rows.
    """
    text = _text(sheet) if isinstance(sheet, Path) else sheet
    csv.field_size_limit(MAX_CELL * 50)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header)
        return _rows(reader, header, now)
    except csv.Error as error:
        raise SheetInvalid(f"line {reader.line_num}: broken CSV ({error})") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SheetInvalid(f"cannot be read ({error.strerror})") from None
    if len(raw) > MAX_BYTES:
        raise SheetInvalid("is larger than 256 MiB; split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SheetInvalid(f"is not UTF-8 text (byte {error.start})") from None
    if "\x00" in text:
        raise SheetInvalid("holds a NUL character; it is not a CSV file")
    return text


def _check_header(header: Sequence[str]) -> None:
    if not any(header):
        raise SheetInvalid(f"is empty; the first line must be the header {','.join(REQUIRED)}")
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise SheetInvalid(f"the header lacks {', '.join(missing)}; required are {','.join(REQUIRED)}")
    unknown = [name[:40] for name in header if name not in COLUMNS]
    if unknown:
        raise SheetInvalid(f"unknown column {', '.join(unknown[:5])!r}; known are {','.join(COLUMNS)}")
    if len(set(header)) < len(header):
        raise SheetInvalid("the header names a column twice")


def _rows(reader: Any, header: Sequence[str], now: datetime) -> SheetRead:
    good: list[PriceRow] = []
    bad: list[Rejected] = []
    line = reader.line_num + 1
    for cells in reader:
        here, line = line, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        try:
            good.append(_row(cells, header, now))
        except ValueError as error:
            bad.append(Rejected(here, str(error)))
    return SheetRead(tuple(good), tuple(bad))


def _row(cells: Sequence[str], header: Sequence[str], now: datetime) -> PriceRow:
    if len(cells) != len(header):
        raise ValueError(f"has {len(cells)} cells, the header {len(header)}")
    found = {name: _cell(name, cell) for name, cell in zip(header, cells, strict=True)}
    blank = [name for name in REQUIRED if name not in MAY_BE_BLANK and not found[name]]
    if blank:
        raise ValueError(f"{', '.join(blank)} must not be blank")
    row = PriceRow(
        provider=found["provider"],
        region=found["region"],
        zone=found["zone"] or None,
        machine=found["machine"],
        market=_market(found["market"]),
        micro_usd_per_hour=_read("usd_per_hour", found["usd_per_hour"], _price),
        observed_at=_read("observed_at", found["observed_at"], moment),
        source=found["source"],
        currency=found.get("currency") or "USD",
        term=found.get("term") or None,
        upfront_micro_usd=_optional("upfront_usd", found, _upfront),
        start=_optional("start", found, moment),
        end=_optional("end", found, moment),
        available_nodes=_optional("available_nodes", found, _count),
        interruption_rate_per_hour=_optional("interruption_rate_per_hour", found, _rate),
        os=(found.get("os") or "linux").lower(),
        confirmed_at=_optional("confirmed_at", found, moment),
    )
    reason = _contradiction(row, now) or implausible(row)
    if reason:
        raise ValueError(reason)
    return row


def _contradiction(row: PriceRow, now: datetime) -> str | None:
    if row.observed_at > now:
        return f"observed_at {moment_text(row.observed_at)} lies in the future"
    if row.start is not None and row.end is not None and row.end <= row.start:
        return "end must lie after start"
    if row.market is Market.CAPACITY_BLOCK and (row.start is None) != (row.end is None):
        return "a dated block needs both start and end"
    return None


def _cell(name: str, cell: str) -> str:
    text = cell.strip()
    if text.startswith("'") and text[1:].startswith(FORMULA_STARTS):
        text = text[1:]
    if len(text) > MAX_CELL:
        raise ValueError(f"{name} has more than {MAX_CELL} characters")
    return text


def _market(text: str) -> Market:
    try:
        return Market(text)
    except ValueError:
        raise ValueError(f"unknown market {text[:40]!r}; one of {', '.join(Market)}") from None


def _read(name: str, text: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{name}: {error}") from None


def _optional(name: str, found: dict[str, str], convert: Callable[[str], Any]) -> Any:
    text = found.get(name, "")
    return _read(name, text, convert) if text else None


def _number(text: str) -> Any:
    if not text.isascii() or any(sign in text for sign in "$, _"):
        raise ValueError(f"{text[:40]!r} is no plain number; write digits with a point, like 55.04")
    number = decimal_of(text)
    if abs(number) > 10**9:
        raise ValueError(f"{text[:40]} is too large")
    return number


def _price(text: str) -> int:
    amount = micro_usd(_number(text))
    if amount <= 0:
        raise ValueError(f"must be greater than 0, not {text[:40]}; a price of $0 is no price")
    return amount


def _upfront(text: str) -> int:
    amount = micro_usd(_number(text))
    if amount < 0:
        raise ValueError(f"must be at least 0, not {text[:40]}")
    return amount


def _count(text: str) -> int:
    number = _number(text)
    if number != number.to_integral_value() or number < 0:
        raise ValueError(f"must be a whole number of at least 0, not {text[:40]}")
    return int(number)


def _rate(text: str) -> float:
    number = float(_number(text))
    if number < 0:
        raise ValueError(f"must be at least 0, not {text[:40]}")
    return number


def write_prices(rows: Iterable[PriceRow]) -> str:
    """Write rows as a price sheet that reads back as the same rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_guarded(cells_of(row)[name]) for name in COLUMNS] for row in rows)
    return out.getvalue()


def cells_of(row: PriceRow | Offer) -> dict[str, str]:
    """Return a row or an offer as the texts of the sheet's columns; what is absent is blank."""
    return {name: _cell_text(name, row) for name in COLUMNS}


def _cell_text(name: str, row: PriceRow | Offer) -> str:
    value = getattr(row, MONEY.get(name, name))
    if value is None:
        return ""
    if name in MONEY:
        return micro_usd_text(value)
    if isinstance(value, datetime):
        return moment_text(value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
