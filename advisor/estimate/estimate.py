"""What an estimate answers."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from advisor.recommendation import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryParts:
    """Peak GiB of the fullest GPU by part."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    logits: float
    communication: float
    overhead: float

    @property
    def total(self) -> float:
        """Add the parts."""
        gib: list[float] = list(asdict(self).values())
        return sum(gib)

    def document(self) -> dict[str, float]:
        """Return parts and total as `estimate --json` has them."""
        return {**{name: round(gib, 3) for name, gib in asdict(self).items()}, "total": round(self.total, 3)}

    def largest_first(self) -> list[tuple[str, float]]:
        """Name the parts from the largest."""
        return sorted(asdict(self).items(), key=lambda each: -each[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The best layout of a job on so many nodes.

    Where nothing fits, `layout` is None, `memory_gib` that of the smallest layout (None where none is legal), speed
    and `mfu` are None and `reason` says why. `tokens_per_second_low` and `_high` bound 80 % of the measured runs of
    this `kind` around their estimates; without evidence of the kind they are wider. `site_runs` of the user's own
    have scaled the speed.
    """

    nodes: int
    gpus: int
    verdict: Literal["fits", "tight", "does_not_fit"]
    layout: Layout | None
    memory_gib: MemoryParts | None
    capacity_gib: float
    tokens_per_second: float | None
    mfu: float | None
    reason: str | None
    kind: str = ""
    tokens_per_second_low: float | None = None
    tokens_per_second_high: float | None = None
    has_evidence: bool = False
    site_runs: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the fields of `estimate --json` that do not depend on the plan."""
        return {
            "nodes": self.nodes,
            "verdict": self.verdict,
            "layout": None if self.layout is None else self.layout.model_dump(),
            "memory_gib": None if self.memory_gib is None else self.memory_gib.document(),
            "capacity_gib": round(self.capacity_gib, 3),
            "tokens_per_second": None if self.tokens_per_second is None else int(self.tokens_per_second),
            "tokens_per_second_low": None if self.tokens_per_second_low is None else int(self.tokens_per_second_low),
            "tokens_per_second_high": None if self.tokens_per_second_high is None else int(self.tokens_per_second_high),
            "kind": self.kind or None,
            "evidence": self.has_evidence if self.kind else None,
            "site_runs": self.site_runs,
            "mfu": None if self.mfu is None else round(self.mfu, 4),
            "reason": self.reason,
        }
