"""Transfer prices: published ways, free ways with their source, and unknown ways without a price."""

import csv
from importlib.resources import files

import pytest

from pricing.transfer import transfer_price


@pytest.mark.parametrize(
    ("source", "destination", "micro_usd_per_gib"),
    [
        ("aws/us-east-1", "aws/us-east-2", 10_000),
        ("aws/us-east-2", "aws/us-east-1", 10_000),
        ("aws/us-east-1", "aws/us-west-2", 20_000),
        ("aws/us-east-1", "aws/me-central-1", 20_000),
        ("aws/eu-west-1", "aws/sa-east-1", 20_000),
        ("aws/sa-east-1", "aws/eu-west-1", 138_000),
        ("aws/ap-south-1", "aws/us-east-1", 86_000),
        ("aws/us-east-1", None, 90_000),
        ("aws/ap-northeast-1", None, 114_000),
        ("aws/us-east-1", "gcp/us-central1", 90_000),
        ("aws/us-east-1", "lambda/us-east-1", 90_000),
        ("gcp/us-central1", "gcp/us-east4", 20_000),
        ("gcp/us-central1", "gcp/northamerica-northeast1", 20_000),
        ("gcp/europe-west4", "gcp/europe-west1", 20_000),
        ("gcp/us-central1", "gcp/europe-west4", 50_000),
        ("gcp/us-central1", "gcp/asia-northeast1", 80_000),
        ("gcp/asia-southeast1", "gcp/asia-northeast1", 80_000),
        ("gcp/us-central1", "gcp/australia-southeast1", 100_000),
        ("gcp/us-central1", None, 120_000),
        ("gcp/us-central1", "aws/us-east-1", 120_000),
        ("gcp/asia-northeast1", None, 140_000),
        ("gcp/australia-southeast1", None, 190_000),
    ],
)
def test_published_prices(source, destination, micro_usd_per_gib):
    """AWS prices by the region that sends, Google by the parts of the world at both ends."""
    price = transfer_price(source, destination)

    assert price is not None
    assert price.micro_usd_per_gib == micro_usd_per_gib
    assert price.observed_at is not None


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("aws/us-east-1", "aws/us-east-1"),
        ("gcp/us-central1", "gcp/us-central1"),
        (None, "aws/us-east-1"),
        (None, "gcp/us-central1"),
        (None, None),
    ],
)
def test_free_ways_say_why(source, destination):
    """Within a region and into a cloud costs nothing by the GiB, and says by whose word."""
    price = transfer_price(source, destination)

    assert price is not None
    assert price.micro_usd_per_gib == 0
    assert price.source


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("lambda/us-east-1", None),
        ("lambda/us-east-1", "lambda/us-east-1"),
        (None, "lambda/us-east-1"),
        ("aws/mars-1", None),
        ("aws/mars-1", "aws/us-east-1"),
        ("gcp/mars-1", "gcp/us-central1"),
        ("gcp/asia-southeast2", "gcp/us-central1"),
        ("gcp/me-west1", None),
        ("nowhere", None),
        (None, "nowhere"),
    ],
)
def test_unknown_ways_have_no_price(source, destination):
    """Absence is never zero."""
    assert transfer_price(source, destination) is None


def test_every_row_is_sourced_and_given_once():
    """Each way has one price, not below zero, with source and date; only free ways are zero."""
    text = files("pricing").joinpath("data/transfer_prices.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    assert len({(row["provider"], row["from"], row["to"]) for row in rows}) == len(rows)
    for row in rows:
        assert row["source"]
        assert row["date"]
        free = row["from"] == "outside" or row["to"] == "same region"
        assert (float(row["usd_per_gib"]) == 0) == free
