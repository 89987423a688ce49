"""Keeps stdout for the caller: HiGHS prints a line of its own now and then, which would break a JSON document."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDOUT, STDERR = 1, 2


class _Diversion:
    """How many solves divert stdout to stderr now; the first saves it, the last puts it back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.saved = -1

    def enter(self) -> None:
        """Divert, unless somebody did already."""
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                sys.stdout.flush()
                self.saved = os.dup(STDOUT)
                os.dup2(STDERR, STDOUT)

    def leave(self) -> None:
        """Put stdout back when the last one leaves."""
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                os.dup2(self.saved, STDOUT)
                os.close(self.saved)


_diversion = _Diversion()


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what native code writes to stdout to stderr instead."""
    _diversion.enter()
    try:
        yield
    finally:
        _diversion.leave()
