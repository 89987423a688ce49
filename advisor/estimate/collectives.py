"""Seconds of collectives over two tiers: the links inside a node, and each GPU's share of the node's network.

Ring algorithms with latency a and bandwidth B (Thakur et al. 2005; NCCL-tests PERFORMANCE.md): all-gather and
reduce-scatter (n - 1) a + (n - 1) / n S / B, all-reduce twice that, all-to-all (n - 1) / n S / B.
"""

from dataclasses import dataclass

import numpy as np

from advisor.estimate.calibration import Calibration
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import Floats, Ints

# Group-limited routing sends a token to no more nodes than this (DeepSeek-V3, arXiv:2412.19437, section 2.1.2).
MOST_NODES_A_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Bandwidths that are reached and latencies, for nodes of so many GPUs."""

    gpus_per_node: int
    link_byte_per_second: float
    network_byte_per_second: float
    link_latency_seconds: float
    network_latency_seconds: float

    def gather_seconds(self, size: Floats, ranks: Ints | Floats, stride: Ints | Floats) -> Floats:
        """All-gather or reduce-scatter of S bytes over n ranks that lie `stride` GPUs apart.

        Of n ranks k share a node: (k - 1) / k S over the links, then (n - k) / n S / k over the network, since every
        rank of the node carries its own part.
        """
        together = np.clip(self.gpus_per_node // np.maximum(stride, 1), 1, ranks)
        groups = np.ceil(ranks / together)
        inside = (together - 1) / together * size / self.link_byte_per_second
        outside = (groups - 1) / groups * size / together / self.network_byte_per_second
        steps = (together - 1) * self.link_latency_seconds + (groups - 1) * self.network_latency_seconds
        # Rings pipeline the tiers: the slower one counts.
        seconds: Floats = np.where(ranks > 1, np.maximum(inside, outside) + np.minimum(steps, 1e-3), 0.0)
        return seconds

    def exchange_seconds(
        self, size: Floats, ranks: Ints | Floats, stride: Ints | Floats, copies: int, *, once: bool
    ) -> Floats:
        """All-to-all of S bytes, `copies` of each token, that every rank sends: a share stays in its node.

        With `once` a token travels once to a node and is copied there: of G nodes G (1 - (1 - 1 / G)^k) get it, and
        no more than 4 (DeepEP; DeepSeek-V3, arXiv:2412.19437, section 3.2.2).
        """
        together = np.clip(self.gpus_per_node // np.maximum(stride, 1), 1, ranks)
        groups = np.ceil(ranks / together)
        reached = np.minimum(groups * (1 - (1 - 1 / groups) ** copies), min(copies, MOST_NODES_A_TOKEN))
        away = (groups - 1) / groups * (reached / copies if once else 1.0)
        inside = (together - 1) / together * size / self.link_byte_per_second
        outside = away * size / self.network_byte_per_second
        latency = np.where(ranks > together, self.network_latency_seconds, self.link_latency_seconds)
        seconds: Floats = np.where(ranks > 1, np.maximum(inside, outside) + latency, 0.0)
        return seconds

    def send_seconds(self, size: Floats, distance: Ints | Floats) -> Floats:
        """S bytes to the rank `distance` GPUs away."""
        near = distance < self.gpus_per_node
        seconds: Floats = np.where(
            near,
            self.link_latency_seconds + size / self.link_byte_per_second,
            self.network_latency_seconds + size / self.network_byte_per_second,
        )
        return seconds


def fabric_of(hardware: Hardware, constants: Calibration) -> Fabric:
    """Take the shares of published bandwidths that collectives reach."""
    return Fabric(
        gpus_per_node=hardware.gpus_per_node,
        link_byte_per_second=constants.link_efficiency * hardware.link_byte_per_second,
        network_byte_per_second=constants.network_efficiency * hardware.network_byte_per_second,
        link_latency_seconds=constants.link_latency_seconds,
        network_latency_seconds=constants.network_latency_seconds,
    )
