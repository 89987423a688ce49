"""Measured over estimated on a site's own runs, per GPU and stack of software."""

from dataclasses import dataclass
from typing import Literal

from advisor.plan.schema import SoftwareStack


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFactor:
    """Measured over predicted for one GPU and stack."""

    quantity: Literal["tput", "mem", "gpuh"]
    gpu: str
    stack: SoftwareStack
    runs: int
    factor: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SiteCalibration:
    """The factors of a site; what they do not name is left as the model says."""

    factors: tuple[SiteFactor, ...]
    source: str

    def factor(self, quantity: Literal["tput", "mem", "gpuh"], gpu: str, stack: str) -> SiteFactor | None:
        """Return the factor of a GPU and stack, else of the GPU with most runs behind it; None where there is none."""
        mine = [each for each in self.factors if each.quantity == quantity and each.gpu == gpu]
        exact = [each for each in mine if each.stack == stack]
        return max(exact or mine, key=lambda each: each.runs, default=None)
