"""Keeps stdout for the caller: HiGHS prints lines of its own now and then, which would break a JSON document."""

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDOUT = 1
# The buffers of native code must be written before the descriptor changes, or their lines come out later.
_flush_native = ctypes.CDLL(None).fflush


class _Diversion:
    """How many solves divert stdout now; the first saves it, the last puts it back."""

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
                _flush_native(None)
                self.saved = os.dup(STDOUT)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, STDOUT)
                os.close(nowhere)

    def leave(self) -> None:
        """Put stdout back when the last one leaves."""
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                _flush_native(None)
                os.dup2(self.saved, STDOUT)
                os.close(self.saved)


_diversion = _Diversion()


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what is written to stdout meanwhile."""
    _diversion.enter()
    try:
        yield
    finally:
        _diversion.leave()
