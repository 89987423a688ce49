"""Hardware tables: every number has unit, source and date, and published figures are the dense ones."""

import csv
import re
from importlib.resources import files

import pytest

from pricing.hardware import gpus, machines, parse_gpus, parse_machines
from pricing.offer import Market

GPUS = files("pricing").joinpath("data/gpus.csv").read_text(encoding="utf-8")
MACHINES = files("pricing").joinpath("data/machines.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("gpu", "attribute", "expected"),
    [
        ("H100-SXM-80GB", "bf16_flop_per_second", 989.4e12),
        ("H100-SXM-80GB", "fp8_flop_per_second", 1978.9e12),
        ("H100-SXM-80GB", "link_gbyte_per_second", 900),
        ("H100-SXM-80GB", "memory_mib", 81559),
        ("H100-PCIE-80GB", "bf16_flop_per_second", 756e12),
        ("H800-SXM-80GB", "link_gbyte_per_second", 400),
        ("H200-SXM-141GB", "memory_gbyte_per_second", 4800),
        ("B200-SXM-180GB", "bf16_flop_per_second", 2250e12),
        ("A100-SXM-80GB", "bf16_flop_per_second", 312e12),
        ("A100-SXM-80GB", "link_gbyte_per_second", 600),
        ("V100-SXM-32GB", "fp16_flop_per_second", 125e12),
        ("L4-24GB", "bf16_flop_per_second", 121e12),
        ("RTX4090-24GB", "bf16_flop_per_second", 165.2e12),
        ("MI300X-192GB", "bf16_flop_per_second", 1307.4e12),
    ],
)
def test_published_figures(gpu, attribute, expected):
    """Rates are dense and links those of the named device."""
    assert getattr(gpus()[gpu], attribute) == expected


def test_absent_precisions_are_none():
    """A device without a format has no rate for it, and the rate of a format can be asked by its name."""
    assert gpus()["V100-SXM-32GB"].flop_per_second("bf16") is None
    assert gpus()["A100-SXM-80GB"].flop_per_second("fp8") is None
    assert gpus()["A100-SXM-80GB"].flop_per_second("tf32") == 156e12


def test_every_fact_is_sourced():
    """Each row has a unit, a source and a date, and its value is the attribute's."""
    for thing in [*gpus().values(), *machines().values()]:
        for attribute, fact in thing.facts.items():
            assert fact.unit
            assert fact.source
            assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", fact.date)
            assert getattr(thing, attribute) == fact.value


def test_fact_of_an_attribute():
    """A fact gives value and unit; an unknown one is None."""
    fact = gpus()["L4-24GB"].fact("board_watts")
    assert fact is not None
    assert (fact.value, fact.unit) == (72.0, "W")
    assert gpus()["L4-24GB"].fact("colour") is None


def test_dense_rates_are_ordered():
    """fp8 is twice 16 bit and 16 bit twice tf32, within the rounding of data sheets; sparse figures would break it."""
    for gpu in gpus().values():
        assert gpu.bf16_flop_per_second in {None, gpu.fp16_flop_per_second}
        if gpu.fp8_flop_per_second is not None:
            assert gpu.fp8_flop_per_second == pytest.approx(2 * gpu.fp16_flop_per_second, rel=0.02)
        if gpu.tf32_flop_per_second is not None:
            assert gpu.tf32_flop_per_second == pytest.approx(gpu.fp16_flop_per_second / 2, rel=0.02)


def test_usable_memory_is_near_the_name():
    """The number in a GPU's id is a guide: usable memory is within 8 % of that many GB."""
    for gpu in gpus().values():
        named = int(gpu.id.rsplit("-", 1)[1].removesuffix("GB"))
        assert gpu.memory_mib * 2**20 / 1e9 == pytest.approx(named, rel=0.08)


def test_machines_are_whole():
    """A machine's GPU is in the table, its markets are markets, and no interface is faster than 400 Gbit/s."""
    ways = {*Market, "reservation"}
    for machine in machines().values():
        assert machine.gpu in gpus()
        assert set(machine.markets) <= ways
        assert 0 < machine.network_gbit_per_second / machine.nics <= 400


@pytest.mark.parametrize(
    ("name", "gpus_per_node", "gbit", "nics"),
    [
        ("p4d.24xlarge", 8, 400, 4),
        ("p5.48xlarge", 8, 3200, 32),
        ("p5en.48xlarge", 8, 3200, 16),
        ("p6-b300.48xlarge", 8, 6400, 16),
        ("a2-megagpu-16g", 16, 100, 1),
        ("a3-highgpu-8g", 8, 800, 4),
        ("a3-megagpu-8g", 8, 1600, 8),
        ("a4-highgpu-8g", 8, 3200, 8),
    ],
)
def test_network_is_what_gpus_can_use(name, gpus_per_node, gbit, nics):
    """The host's own interface is not counted: a3-highgpu-8g has 1000 Gbit/s of which 800 are for GPUs."""
    machine = machines()[name]

    assert (machine.gpus_per_node, machine.network_gbit_per_second, machine.nics) == (gpus_per_node, gbit, nics)


@pytest.mark.parametrize("name", ["a3-highgpu-1g", "a3-highgpu-4g", "a3-ultragpu-8g", "a4-highgpu-8g"])
def test_not_sold_on_demand(name):
    """Google lists an on-demand price for machines that it does not sell so."""
    assert "on_demand" not in machines()[name].markets
    assert "spot" in machines()[name].markets


def test_nothing_bundled_is_none():
    """A machine without local disks has none stated, not zero."""
    assert machines()["a2-highgpu-8g"].local_nvme_gib is None
    assert machines()["a2-ultragpu-8g"].local_nvme_gib == 3000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[1:], "H100-SXM-80GB lacks name"),
        (lambda rows: [*rows, rows[0]], "given twice"),
        (lambda rows: [{**rows[0], "attribute": "colour"}, *rows[1:]], "no known attribute"),
        (lambda rows: [rows[0], {**rows[1], "unit": "GB"}, *rows[2:]], "must be in MiB"),
        (lambda rows: [rows[0], {**rows[1], "value": "many"}, *rows[2:]], "no value in MiB"),
        (lambda rows: [rows[0], {**rows[1], "value": "0"}, *rows[2:]], "leave the row out"),
        (lambda rows: [rows[0], {**rows[1], "value": "-1"}, *rows[2:]], "leave the row out"),
        (lambda rows: [{**rows[0], "source": ""}, *rows[1:]], "needs a source"),
        (lambda rows: [{**rows[0], "date": "last year"}, *rows[1:]], "needs a source and a date"),
    ],
)
def test_a_broken_table_is_refused(change, says):
    """A missing, doubled, unknown, misunited or unsourced fact stops the reading, and the message names it."""
    lines = GPUS.splitlines()
    rows = [row for row in csv.DictReader(lines) if row["id"] == "H100-SXM-80GB"]
    quoted = [",".join(f'"{value}"' for value in row.values()) for row in change(rows)]

    with pytest.raises(ValueError, match=says):
        parse_gpus("\n".join([lines[0], *quoted]))


def test_other_columns_are_refused():
    """A table with other columns is another table."""
    with pytest.raises(ValueError, match="columns"):
        parse_machines(MACHINES.replace("note", "remark", 1))
