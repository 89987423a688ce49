"""Regions of the clouds: sourced, and all that other tables know of are among them."""

import csv
from datetime import date
from importlib.resources import files

from pricing.reference import reference_rows
from pricing.regions import regions


def test_every_region_has_one_row_with_source_and_date():
    """No region twice, none without its origin."""
    text = files("pricing").joinpath("data", "regions.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    assert len({(row["provider"], row["region"]) for row in rows}) == len(rows)
    assert all(row["source"] and date.fromisoformat(row["date"]) for row in rows)


def test_regions_with_bundled_prices_are_known():
    """A price that comes with the product never stands in a region that the product warns of."""
    assert {row.provider for row in reference_rows()} == set(regions())
    assert all(row.region in regions()[row.provider] for row in reference_rows())
