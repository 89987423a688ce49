"""Facts about accelerators and the machines that providers rent: one number a row, with unit, source and date.

FLOP rates are dense, never the sparse figures of data sheets. `data/README.md` describes the two tables.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row of a table; `value` is a number, or a text where the unit is a kind of name."""

    attribute: str
    value: float | str
    unit: str
    source: str
    date: str
    note: str


class _Sourced:
    """Access to the rows that a GPU or a machine was read from."""

    __slots__ = ()
    facts: tuple[Fact, ...]

    def fact(self, attribute: str) -> Fact | None:
        """Return the row of an attribute, or None where no table has it."""
        return next((fact for fact in self.facts if fact.attribute == attribute), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu(_Sourced):
    """A model of accelerator; `memory_mib` is what the device reports as usable, a rate that it lacks is None.

    `link_gbyte_per_second` joins the GPUs of one node: per GPU, both directions together. `source` and `date` are
    those of the memory.
    """

    id: str
    memory_mib: int
    hbm_gbyte_per_second: float
    link_gbyte_per_second: float
    power_watt: float
    fp32_flop_per_second: float
    bf16_flop_per_second: float | None
    fp16_flop_per_second: float | None
    tf32_flop_per_second: float | None
    fp8_flop_per_second: float | None
    source: str
    date: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(_Sourced):
    """A node type that a provider rents; `source` and `date` are those of its network.

    `gpu_network_gbit_per_second` is the part of the network that GPUs reach each other through. `sold` names the
    markets (as in price rows); `nvme_gb` is None where no local disk comes with the machine.
    """

    name: str
    provider: str
    gpu: str
    gpus_per_node: int
    network_gbit_per_second: float
    gpu_network_gbit_per_second: float
    vcpus: int
    memory_gib: float
    fabric: str
    nics: int
    nvme_gb: float | None
    sold: tuple[str, ...]
    source: str
    date: str
    facts: tuple[Fact, ...]


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return every known GPU by its id."""
    return MappingProxyType({name: _gpu(name, facts) for name, facts in _tables("gpus.csv").items()})


@cache
def machines() -> Mapping[str, Machine]:
    """Return every known rented machine by its name."""
    return MappingProxyType({name: _machine(name, facts) for name, facts in _tables("machines.csv").items()})


def _gpu(name: str, facts: Mapping[str, Fact]) -> Gpu:
    memory = facts["memory_mib"]

    def rate(precision: str) -> float | None:
        attribute = f"{precision}_flop_per_second"
        return _number(facts[attribute]) if attribute in facts else None

    return Gpu(
        id=name,
        memory_mib=int(_number(memory)),
        hbm_gbyte_per_second=_number(facts["hbm_gbyte_per_second"]),
        link_gbyte_per_second=_number(facts["link_gbyte_per_second"]),
        power_watt=_number(facts["power_watt"]),
        fp32_flop_per_second=_number(facts["fp32_flop_per_second"]),
        bf16_flop_per_second=rate("bf16"),
        fp16_flop_per_second=rate("fp16"),
        tf32_flop_per_second=rate("tf32"),
        fp8_flop_per_second=rate("fp8"),
        source=memory.source,
        date=memory.date,
        facts=tuple(facts.values()),
    )


def _machine(name: str, facts: Mapping[str, Fact]) -> Machine:
    network = facts["network_gbit_per_second"]
    return Machine(
        name=name,
        provider=str(facts["provider"].value),
        gpu=str(facts["gpu"].value),
        gpus_per_node=int(_number(facts["gpus_per_node"])),
        network_gbit_per_second=_number(network),
        gpu_network_gbit_per_second=_number(facts.get("gpu_network_gbit_per_second", network)),
        vcpus=int(_number(facts["vcpus"])),
        memory_gib=_number(facts["memory_gib"]),
        fabric=str(facts["fabric"].value),
        nics=int(_number(facts["nics"])),
        nvme_gb=_number(facts["nvme_gb"]) if "nvme_gb" in facts else None,
        sold=tuple(str(facts["sold"].value).split()),
        source=network.source,
        date=network.date,
        facts=tuple(facts.values()),
    )


def _number(fact: Fact) -> float:
    return float(fact.value)


# Units whose value is a text.
_WORDS = frozenset({"name", "GPU id", "markets"})


def _tables(name: str) -> dict[str, dict[str, Fact]]:
    """Read a long table into facts by thing and attribute, in the order of the file."""
    text = files("pricing").joinpath("data", name).read_text(encoding="utf-8")
    found: dict[str, dict[str, Fact]] = defaultdict(dict)
    for row in csv.DictReader(text.splitlines()):
        found[row["id"]][row["attribute"]] = Fact(
            attribute=row["attribute"],
            value=row["value"] if row["unit"] in _WORDS else float(row["value"]),
            unit=row["unit"],
            source=row["source"],
            date=row["date"],
            note=row["note"],
        )
    return dict(found)
