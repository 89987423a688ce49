"""Errors that the user of a command or a route can cure; each is one clear message with its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where (path), and what with its cure."""

    path: str
    message: str

    def __str__(self) -> str:
        """Path and message on one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


MAX_LINES = 30
MAX_BYTES = 4096
MAX_LINE_CHARACTERS = 400


class DocumentInvalid(Exception):
    """A document breaks the contract: every fault with its path, at most 30 lines and 4 KiB when shown."""

    def __init__(self, document: str, faults: list[Fault]) -> None:
        self.document = document
        self.faults = faults
        super().__init__(self.text())

    def text(self) -> str:
        """Return the faults as people read them; what exceeds the limit is counted."""
        head = f"{self.document}: {len(self.faults)} problem{'s' if len(self.faults) != 1 else ''}"
        lines, size = [head], len(head.encode()) + 1
        for index, fault in enumerate(self.faults):
            line = "  " + " ".join(str(fault).split())
            if len(line) > MAX_LINE_CHARACTERS:
                line = line[: MAX_LINE_CHARACTERS - 1] + "…"
            size += len(line.encode()) + 1
            if len(lines) >= MAX_LINES - 1 or size > MAX_BYTES - 60:
                lines.append(f"  … and {len(self.faults) - index} more")
                break
            lines.append(line)
        return "\n".join(lines)


class UsageInvalid(Exception):
    """An option or argument has a value that cannot work; the message names it and the cure."""
