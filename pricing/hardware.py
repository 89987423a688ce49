"""Facts about accelerators and the machines that providers rent: one number per row, each with unit, source and date.

`data/gpus.csv` and `data/machines.csv` hold rows `id,attribute,value,unit,source,date,note`; a row's attribute is a
field of the class below, and each attribute has one unit. A table that names an unknown attribute, another unit, one
attribute twice, or lacks a required one is refused as a whole: a wrong fact is worse than none.
"""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeVar

HEADER = ["id", "attribute", "value", "unit", "source", "date", "note"]
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One value with its unit and origin; `date` is the source's (year, month or day), or when it was read."""

    value: float | str | tuple[str, ...]
    unit: str
    source: str
    date: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A model of accelerator.

    `memory_mib` is what the device reports as usable, not what its name says. Peaks are dense (sheets often print
    the double, with sparsity) with fp32 accumulation; None is a format that the device lacks. fp32 is outside the
    matrix units. `link_gbyte_per_second` is what ties one GPU to its neighbours in the node, both directions
    together: one direction has half.
    """

    id: str
    name: str
    memory_mib: int
    memory_gbyte_per_second: float
    fp32_flop_per_second: float
    fp16_flop_per_second: float
    tf32_flop_per_second: float | None = None
    bf16_flop_per_second: float | None = None
    fp8_flop_per_second: float | None = None
    link: str
    link_gbyte_per_second: float
    board_watts: float
    facts: Mapping[str, Fact] = field(repr=False, compare=False)

    def fact(self, attribute: str) -> Fact | None:
        """Return an attribute's value with unit, source and date; None where the table has no such row."""
        return self.facts.get(attribute)

    def flop_per_second(self, precision: str) -> float | None:
        """Return the dense peak in `fp32`, `tf32`, `fp16`, `bf16` or `fp8`; None where the device lacks the format."""
        peaks = {
            "fp32": self.fp32_flop_per_second,
            "tf32": self.tf32_flop_per_second,
            "fp16": self.fp16_flop_per_second,
            "bf16": self.bf16_flop_per_second,
            "fp8": self.fp8_flop_per_second,
        }
        return peaks[precision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A node type that a provider rents.

    `network_gbit_per_second` is what GPUs of different nodes can use together, over `nics` interfaces, at line rate
    in one direction; the host's own interface is not in it. `markets` are the ways in which the machine can be had:
    on_demand, spot, flex_start, capacity_block, reservation. `local_nvme_gib` None: nothing is bundled.
    """

    name: str
    provider: str
    gpu: str
    gpus_per_node: int
    vcpus: int
    memory_gib: float
    network_gbit_per_second: float
    fabric: str
    nics: int
    local_nvme_gib: float | None = None
    markets: tuple[str, ...]
    facts: Mapping[str, Fact] = field(repr=False, compare=False)

    def fact(self, attribute: str) -> Fact | None:
        """Return an attribute's value with unit, source and date; None where the table has no such row."""
        return self.facts.get(attribute)


PARSERS: dict[str, Callable[[str], float | str | tuple[str, ...]]] = {
    "word": str,
    "words": lambda text: tuple(text.split()),
    "count": int,
    "MiB": int,
    "GiB": float,
    "GB/s": float,
    "Gbit/s": float,
    "FLOP/s": float,
    "W": float,
}
GPU_UNITS = {
    "name": "word",
    "memory_mib": "MiB",
    "memory_gbyte_per_second": "GB/s",
    "fp32_flop_per_second": "FLOP/s",
    "fp16_flop_per_second": "FLOP/s",
    "tf32_flop_per_second": "FLOP/s",
    "bf16_flop_per_second": "FLOP/s",
    "fp8_flop_per_second": "FLOP/s",
    "link": "word",
    "link_gbyte_per_second": "GB/s",
    "board_watts": "W",
}
MACHINE_UNITS = {
    "provider": "word",
    "gpu": "word",
    "gpus_per_node": "count",
    "vcpus": "count",
    "memory_gib": "GiB",
    "network_gbit_per_second": "Gbit/s",
    "fabric": "word",
    "nics": "count",
    "local_nvme_gib": "GiB",
    "markets": "words",
}

Kind = TypeVar("Kind", Gpu, Machine)


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return every known GPU by its id."""
    return parse_gpus(_text("gpus.csv"))


@cache
def machines() -> Mapping[str, Machine]:
    """Return every known rented machine by its name."""
    return parse_machines(_text("machines.csv"))


def parse_gpus(text: str) -> Mapping[str, Gpu]:
    """Make GPUs of a table.

    Raises:
        ValueError: a row is wrong or missing; the message says which.
    """
    return _pivot(text, Gpu, "id", GPU_UNITS)


def parse_machines(text: str) -> Mapping[str, Machine]:
    """Make machines of a table.

    Raises:
        ValueError: a row is wrong or missing; the message says which.
    """
    return _pivot(text, Machine, "name", MACHINE_UNITS)


def _text(name: str) -> str:
    return files("pricing").joinpath("data", name).read_text(encoding="utf-8")


def _pivot(text: str, kind: type[Kind], key: str, units: Mapping[str, str]) -> Mapping[str, Kind]:
    reader = csv.DictReader(text.splitlines())
    if reader.fieldnames != HEADER:
        raise ValueError(f"the columns must be {','.join(HEADER)}")
    grouped: dict[str, dict[str, Fact]] = {}
    for row in reader:
        facts = grouped.setdefault(row["id"], {})
        if row["attribute"] in facts:
            raise ValueError(f"{row['id']}: {row['attribute']} is given twice")
        facts[row["attribute"]] = _fact(row, units)
    return MappingProxyType({name: _made(kind, key, name, facts) for name, facts in grouped.items()})


def _fact(row: Mapping[str, str], units: Mapping[str, str]) -> Fact:
    where = f"{row['id']}: {row['attribute']}"
    unit = units.get(row["attribute"])
    if unit is None:
        raise ValueError(f"{where} is no known attribute")
    if row["unit"] != unit:
        raise ValueError(f"{where} must be in {unit}, not {row['unit']!r}")
    if not row["source"] or not DATE.fullmatch(row["date"]):
        raise ValueError(f"{where} needs a source and a date (YYYY, YYYY-MM or YYYY-MM-DD)")
    try:
        value = PARSERS[unit](row["value"])
    except ValueError:
        raise ValueError(f"{where}: {row['value']!r} is no value in {unit}") from None
    if not value or (isinstance(value, int | float) and not 0 < value < float("inf")):
        raise ValueError(f"{where}: {row['value']!r} is no value; leave the row out where nothing is known")
    return Fact(value=value, unit=unit, source=row["source"], date=row["date"], note=row["note"])


def _made(kind: type[Kind], key: str, name: str, facts: Mapping[str, Fact]) -> Kind:
    required = {each.name for each in fields(kind) if each.default is MISSING} - {key, "facts"}
    missing = sorted(required - facts.keys())
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    values: dict[str, Any] = {attribute: fact.value for attribute, fact in facts.items()}
    values[key] = name
    return kind(**values, facts=facts)
