"""Prices over HTTP: the same figures as the command line's, page by page, as JSON and as CSV."""

import csv
import io
from datetime import timedelta

import pytest
from api_builders import database, service
from price_builders import NOW, row, spot

from pricing.sheet import read_prices
from pricing.store import PriceBook

AS_OF = "2026-11-24T00:00:00Z"
ROWS = [
    row(55.04, days=10),
    row(54.0, days=2),
    row(61.2, days=3, region="eu-west-1", source="=HYPERLINK(1)"),
    *(spot(20 + index, days=20 - index) for index in range(10)),
    spot(9.5, days=1, machine="p4d.24xlarge"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of the service's database."""
    return tmp_path_factory.mktemp("prices")


@pytest.fixture(scope="module")
def client(folder):
    """Run the service on a price book of a few rows."""
    with PriceBook.open(database(folder)) as book:
        book.import_rows(ROWS, recorded_at=NOW)
    with service(folder, reference_prices="off") as running:
        yield running


def paged(client, path, key, limit, **parameters):
    """Collect every page."""
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = client.get(path, params={"limit": limit, **parameters, **more})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()[key]) <= limit
        found += answer.json()[key]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def test_offers_have_basis_source_and_age(client):
    """On demand the newest price counts, of spot the time-weighted mean; each says what it is and how old."""
    offers = client.get("/v1/prices", params={"as_of": AS_OF, "region": "us-east-1"}).json()["offers"]
    by_market = {(offer["machine"], offer["market"]): offer for offer in offers}
    listed = by_market["p5.48xlarge", "on_demand"]
    assert (listed["usd_per_hour"], listed["basis"], listed["age_hours"]) == ("54.00", "list", 48.0)
    assert by_market["p5.48xlarge", "spot"]["basis"] == "spot_mean"
    assert all(offer["source"] for offer in offers)


def test_a_filter_that_matches_nothing_gives_nothing(client):
    """No price is an empty list, never a zero."""
    assert client.get("/v1/prices", params={"machine": "unheard-of"}).json()["offers"] == []


@pytest.mark.parametrize(
    ("path", "key"),
    [("/v1/prices", "offers"), ("/v1/prices/history", "observations"), ("/v1/prices/statistics", "pools")],
)
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_hold_everything_once(client, path, key, limit):
    """Pages of any size hold together what one large page holds, in its order."""
    assert paged(client, path, key, limit, as_of=AS_OF) == client.get(path, params={"as_of": AS_OF}).json()[key]


def test_history_is_every_row_that_was_seen(client):
    """All rows by the moment are there, each with its confirmation; later ones are not."""
    found = client.get("/v1/prices/history", params={"as_of": AS_OF}).json()["observations"]
    assert len(found) == len(ROWS)
    earlier = (NOW - timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(client.get("/v1/prices/history", params={"as_of": earlier}).json()["observations"]) < len(ROWS)


def test_rows_that_come_between_two_pages_move_nothing(client, folder):
    """A collection between two pages neither repeats nor drops what was there before."""
    first = client.get("/v1/prices/history", params={"as_of": AS_OF, "limit": 4}).json()
    with PriceBook.open(database(folder)) as book:
        book.import_rows([spot(99.0, days=-1)], recorded_at=NOW)
    rest = client.get("/v1/prices/history", params={"limit": 1000, "cursor": first["next_cursor"]}).json()
    assert len(first["observations"]) + len(rest["observations"]) == len(ROWS)


def test_history_as_csv_is_a_price_sheet(client):
    """The CSV can be imported again and gives the same rows; a cell that looks like a formula is defused."""
    answer = client.get("/v1/prices/history", params={"as_of": AS_OF}, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK" in answer.text
    sheet = read_prices(answer.text, now=NOW)
    assert not sheet.rejected
    assert sorted(sheet.rows, key=repr) == sorted(ROWS, key=repr)


def test_csv_names_its_next_page_in_a_header(client):
    """A spreadsheet's script can page without reading JSON."""
    answer = client.get("/v1/prices", params={"as_of": AS_OF, "limit": 1}, headers={"Accept": "text/csv"})
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 1
    assert answer.headers["X-Next-Cursor"]


def test_statistics_are_weighted_by_time(client):
    """$55.04 held for 8 of 10 days and $54.00 for 2: the mean is $54.832."""
    parameters = {"as_of": AS_OF, "days": 10, "market": "on_demand", "region": "us-east-1"}
    (pool,) = client.get("/v1/prices/statistics", params=parameters).json()["pools"]
    assert pool["mean_usd_per_hour"] == "54.832"
    assert (pool["least_usd_per_hour"], pool["most_usd_per_hour"], pool["changes"]) == ("54.00", "55.04", 1)
    assert (pool["largest_rise_usd_per_hour"], pool["largest_drop_usd_per_hour"]) in {
        ("1.04", "0.00"),
        ("0.00", "1.04"),
    }
    # sqrt(0.8 x 0.2) x 1.04 / 54.832
    assert pool["volatility"] == pytest.approx(0.007587, abs=1e-6)
    assert pool["share_at_on_demand"] is None


def test_bundled_prices_fill_the_gaps_and_say_so(tmp_path):
    """On an empty book the bundled prices count, with their source; switched off, there is none."""
    with service(tmp_path) as client:
        bundled = client.get("/v1/prices", params={"machine": "p5.48xlarge"}).json()["offers"]
        assert bundled
        assert all(offer["source"] and offer["age_hours"] > 0 for offer in bundled)


@pytest.mark.parametrize(
    "parameters",
    [
        {"market": "bazaar"},
        {"as_of": "yesterday"},
        {"as_of": "0001-01-01T00:00:00Z"},
        {"limit": 0},
        {"limit": 10**9},
        {"cursor": "bm9uZQ"},
        {"machine": "a\x00b"},
        {"machine": ""},
    ],
)
@pytest.mark.parametrize("path", ["/v1/prices", "/v1/prices/history", "/v1/prices/statistics"])
def test_bad_parameters_are_named(client, path, parameters):
    """Each refusal is a problem document that names the parameter."""
    answer = client.get(path, params=parameters)
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == list(parameters)
