"""Hardware tables: every number has unit, source and date, and published figures are the dense ones."""

import datetime as dt

import pytest

from pricing.hardware import gpus, machines


@pytest.mark.parametrize(
    ("gpu", "attribute", "expected"),
    [
        ("H100-SXM-80GB", "bf16_flop_per_second", 989.4e12),
        ("H100-SXM-80GB", "fp8_flop_per_second", 1978.9e12),
        ("H100-SXM-80GB", "link_gbyte_per_second", 900),
        ("H100-PCIE-80GB", "bf16_flop_per_second", 756e12),
        ("H800-SXM-80GB", "link_gbyte_per_second", 400),
        ("A100-SXM-80GB", "bf16_flop_per_second", 312e12),
        ("A100-SXM-80GB", "link_gbyte_per_second", 600),
        ("V100-SXM-32GB", "fp16_flop_per_second", 125e12),
        ("MI300X-192GB", "bf16_flop_per_second", 1307.4e12),
    ],
)
def test_published_figures(gpu, attribute, expected):
    """Rates are dense and links those of the named device."""
    assert getattr(gpus()[gpu], attribute) == expected


def test_absent_precisions_are_none():
    """A device without a precision has no rate for it."""
    assert gpus()["V100-SXM-32GB"].bf16_flop_per_second is None
    assert gpus()["A100-SXM-80GB"].fp8_flop_per_second is None


def test_every_fact_is_sourced():
    """Each row has a unit, a source and a date."""
    for thing in [*gpus().values(), *machines().values()]:
        assert thing.facts
        for fact in thing.facts:
            assert fact.unit
            assert fact.source
            dt.date.fromisoformat(fact.date)


def test_fact_of_an_attribute():
    """A fact gives value and unit; an unknown one is None."""
    fact = gpus()["L4-24GB"].fact("power_watt")
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


def test_machines_refer_to_known_gpus():
    """Every machine's GPU is in the GPU table, and its GPU network is part of its network."""
    for machine in machines().values():
        assert machine.gpu in gpus()
        assert 0 < machine.gpu_network_gbit_per_second <= machine.network_gbit_per_second


@pytest.mark.parametrize("name", ["a4-highgpu-8g", "a3-ultragpu-8g", "a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g"])
def test_not_sold_on_demand(name):
    """A listed price does not make these machines offers on demand."""
    assert "on_demand" not in machines()[name].sold
    assert "spot" in machines()[name].sold
