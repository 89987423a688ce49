"""What devices reach: dense peaks times the efficiency of large products, of a product's size, of attention."""

from dataclasses import dataclass

import numpy as np

from advisor.estimate.calibration import Calibration, generation
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import Floats
from advisor.estimate.work import Work

# Streaming multiprocessors (compute units) that tiles of a product are spread over; data sheets of the generation.
PROCESSORS = {"volta": 80, "ampere": 108, "ada": 128, "hopper": 132, "blackwell": 148, "amd": 304}
# Outer sizes of the tile that one of them computes; CUTLASS and cuBLAS use these for large products.
TILE_ROWS, TILE_COLUMNS = 128, 256
# Rows and columns are padded to this.
PADDING = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a device reaches on large operations, per second, and how products of a size fall short of it."""

    matrix: float
    linear: float
    attention: float
    memory: float
    processors: int
    wave_loss: float
    half_depth: float

    def product_seconds(self, rate: float, rows: Floats, columns: Floats, depth: Floats, count: Floats) -> Floats:
        """Seconds of `count` products (rows, depth) x (depth, columns) that run together.

        Padding to whole tiles; W waves of tiles over the processors, of which the last is half empty on average:
        W / (W + loss); a start and an end per tile: depth / (depth + half).
        """
        rows = np.maximum(rows, 1.0)
        padded = np.ceil(rows / PADDING) * np.ceil(columns / PADDING) * PADDING**2
        waves = count * np.ceil(rows / TILE_ROWS) * np.ceil(columns / TILE_COLUMNS) / self.processors
        share = waves / (waves + self.wave_loss) * depth / (depth + self.half_depth)
        seconds: Floats = 2 * count * padded * depth / (rate * share)
        return seconds


def rates_of(work: Work, hardware: Hardware, constants: Calibration) -> Rates:
    """Efficiencies times peaks: linear layers in the job's precision, all else in 16 bits (fp32 in fp32).

    fp8 keeps a share of the 16-bit efficiency: casts and scales. Four bits double the rate of fp8 at a share of it.
    """
    wide = "bf16" if work.precision == "fp8" else work.precision
    peak, own = hardware.flop_per_second(wide), hardware.flop_per_second(work.precision)
    if peak is None or own is None:
        raise ValueError(f"{hardware.gpu.id} has no {work.precision}")
    made = generation(hardware.gpu.id)
    efficiency = float(getattr(constants, f"matrix_efficiency_{made}")) * _stack_share(work, made, constants)
    narrow = constants.matrix_efficiency_fp8 if work.precision == "fp8" else 1.0
    narrow *= 2 * constants.matrix_efficiency_fp4 if work.four_bit_products else 1.0
    attention = float(getattr(constants, f"attention_efficiency_{made}"))
    if work.stack in {"plain", "unfused"}:
        attention *= constants.attention_share_plain
    if work.first_flash_attention:
        attention *= constants.attention_share_first
    return Rates(
        matrix=efficiency * peak,
        linear=efficiency * narrow * own,
        attention=attention * peak,
        memory=constants.memory_efficiency * hardware.memory_byte_per_second,
        processors=PROCESSORS[made],
        wave_loss=constants.wave_loss,
        half_depth=constants.half_depth,
    )


def _stack_share(work: Work, made: str, constants: Calibration) -> float:
    """Share of the best stack's efficiency: PyTorch alone is further from it on GPUs that came after Ampere."""
    if work.stack != "plain":
        return constants.by_stack("matrix_share", work.stack)
    share = constants.matrix_share_plain
    if made in {"hopper", "amd", "blackwell"}:
        share *= constants.matrix_share_plain_hopper
    return share * constants.matrix_share_plain_blackwell if made == "blackwell" else share
