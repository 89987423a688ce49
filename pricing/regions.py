"""Regions of the clouds, so that a slip of the pen is told from a region without a price.

`data/regions.csv` holds one region a row with its source and date. Clouds open regions faster than tables learn of
them: a region that is not here may exist.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@cache
def regions() -> Mapping[str, frozenset[str]]:
    """Return the known regions of each known provider."""
    text = files("pricing").joinpath("data", "regions.csv").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["provider"], set()).add(row["region"])
    return MappingProxyType({provider: frozenset(names) for provider, names in found.items()})
