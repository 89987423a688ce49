"""What an estimate needs to know of nodes: rented machines and owned clusters come through the same door."""

from dataclasses import dataclass

from advisor.plan.schema import Cluster, Precision, TrainingPlan
from pricing.hardware import Gpu, gpus, machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """Equal nodes of one GPU. `network_gbit_per_second` is a node's, one direction, between the GPUs of a job."""

    name: str
    gpu: Gpu
    gpus_per_node: int
    network_gbit_per_second: float

    @property
    def capacity_gib(self) -> float:
        """Usable memory of one GPU."""
        return self.gpu.memory_mib / 1024

    @property
    def link_byte_per_second(self) -> float:
        """Bandwidth of one GPU to its neighbours in the node, one direction: half of the published total."""
        return self.gpu.link_gbyte_per_second * 1e9 / 2

    @property
    def network_byte_per_second(self) -> float:
        """One GPU's share of the node's network, one direction."""
        return self.network_gbit_per_second * 1e9 / 8 / self.gpus_per_node

    @property
    def memory_byte_per_second(self) -> float:
        """Published bandwidth of one GPU's memory."""
        return self.gpu.memory_gbyte_per_second * 1e9

    def flop_per_second(self, precision: Precision) -> float | None:
        """Dense peak of matrix products in a precision; fp32 runs as tf32 where there is tf32."""
        if precision == "fp32":
            return self.gpu.tf32_flop_per_second or self.gpu.fp32_flop_per_second
        return self.gpu.flop_per_second(precision)


def hardware_of_machine(name: str, plan: TrainingPlan | None = None) -> Hardware:
    """Return a rented machine of the plan or of the table.

    Raises:
        KeyError: where neither knows the name.
    """
    own = next((machine for machine in plan.machines if machine.name == name), None) if plan else None
    if own is not None:
        return Hardware(
            name=name,
            gpu=gpus()[own.gpu],
            gpus_per_node=own.gpus_per_node,
            network_gbit_per_second=float(own.network_gbit_per_second),
        )
    machine = machines()[name]
    return Hardware(
        name=name,
        gpu=gpus()[machine.gpu],
        gpus_per_node=machine.gpus_per_node,
        network_gbit_per_second=machine.network_gbit_per_second,
    )


def hardware_of_cluster(cluster: Cluster) -> Hardware:
    """Return an owned cluster's nodes."""
    return Hardware(
        name=cluster.name,
        gpu=gpus()[cluster.gpu],
        gpus_per_node=cluster.gpus_per_node,
        network_gbit_per_second=float(cluster.network_gbit_per_second),
    )
