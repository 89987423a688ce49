"""The price CSV: read strictly row by row, written so that no spreadsheet takes a cell for a formula."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pricing.moments import moment, moment_text
from pricing.money import decimal_of, micro_usd, micro_usd_text
from pricing.observation import PriceRow
from pricing.offer import Market, Offer
from pricing.quality import announcements, refusal

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
LARGEST_NUMBER = 10**9
SMALLEST_EXPONENT = -30
# What a spreadsheet would compute; a quote before it says text. Quotes already there are doubled, so reading undoes it.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not used: its line in the file and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class SheetRead:
    """What a sheet held: good rows in their order, bad ones with their line, and what will surprise."""

    rows: tuple[PriceRow, ...]
    rejected: tuple[Rejected, ...]
    warnings: tuple[str, ...] = ()


class SheetInvalid(Exception):
    """The file is no price sheet at all: unreadable, not text, or without the header."""


def read_prices(sheet: Path | str, *, now: datetime) -> SheetRead:
    """Read a sheet from a file (a Path) or from its text.

    Raises:
        SheetInvalid: nothing in it can be read as price rows.
    """
    text = _text(sheet) if isinstance(sheet, Path) else sheet
    if "\x00" in text:
        raise SheetInvalid("holds a NUL character; it is not a CSV file in UTF-8")
    csv.field_size_limit(MAX_CELL * 10)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise SheetInvalid(f"line {reader.line_num}: broken CSV ({error})") from None
    _check_header(header)
    return _rows(reader, header, now)


def read_records(records: Sequence[Mapping[str, object]], *, now: datetime) -> SheetRead:
    """Read rows that came as mappings from column to text or number, by the sheet's rules.

    A rejected row's `line` is its index. A column that is left out, or null, is blank.
    """
    good: list[PriceRow] = []
    bad: list[Rejected] = []
    for index, record in enumerate(records):
        try:
            good.append(_row(_cells(record), COLUMNS, now))
        except ValueError as error:
            bad.append(Rejected(index, str(error)))
    return SheetRead(tuple(good), tuple(bad), announcements(good, now=now))


def _cells(record: Mapping[str, object]) -> list[str]:
    unknown = [ascii(name[:40]) for name in record if name not in COLUMNS]
    if unknown:
        raise ValueError(f"unknown column {', '.join(unknown[:5])}; known are {','.join(COLUMNS)}")
    return [_guarded(_plain(name, record.get(name))) for name in COLUMNS]


def _plain(name: str, value: object) -> str:
    """Write a value as the text of a cell: a float as its shortest decimal, as `decimal_of` reads it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: must be a text or a number")
    return repr(value)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SheetInvalid(f"cannot be read ({error.strerror})") from None
    if len(raw) > MAX_BYTES:
        raise SheetInvalid("is larger than 256 MiB; split it")
    # A row with bytes that are no UTF-8 is rejected by itself (quality), the others stay good.
    return raw.decode("utf-8-sig", errors="replace")


def _check_header(header: Sequence[str]) -> None:
    if not any(header):
        raise SheetInvalid(f"is empty; the first line must be the header {','.join(REQUIRED)}")
    if len(header) == 1 and len(re.findall(r"[;\t]", header[0])) > 2:
        raise SheetInvalid("separates its columns by semicolons or tabs; save it with commas")
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise SheetInvalid(f"the header lacks {', '.join(missing)}; required are {','.join(REQUIRED)}")
    unknown = [ascii(name[:40]) for name in header if name not in COLUMNS]
    if unknown:
        raise SheetInvalid(f"unknown column {', '.join(unknown[:5])}; known are {','.join(COLUMNS)}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise SheetInvalid(f"the header names {', '.join(twice)} twice")


def _rows(reader: Any, header: Sequence[str], now: datetime) -> SheetRead:
    good: list[PriceRow] = []
    bad: list[Rejected] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
            if cells is None:
                return SheetRead(tuple(good), tuple(bad), announcements(good, now=now))
            if any(cell.strip() for cell in cells):
                good.append(_row(cells, header, now))
        except csv.Error as error:
            upto = f" up to line {reader.line_num}" if reader.line_num > line else ""
            bad.append(Rejected(line, f"broken CSV{upto} ({error}); is a quote not closed?"))
        except ValueError as error:
            bad.append(Rejected(line, str(error)))


def _row(cells: Sequence[str], header: Sequence[str], now: datetime) -> PriceRow:
    if len(cells) != len(header):
        raise ValueError(f"has {len(cells)} cells, the header {len(header)}; quote a cell that holds a comma")
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
        currency=(found.get("currency") or "USD").upper(),
        term=found.get("term") or None,
        upfront_micro_usd=_optional("upfront_usd", found, _upfront),
        start=_optional("start", found, moment),
        end=_optional("end", found, moment),
        available_nodes=_optional("available_nodes", found, _count),
        interruption_rate_per_hour=_optional("interruption_rate_per_hour", found, _rate),
        os=(found.get("os") or "linux").lower(),
        confirmed_at=_optional("confirmed_at", found, moment),
    )
    reason = refusal(row, now=now)
    if reason:
        raise ValueError(reason)
    return row


def _cell(name: str, cell: str) -> str:
    text = cell.strip()
    if text.startswith("'") and FORMULA.match(text):
        text = text[1:]
    if len(text) > MAX_CELL:
        raise ValueError(f"{name} has more than {MAX_CELL} characters")
    return text


def _market(text: str) -> Market:
    try:
        return Market(text)
    except ValueError:
        raise ValueError(f"unknown market {text[:40]!a}; one of {', '.join(Market)}") from None


def _read(name: str, text: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{name}: {error}") from None


def _optional(name: str, found: dict[str, str], convert: Callable[[str], Any]) -> Any:
    text = found.get(name, "")
    return _read(name, text, convert) if text else None


def _number(text: str) -> Decimal:
    if not text.isascii() or any(sign in text for sign in "$, _"):
        raise ValueError(f"{text[:40]!a} is no plain number; write digits with a point, like 55.04")
    try:
        number = decimal_of(text)
    except ValueError:
        raise ValueError(f"{text[:40]!a} is no finite number; write digits with a point, like 55.04") from None
    # By digits first: arithmetic on 1e999999999 overflows.
    if number and (number.adjusted() > 9 or abs(number) > LARGEST_NUMBER):
        raise ValueError(f"{text[:40]!a} is too large")
    if number != 0 and number.adjusted() < SMALLEST_EXPONENT:
        raise ValueError(f"{text[:40]!a} is too small")
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
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = cells_of(row)
        writer.writerow([_guarded(cells[name]) for name in COLUMNS])
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
    return repr(value) if isinstance(value, float) else str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if FORMULA.match(cell) else cell
