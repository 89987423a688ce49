"""Nodes of published runs: names of GPUs as people write them, networks in words, and what is usual otherwise."""

import csv
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from math import prod
from types import MappingProxyType

from advisor.estimate.hardware import Hardware
from advisor.estimate.published_cells import Row
from pricing.hardware import Gpu, gpus

# The first pattern that a name without blanks and dashes matches. The first size counts where nothing states one.
NAMES: tuple[tuple[str, Mapping[int, str]], ...] = (
    ("GB300", {279: "GB300-SXM-279GB"}),
    ("GB200", {186: "GB200-SXM-186GB"}),
    ("GH200", {96: "GH200-96GB", 141: "H200-SXM-141GB"}),
    ("B300", {270: "B300-SXM-270GB"}),
    ("B[12]00", {180: "B200-SXM-180GB"}),
    ("H200", {141: "H200-SXM-141GB"}),
    ("H800", {80: "H800-SXM-80GB"}),
    ("H100.*PCI", {80: "H100-PCIE-80GB"}),
    ("H100.*NVL(?!INK)", {94: "H100-NVL-94GB"}),
    ("H100", {80: "H100-SXM-80GB", 94: "H100-NVL-94GB"}),
    ("H20", {96: "H20-SXM-96GB"}),
    ("A800", {80: "A800-SXM-80GB"}),
    ("A100.*PCI", {80: "A100-PCIE-80GB", 40: "A100-PCIE-40GB"}),
    ("A100", {80: "A100-SXM-80GB", 40: "A100-SXM-40GB"}),
    ("A6000", {48: "A6000-48GB"}),
    ("A40", {48: "A40-48GB"}),
    ("A10G", {24: "A10G-24GB"}),
    ("A10", {24: "A10-24GB"}),
    ("V100.*PCI", {32: "V100-PCIE-32GB", 16: "V100-SXM-16GB"}),
    ("V100", {32: "V100-SXM-32GB", 16: "V100-SXM-16GB"}),
    ("MI3[05]5X", {288: "MI355X-288GB"}),
    ("MI325", {256: "MI325X-256GB"}),
    ("MI300", {192: "MI300X-192GB"}),
    ("MI2", {64: "MI250X-64GB"}),
    ("L40", {48: "L40S-48GB"}),
    ("L4", {24: "L4-24GB"}),
    ("5090", {32: "RTX5090-32GB"}),
    ("6000ADA", {48: "RTX6000-ADA-48GB"}),
    ("4090", {24: "RTX4090-24GB"}),
    ("3090", {24: "RTX3090-24GB"}),
    ("T4", {16: "T4-16GB"}),
)
# A GPU that no pattern knows is taken as the commonest of the published runs.
UNKNOWN_GPU = "H100-SXM-80GB"
# A node's network where the row names none, Gbit/s: eight cards of the generation's InfiniBand, or one card.
USUAL_NETWORK = (
    (("A100", "A800"), 1600.0),
    (("H100", "H200", "H800", "H20", "GH200", "B200", "MI3"), 3200.0),
    (("B300", "GB"), 6400.0),
    (("V100", "MI2"), 400.0),
)
NETWORK_OTHERWISE = 100.0
# GPUs that one NVLink switch joins (GB200 NVL72, GB300 NVL72).
RACK_GPUS = 72


@cache
def run_gpus() -> Mapping[str, Gpu]:
    """Return the GPUs of published runs by id: those of the hardware tables, and some that nobody rents by the node."""
    text = files("advisor.estimate").joinpath("data", "run_gpus.csv").read_text(encoding="utf-8")
    numbers = {each.name for each in fields(Gpu)} - {"id", "name", "link", "facts"}
    own = {}
    for row in csv.DictReader(text.splitlines()):
        values = {name: float(row[name]) for name in numbers if row[name]}
        own[row["id"]] = Gpu(id=row["id"], name=row["name"], link=row["link"], facts=MappingProxyType({}), **values)  # type: ignore[arg-type]
    return MappingProxyType({**own, **gpus()})


def named_gpu(name: str, memory_gb: float | None) -> tuple[Gpu, bool]:
    """Return the GPU that a name means, and whether the name said so."""
    known = run_gpus()
    if name in known:
        return known[name], True
    short = re.sub(r"[\s_\-]", "", name.upper()).replace("NVIDIA", "")
    stated = re.search(r"(?<!\d)(\d{2,3})GI?B", short.replace("GB200", "").replace("GB300", ""))
    after = re.search(r"[-_ ](\d{2,3})$", name)
    size = memory_gb or next((float(found.group(1)) for found in (stated, after) if found), None)
    for pattern, sizes in NAMES:
        if re.search(pattern, short):
            nearest = min(sizes, key=lambda gb: abs(gb - size)) if size else next(iter(sizes))
            return known[sizes[nearest]], True
    return known[UNKNOWN_GPU], False


def published_hardware(row: Row, gpu: Gpu, n_gpus: int, per_node: int) -> Hardware:
    """Make the nodes of a row: "4x200Gb", "EFA 3200Gb/s/node", "800 Gb/s/node", or what is usual for the GPU."""
    rack = "NVL72" in row.get("intra_link", "") or gpu.id.startswith(("GB200", "GB300"))
    network = _network(row.get("inter_link", ""), gpu)
    joined = min(RACK_GPUS, max(n_gpus, per_node)) if rack else per_node
    return Hardware(
        name=row.get("gpu", ""),
        gpu=gpu,
        gpus_per_node=joined,
        network_gbit_per_second=network * joined / max(per_node, 1) if rack else network,
    )


def _network(said: str, gpu: Gpu) -> float:
    """Read Gbit/s of a node: a total, so many cards, terabits, bytes, or one figure; else what is usual."""
    readings = (
        (r"(\d+(?:\.\d+)?) ?Gb(?:/s|ps)?/node", 1.0),
        (r"(\d+) ?x ?(\d+(?:\.\d+)?) ?G", 1.0),
        (r"(\d+(?:\.\d+)?) ?Tb", 1000.0),
        (r"(\d+(?:\.\d+)?) ?GB/s", 8.0),
        (r"(\d+(?:\.\d+)?) ?G(?:b|E|bit)", 1.0),
    )
    for pattern, unit in readings:
        found = re.search(pattern, said)
        if found:
            return unit * prod(float(each) for each in found.groups())
    return next((rate for letters, rate in USUAL_NETWORK if gpu.id.startswith(letters)), NETWORK_OTHERWISE)
