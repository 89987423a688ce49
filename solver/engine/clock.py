"""How long a search may last: work counted by the engine first, wall time as the last guard."""

import time

# Deterministic seconds of the engine granted per second of the time limit. One deterministic second took 1.5 to 2.5
# wall seconds on two machines; with 0.3 the work limit ends the search first unless a machine is much slower.
WORK_PER_SECOND = 0.3


class Clock:
    """Wall time and work still to be had; the wall clock runs from `began` (time.monotonic), now by default.

    Work follows from `limit_s`; wall time ends with it, or earlier after `wall_s`.
    """

    def __init__(self, limit_s: float, began: float | None = None, wall_s: float | None = None) -> None:
        self.limit_s = limit_s
        wall = limit_s if wall_s is None else min(limit_s, wall_s)
        self.ends = (time.monotonic() if began is None else began) + wall
        self.work = limit_s * WORK_PER_SECOND

    @property
    def left_s(self) -> float:
        """Seconds of wall time left, at least a little, so that an engine can say that it had no time."""
        return max(0.05, self.ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether wall time has run out."""
        return time.monotonic() >= self.ends

    def use(self, share: float) -> None:
        """Take a share of the work away that was done outside the engine."""
        self.work *= max(0.05, 1.0 - share)
