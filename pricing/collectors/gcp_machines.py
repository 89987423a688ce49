"""Which machines with GPUs each region offers: Compute Engine's machine types, less what is obsolete or deleted.

One aggregated list answers for all zones. Where it is not known or fails, every zone is asked by itself, and one zone's
failure is its region's only.
"""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from pricing.collectors.base import Remark
from pricing.collectors.gcp_clients import MACHINES_WITH_GPUS, GcpClients
from pricing.collectors.gcp_compose import GIB_PER_SSD, MachineType
from pricing.errors import ProviderError, ProviderUnavailable, UnexpectedPayload

NOT_OFFERED = {"OBSOLETE", "DELETED"}
NOTHING_HERE = "NO_RESULTS_ON_PAGE"
LOCAL_SSDS = re.compile(r"\b(\d+) *(?:x *375 *g(?:i?b)? *)?local ssds?\b", re.IGNORECASE)
SHARE_OF_GPU = re.compile(r"\b1/\d+ ")
SMALLER_G4 = re.compile(r"g4-standard-(6|12|24)\b")


@dataclass(slots=True)
class Machines:
    """Machine types by region and name, the regions that were told, what failed by region, what cannot be read."""

    by_region: dict[str, dict[str, MachineType]] = field(default_factory=dict)
    failures: dict[str, ProviderError] = field(default_factory=dict)
    rejected: list[Remark] = field(default_factory=list)

    def in_region(self, region: str) -> list[MachineType]:
        """Return the machines that at least one zone of the region offers, by name."""
        found = self.by_region.get(region, {})
        return [found[name] for name in sorted(found)]

    def fail(self, zone: str, failure: ProviderError) -> None:
        """Note that a zone's machines are not known: its region is incomplete."""
        self.by_region.setdefault(region_of(zone), {})
        self.failures.setdefault(region_of(zone), failure)

    def add(self, zone: str, message: Any) -> None:
        """Note that a zone offers a machine type; one without GPUs is left out, one that cannot be read is told."""
        in_region = self.by_region.setdefault(region_of(zone), {})
        if _is_gone(message) or not any(
            one.guest_accelerator_type.startswith("nvidia-") for one in message.accelerators
        ):
            return
        known = in_region.get(message.name)
        if known is not None:
            in_region[message.name] = replace(known, zones=(*known.zones, zone))
            return
        machine = _machine(zone, message)
        if isinstance(machine, Remark):
            self.rejected.append(machine)
        else:
            in_region[message.name] = machine


def region_of(zone: str) -> str:
    """Return the region of a zone: us-central1 of us-central1-a."""
    return zone.rpartition("-")[0] or zone


def machines_of(clients: GcpClients) -> Machines:
    """Ask for the machine types of every zone.

    Raises:
        ProviderError: no zone could be asked.
    """
    try:
        machines = _all_at_once(clients)
    except (UnexpectedPayload, ProviderUnavailable) as failure:
        # One zone that Google cannot reach makes the list of all zones fail; an address may lack that list.
        machines = _zone_by_zone(clients, failure)
    if not machines.by_region:
        raise UnexpectedPayload(f"GCP: {clients.compute_address} lists no zone of project {clients.project}")
    return machines


def _all_at_once(clients: GcpClients) -> Machines:
    machines = Machines()
    # The filter spares Google's own service 80 pages; another of that shape may know no filters, or other ones.
    for wanted in (MACHINES_WITH_GPUS, ""):
        for page in clients.machine_types(wanted):
            _read_aggregated(page, machines)
        if any(machines.by_region.values()) or machines.failures:
            break
    return machines


def _read_aggregated(page: Any, machines: Machines) -> None:
    for scope, scoped in page.items.items():
        zone = scope.removeprefix("zones/")
        machines.by_region.setdefault(region_of(zone), {})
        warned = scoped.warning.code if scoped.HasField("warning") else NOTHING_HERE
        if warned != NOTHING_HERE:
            machines.fail(zone, ProviderUnavailable(f"GCP, zone {zone}: {warned} ({scoped.warning.message[:200]})"))
        for message in scoped.machine_types:
            machines.add(zone, message)
    for scope in page.unreachables:
        zone = scope.rpartition("/")[2]
        machines.fail(zone, ProviderUnavailable(f"GCP, zone {zone}: cannot be reached by Google itself just now"))


def _zone_by_zone(clients: GcpClients, before: ProviderError) -> Machines:
    machines = Machines()
    try:
        zones = [zone.name for page in clients.zones() for zone in page.items if not _is_gone(zone)]
    except ProviderError:
        raise before from None
    for zone in zones:
        machines.by_region.setdefault(region_of(zone), {})
        try:
            for page in clients.machine_types_in(zone):
                for message in page.items:
                    machines.add(zone, message)
        except ProviderError as failure:
            machines.fail(zone, failure)
    if machines.failures and not any(machines.by_region.values()):
        raise next(iter(machines.failures.values()))
    return machines


def _machine(zone: str, message: Any) -> MachineType | Remark:
    what = f"machine type {message.name[:64]} in {zone}"
    if len(message.accelerators) != 1:
        return Remark(what, "has several kinds of GPU")
    gpu = message.accelerators[0]
    if message.guest_cpus <= 0 or message.memory_mb <= 0 or gpu.guest_accelerator_count <= 0:
        counts = f"{message.guest_cpus} vCPUs, {message.memory_mb} MiB and {gpu.guest_accelerator_count} GPUs"
        return Remark(what, f"{counts} are no machine")
    return MachineType(
        name=message.name,
        region=region_of(zone),
        zones=(zone,),
        vcpus=message.guest_cpus,
        memory_gib=Fraction(message.memory_mb, 1024),
        accelerator=gpu.guest_accelerator_type,
        accelerators=gpu.guest_accelerator_count,
        local_ssd_gib=_local_ssds(message) * GIB_PER_SSD,
        gpu_share=bool(SHARE_OF_GPU.search(message.description) or SMALLER_G4.match(message.name)),
    )


def _local_ssds(message: Any) -> int:
    """Count the bundled local SSDs: as a number where the machine type has one, else as its description says."""
    if message.HasField("bundled_local_ssds"):
        return int(message.bundled_local_ssds.partition_count)
    found = LOCAL_SSDS.search(message.description)
    return int(found[1]) if found else 0


def _is_gone(message: Any) -> bool:
    return message.HasField("deprecated") and message.deprecated.state in NOT_OFFERED
