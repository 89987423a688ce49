"""The price sheet: what is read, what is rejected and why, and that writing reads back."""

import csv
import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_builders import GOOD, HEADER, NOW, row, sheet

from pricing.offer import Market
from pricing.quality import refusal
from pricing.sheet import COLUMNS, SheetInvalid, read_prices, write_prices

EXAMPLE = Path(__file__).parents[2] / "examples" / "prices.csv"


def line_with(**cells: str) -> str:
    """Write the good line with some cells replaced."""
    names = HEADER.split(",")
    found = {**dict(zip(names, GOOD.split(","), strict=True)), **cells}
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([found[name] for name in names])
    return out.getvalue().removesuffix("\n")


def reason_for(**cells: str) -> str:
    """Read a sheet of one good and one other row, and return why the other was rejected."""
    read = read_prices(sheet(GOOD, line_with(**cells)), now=NOW)
    assert len(read.rows) == 1, "the good row is kept"
    assert [bad.line for bad in read.rejected] == [3]
    return read.rejected[0].reason


def test_a_row_is_read_into_whole_micro_usd_and_utc() -> None:
    """55.0400005 USD becomes 55,040,000 µUSD (ties to even), and +02:00 becomes UTC."""
    text = sheet(line_with(usd_per_hour="55.0400005", observed_at="2026-11-20T02:00:00+02:00", zone=""))
    (found,) = read_prices(text, now=NOW).rows
    assert found.micro_usd_per_hour == 55_040_000
    assert found.observed_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert found.zone is None
    assert (found.currency, found.os, found.confirmed_at) == ("USD", "linux", None)


def test_optional_columns_in_any_order_are_read() -> None:
    """Columns are found by their name; blanks of optional ones are what is not stated."""
    header = "confirmed_at,available_nodes,currency,term,upfront_usd,interruption_rate_per_hour,os," + HEADER
    text = sheet("2026-11-23T00:00:00Z,0,usd,all upfront,10.5,0.02,Linux," + GOOD, ",,,,,,," + GOOD, header=header)
    full, bare = read_prices(text, now=NOW).rows
    assert (full.available_nodes, full.term, full.upfront_micro_usd) == (0, "all upfront", 10_500_000)
    assert (full.interruption_rate_per_hour, full.os, full.currency) == (0.02, "linux", "USD")
    assert (bare.available_nodes, bare.term, bare.upfront_micro_usd, bare.confirmed_at) == (None, None, None, None)


@pytest.mark.parametrize("name", ["provider", "region", "machine", "market", "usd_per_hour", "observed_at", "source"])
def test_a_blank_required_cell_rejects_its_row(name: str) -> None:
    """All required columns but zone must be filled."""
    assert reason_for(**{name: "  "}) == f"{name} must not be blank"


@pytest.mark.parametrize(
    ("usd", "cure"),
    [
        ("$55.04", "plain number"),
        ("1,234.50", "plain number"),
        ("55,04", "plain number"),
        ("5_5", "plain number"),
        ("\uff15\uff15", "plain number"),
        ("55.04 USD", "plain number"),
        ("about 55", "plain number"),
        ("NaN", "finite"),
        ("inf", "finite"),
        ("1e400", "too large"),
        ("1e-999999999", "too small"),
        ("1e999999999", "too large"),
        ("-19.5", "greater than 0"),
        ("0", "a price of $0 is no price"),
        ("0.0000001", "greater than 0"),
        ("14235", "plausible"),
        ("0.0267", "plausible"),
    ],
)
def test_an_unreadable_or_implausible_price_is_rejected_with_its_cure(usd: str, cure: str) -> None:
    """No text that is not a plain positive number in the band becomes a price."""
    reason = reason_for(usd_per_hour=usd)
    assert reason.startswith("usd_per_hour")
    assert cure in reason


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"market": "Spot price"}, "unknown market 'Spot price'; one of on_demand, spot"),
        ({"observed_at": "2026-11-24T00:00:01Z"}, "lies in the future"),
        ({"observed_at": "2026-11-20"}, "write it like 2026-12-01T00:00:00Z"),
        ({"observed_at": "2026-11-20T00:00:00"}, "write it like 2026-12-01T00:00:00Z"),
        ({"observed_at": "2026-13-40T00:00:00Z"}, "no moment"),
        ({"machine": "p5\x1b[31m"}, "printable"),
        ({"region": "r" * 65}, "1 to 64 printable characters"),
        ({"source": "\x07bell"}, "printable"),
        ({"source": "s" * 2_001}, "2000 characters"),
    ],
)
def test_other_bad_cells_reject_their_row(cells: dict[str, str], words: str) -> None:
    """The reason names the column or the rule."""
    assert words in reason_for(**cells)


@pytest.mark.parametrize(
    ("extra", "cell", "words"),
    [
        ("currency", "XYZ", "unknown currency"),
        ("available_nodes", "1.5", "whole number"),
        ("available_nodes", "-1", "at least 0"),
        ("interruption_rate_per_hour", "-0.1", "at least 0"),
        ("upfront_usd", "free", "finite number"),
        ("end", "tomorrow", "no moment"),
    ],
)
def test_bad_optional_cells_reject_their_row(extra: str, cell: str, words: str) -> None:
    """An optional column may be blank but not wrong."""
    read = read_prices(sheet(f"{GOOD},{cell}", f"{GOOD},", header=f"{HEADER},{extra}"), now=NOW)
    assert len(read.rows) == 1
    assert [bad.line for bad in read.rejected] == [2]
    assert words in read.rejected[0].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (GOOD, "the header lacks provider"),
        (sheet(GOOD).replace("zone,", ""), "the header lacks zone"),
        (sheet(GOOD + ",1", header=HEADER + ",vcpus"), "unknown column 'vcpus'; known are provider"),
        (sheet(GOOD + ",1", header=HEADER + ",zone"), "names zone twice"),
        (sheet(GOOD).replace(",", ";"), "semicolons"),
        ("\x00\x01\x02", "NUL"),
        ("\x1b\x02\ufffd\ufffdPNG\r\n\x1a", "the header lacks"),
        ('"provider,' + "x" * 300_000, "broken CSV"),
    ],
)
def test_what_is_no_sheet_is_refused_as_a_whole(text: str, words: str) -> None:
    """Without a header that can be trusted no row is guessed at."""
    with pytest.raises(SheetInvalid) as refused:
        read_prices(text, now=NOW)

    assert words in str(refused.value)
    assert str(refused.value).isprintable()


def test_windows_files_read_like_others(tmp_path: Path) -> None:
    """A byte order mark, CRLF and blank lines change nothing."""
    path = tmp_path / "prices.csv"
    path.write_bytes(b"\xef\xbb\xbf" + sheet(GOOD, "", ",,,,,,,", GOOD).replace("\n", "\r\n").encode())
    read = read_prices(path, now=NOW)
    assert len(read.rows) == 2
    assert not read.rejected


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """A quoted line break makes one row of two lines; later rows keep their line numbers."""
    text = sheet(line_with(source="two\nlines"), GOOD, "aws,us-east-1", line_with(market="x"))
    read = read_prices(text, now=NOW)
    assert [found.source for found in read.rows] == ["two\nlines", "a test"]
    assert [bad.line for bad in read.rejected] == [5, 6]
    assert "2 cells, the header 8" in read.rejected[0].reason


def test_a_broken_quote_costs_its_own_row_only() -> None:
    """Text behind a closing quote, and a quote that never closes, reject what they touch; the rest is kept."""
    read = read_prices(sheet(GOOD, '"aws"x,' + GOOD[4:], GOOD, '"aws,' + GOOD[4:]), now=NOW)
    assert len(read.rows) == 2
    assert [bad.line for bad in read.rejected] == [3, 5]
    assert all("quote" in bad.reason for bad in read.rejected)


def test_bytes_that_are_no_text_cost_their_own_row_only(tmp_path: Path) -> None:
    """One Latin-1 letter rejects its row, not the file."""
    path = tmp_path / "prices.csv"
    path.write_bytes(sheet(GOOD, GOOD.replace("a test", "caf\xe9")).encode("latin-1"))
    read = read_prices(path, now=NOW)
    assert len(read.rows) == 1
    assert "UTF-8" in read.rejected[0].reason


def test_a_file_that_cannot_be_read_is_no_sheet(tmp_path: Path) -> None:
    """A folder, a missing file and random bytes end in one message."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(1, 256)) * 40)
    for path in (tmp_path, tmp_path / "missing.csv", garbage):
        with pytest.raises(SheetInvalid):
            read_prices(path, now=NOW)


def test_huge_cells_and_numbers_cost_no_time() -> None:
    """A cell of 10 MB, 1,000 hostile numbers and 100,000 quotes are read in seconds."""
    began = time.monotonic()
    read = read_prices(sheet(line_with(source="x" * 10_000_000), GOOD), now=NOW)
    assert len(read.rejected) >= 1
    assert len(read_prices(sheet(*[line_with(usd_per_hour="1e-999999999")] * 1_000), now=NOW).rejected) == 1_000
    read_prices(sheet(*['"'] * 100_000), now=NOW)
    assert time.monotonic() - began < 20


def test_warnings_say_what_is_stored_but_will_surprise() -> None:
    """Foreign money, unknown machines, a machine of another provider, and confirmations to come are announced."""
    header = HEADER + ",currency,confirmed_at"
    text = sheet(
        GOOD.replace("19.5", "250") + ",CNY,",
        GOOD.replace("p5.48xlarge", "gpu_8x_h100") + ",,",
        GOOD.replace("aws,", "gcp,") + ",,2027-01-01T00:00:00Z",
        header=header,
    )
    read = read_prices(text, now=NOW)
    assert len(read.rows) == 3
    assert any("1 row in CNY" in words for words in read.warnings)
    assert any("gpu_8x_h100" in words for words in read.warnings)
    assert any("is a machine of aws, not of gcp" in words for words in read.warnings)
    assert any("lies in the future" in words for words in read.warnings)


def test_no_cell_is_a_formula() -> None:
    """Texts that a spreadsheet would compute are written behind a quote, and read back as they were."""
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''=1", "'quoted'", "plain"]
    rows = [row(source=text) for text in texts]
    written = write_prices(rows)
    cells = [line["source"] for line in csv.DictReader(io.StringIO(written))]
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    assert [found.source for found in read_prices(written, now=NOW).rows] == texts


NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 23), timezones=st.just(UTC))  # noqa: DTZ001
ROWS = st.builds(
    row,
    st.floats(5, 200),
    provider=NAMES,
    region=NAMES,
    zone=st.none() | NAMES,
    machine=NAMES,
    market=st.sampled_from(list(Market)),
    observed_at=MOMENTS,
    source=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40).map(str.strip),
    currency=st.sampled_from(["USD", "EUR"]),
    term=st.none() | NAMES,
    upfront_micro_usd=st.none() | st.integers(0, 10**9),
    available_nodes=st.none() | st.integers(0, 10**6),
    interruption_rate_per_hour=st.none() | st.floats(0, 5, allow_subnormal=False).map(lambda rate: round(rate, 9)),
    confirmed_at=st.none() | MOMENTS,
    os=st.sampled_from(["linux", "rhel"]),
).flatmap(
    lambda made: st.one_of(
        st.just(made),
        st.timedeltas(timedelta(hours=1), timedelta(days=182)).map(
            lambda length: replace(made, start=made.observed_at, end=made.observed_at + length)
        ),
    )
)


@given(st.lists(ROWS.filter(lambda made: refusal(made, now=NOW) is None), max_size=5))
def test_what_is_written_reads_back(rows: list) -> None:
    """Writing and reading is the identity on every row that may be stored, and so is a second time."""
    written = write_prices(rows)
    read = read_prices(written, now=NOW)
    assert not read.rejected
    assert list(read.rows) == rows
    assert write_prices(read.rows) == written


def test_the_columns_are_the_published_ones() -> None:
    """The format is fixed by the contract; a new field of a row does not change it."""
    assert ",".join(COLUMNS) == (
        HEADER + ",currency,term,upfront_usd,start,end,available_nodes,interruption_rate_per_hour,os,confirmed_at"
    )


def test_every_example_price_is_accepted_with_source_and_date() -> None:
    """The example holds real prices of six machines on two markets, each with a public source and a past date."""
    read = read_prices(EXAMPLE, now=NOW)
    assert not read.rejected
    assert not read.warnings
    assert 60 <= len(read.rows) <= 150
    machines = {"p4d.24xlarge", "p4de.24xlarge", "p5.48xlarge", "p5en.48xlarge", "a3-highgpu-8g", "a3-megagpu-8g"}
    kinds = {(found.machine, found.market) for found in read.rows}
    assert kinds == {(name, market) for name in machines for market in (Market.ON_DEMAND, Market.SPOT)}
    assert all("@" in found.source or "/pull/" in found.source for found in read.rows)
    assert len({found.key for found in read.rows}) == len(read.rows), "one price per pool"
    list_price = {(r.machine, r.region): r.micro_usd_per_hour for r in read.rows if r.market is Market.ON_DEMAND}
    spots = [found for found in read.rows if found.market is Market.SPOT]
    assert all(found.micro_usd_per_hour < list_price[found.machine, found.region] for found in spots)
