"""Real price histories through the store: as of random moments it answers what plain pandas computes from the file."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from pricing.book import SpotRule
from pricing.collection import record_portion
from pricing.collection_records import begin
from pricing.collectors.aws_prices import read_spot
from pricing.collectors.aws_reading import Reading
from pricing.collectors.base import Portion
from pricing.money import micro_usd
from pricing.observation import PriceRow
from pricing.offer import Market
from pricing.store import PriceBook

PRICES = Path(__file__).parents[3] / "shared" / "data" / "prices"
LAST = SpotRule(basis="last")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[PriceBook]:
    """Yield an empty book on a file."""
    with PriceBook.open(f"sqlite:///{tmp_path / 'book.sqlite3'}") as opened:
        yield opened


def table(name: str) -> pd.DataFrame:
    """Read a shared file as texts, or skip."""
    path = PRICES / name
    if not path.exists():
        pytest.skip(f"the shared price histories are not there: {path}")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def random_moment(rng: random.Random, times: pd.Series) -> datetime:
    """Return a whole second between the first and the last time."""
    return datetime.fromtimestamp(rng.randint(int(times.min().timestamp()), int(times.max().timestamp())), UTC)


def store(book: PriceBook, region: str, rows: list[PriceRow], at: datetime) -> int:
    """Record rows as one run of a collector; return how many were rejected."""
    portion = Portion(region=region, part="spot", rows=tuple(rows), dated=True)
    return record_portion(
        book.engine, begin(book.engine, rows[0].provider, "a test"), rows[0].provider, portion, at
    ).rows_rejected


def test_real_spot_rows_of_2020_agree_with_pandas_at_random_moments(book: PriceBook) -> None:
    """16,560 rows of DescribeSpotPriceHistory go through the parser and the store, shuffled; machines that no table
    knows are stored; at 20 random moments every zone's price is pandas' last row by then.
    """
    given = table("aws_spot_price_history_2020_p2_p3.csv")
    assert len(given) == 16_560
    given["at"] = pd.to_datetime(given.timestamp_utc, utc=True)
    shuffled = given.sample(frac=1, random_state=3)
    for region, part in shuffled.groupby(shuffled.availability_zone.str[:-1]):
        reading = Reading()
        entries = [
            {
                "AvailabilityZone": line.availability_zone,
                "InstanceType": line.instance_type,
                "ProductDescription": line.product_description,
                "SpotPrice": line.spot_price_usd,
                "Timestamp": line.at.to_pydatetime(),
            }
            for line in part.itertuples()
        ]
        names = {zone: zone for zone in part.availability_zone}
        read_spot(entries, reading, region=str(region), zone_ids=names, sold=set(part.instance_type))
        assert len(reading.rows) == len(part)
        assert store(book, str(region), reading.rows, datetime(2020, 4, 1, tzinfo=UTC)) == 0
    stored = book.status().observations
    distinct = len(given.drop_duplicates(["instance_type", "availability_zone", "at", "spot_price_usd"]))
    assert stored == distinct
    rng, ordered = random.Random(20), given.sort_values("at")
    for _ in range(20):
        moment = random_moment(rng, given["at"])
        by_then = ordered[ordered["at"] <= moment]
        expected = {
            key: {micro_usd(text) for text in mine[mine["at"] == mine["at"].max()].spot_price_usd}
            for key, mine in by_then.groupby(["instance_type", "availability_zone"])
        }
        found = {(o.machine, o.zone): o.micro_usd_per_hour for o in book.offers(moment, LAST)}
        assert found.keys() == expected.keys()
        assert all(price in expected[key] for key, price in found.items())


@pytest.mark.slow
def test_real_price_changes_of_gcp_agree_with_pandas_at_random_moments(book: PriceBook) -> None:
    """11,719 changes of whole-machine prices, on demand, spot and committed, agree likewise."""
    given = table("gcp_gpu_prices_history.csv")
    assert len(given) == 11_719
    given["at"] = pd.to_datetime(given.commit_time, utc=True)
    columns = {
        "hour": Market.ON_DEMAND,
        "hour_spot": Market.SPOT,
        "month_1y": Market.RESERVED_1Y,
        "month_3y": Market.RESERVED_3Y,
    }
    rows: list[PriceRow] = []
    for line in given.itertuples():
        for name, market in columns.items():
            text = getattr(line, name)
            usd = float(text) / (730 if name.startswith("month") else 1) if text else 0.0
            if usd > 0:
                rows.append(
                    PriceRow(
                        provider="gcp", region=line.region, zone=None, machine=line.machine_type, market=market,
                        micro_usd_per_hour=micro_usd(usd), observed_at=line.at.to_pydatetime(), source=json.dumps(line.commit),
                    )
                )  # fmt: skip
    rejected = store(book, "all", rows, datetime(2026, 8, 1, tzinfo=UTC))
    assert rejected < len(rows) / 100, "few of the real prices are implausible"
    assert book.status().observations >= (len(rows) - rejected) * 0.99
    kept = pd.DataFrame(
        {"key": [(r.machine, r.region, r.market) for r in rows], "at": [pd.Timestamp(r.observed_at) for r in rows],
         "price": [r.micro_usd_per_hour for r in rows]}
    )  # fmt: skip
    stored = {(r.machine, r.region, r.market, r.observed_at, r.micro_usd_per_hour) for r in book.rows()}
    kept = kept[[(*k, at.to_pydatetime(), price) in stored for k, at, price in kept.itertuples(index=False)]]
    rng = random.Random(21)
    for _ in range(20):
        moment = random_moment(rng, kept["at"])
        by_then = kept[kept["at"] <= moment].sort_values("at", kind="stable")
        expected = by_then.groupby("key")["price"].last().to_dict()
        found = {(o.machine, o.region, o.market): o.micro_usd_per_hour for o in book.offers(moment, LAST)}
        assert found == expected
