"""Facts about accelerators and the machines that providers rent, read from tables with source and date per row."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A model of accelerator; `memory_mib` is what the device reports as usable."""

    id: str
    memory_mib: int
    source: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A node type that a provider rents."""

    name: str
    provider: str
    gpu: str
    gpus_per_node: int
    network_gbit_per_second: float
    source: str
    date: str


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return every known GPU by its id."""
    found = {
        row["id"]: Gpu(id=row["id"], memory_mib=int(row["memory_mib"]), source=row["source"], date=row["date"])
        for row in _rows("gpus.csv")
    }
    return MappingProxyType(found)


@cache
def machines() -> Mapping[str, Machine]:
    """Return every known rented machine by its name."""
    found = {
        row["name"]: Machine(
            name=row["name"],
            provider=row["provider"],
            gpu=row["gpu"],
            gpus_per_node=int(row["gpus_per_node"]),
            network_gbit_per_second=float(row["network_gbit_per_second"]),
            source=row["source"],
            date=row["date"],
        )
        for row in _rows("machines.csv")
    }
    return MappingProxyType(found)


def _rows(name: str) -> list[dict[str, str]]:
    text = files("pricing").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
