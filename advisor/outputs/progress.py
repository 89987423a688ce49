"""One line on stderr while a plan is being made: what is being done, the best plan so far, and how good it must be."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from advisor.outputs.phrases import percent_at_most

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    from solver import Progress


class ProgressView:
    """Shows progress from callbacks; says nothing where stderr is no terminal. Gone when the work is done.

    The line is drawn again several times a second from what the last callback said, so its clock never stands.
    """

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self._status: Status | None = None
        self._began = time.monotonic()
        self._said: tuple[str, float | None, float | None] = ("planning", None, None)

    def __enter__(self) -> Self:
        """Begin to show, if there is somebody to show it to."""
        if self._console is None and sys.stderr.isatty():
            from rich.console import Console

            self._console = Console(stderr=True)
        if self._console is not None and self._console.is_terminal:
            from rich.status import Status

            plain = self._console.options.ascii_only
            self._status = Status(self, console=self._console, spinner="line" if plain else "dots")
            self._began = time.monotonic()
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, however the work ended."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __rich__(self) -> "Text":
        """Draw the line as of now."""
        from rich.text import Text

        return Text(progress_words(*self._said, time.monotonic() - self._began), overflow="ellipsis", no_wrap=True)

    def update(self, phase: str, best_usd: float | None, bound_usd: float | None) -> None:
        """Show the phase, the best total so far and the least that is possible, as far as they are known."""
        self._said = (phase, best_usd, bound_usd)
        if self._status is not None:
            self._status.update()

    def listen(self, progress: "Progress") -> None:
        """Show what the solver reports."""
        best, bound = progress.best_uusd, progress.bound_uusd
        self.update(progress.phase, None if best is None else best / 1e6, None if bound is None else bound / 1e6)


def progress_words(phase: str, best_usd: float | None, bound_usd: float | None, elapsed_s: float) -> str:
    """Put progress into words: dollars without cents, the gap as a share of the best."""
    parts = [phase]
    if best_usd is not None:
        parts.append(f"best ${best_usd:,.0f}")
    if bound_usd is not None:
        parts.append(f"at least ${bound_usd:,.0f}")
    if best_usd and bound_usd is not None:
        parts.append(f"gap {percent_at_most(max(0.0, (best_usd - bound_usd) / best_usd))}")
    return " | ".join([*parts, f"{elapsed_s:,.0f} s"])
