"""`Idempotency-Key`: a request that is sent again gets the first one's answer, and nothing is done twice."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from api.problems import Problem

HEADER = "Idempotency-Key"
LIFETIME_S = 24 * 3600.0
LONGEST_KEY = 255
MOST_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Remembered:
    """What was asked under a key, and the answer once there is one."""

    fingerprint: str
    at: float
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class Repeats:
    """The keys of the last 24 hours, as long as their answers fit 64 MiB; they end with the service."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: OrderedDict[str, Remembered] = OrderedDict()
        self._clock = clock
        self._bytes = 0

    async def once(self, request: Request, raw: bytes, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Answer, or give the answer of the first request with this key.

        An answer that says to try again later (5xx) is not kept.

        Raises:
            Problem: the key belongs to another request, or the first one is still being answered.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return await answer()
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise Problem("invalid-request", f"{HEADER} must have 1 to {LONGEST_KEY} printable characters.")
        self._expire()
        fingerprint = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + raw).hexdigest()
        known = self._known.get(key)
        if known is not None:
            return _replayed(known, fingerprint)
        mine = self._known[key] = Remembered(fingerprint, self._clock())
        try:
            return self._kept(key, mine, await answer())
        except (Exception, asyncio.CancelledError):
            if mine.body is None:
                self._known.pop(key, None)
            raise

    def _kept(self, key: str, mine: Remembered, response: Response) -> Response:
        if response.status_code >= 500:
            del self._known[key]
            return response
        mine.status, mine.body = response.status_code, bytes(response.body)
        mine.headers = tuple((k, v) for k, v in response.headers.items() if k != "content-length")
        self._bytes += len(mine.body)
        while self._bytes > MOST_BYTES and len(self._known) > 1:
            self._drop(next(iter(self._known)))
        return response

    def _expire(self) -> None:
        old = [key for key, each in self._known.items() if self._clock() - each.at > LIFETIME_S]
        for key in old:
            self._drop(key)

    def _drop(self, key: str) -> None:
        dropped = self._known.pop(key)
        self._bytes -= len(dropped.body or b"")


def _replayed(known: Remembered, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        raise Problem("key-reused", f"This {HEADER} was sent with another body or to another address.")
    if known.body is None:
        raise Problem(
            "still-running", "The first request with this key has no answer yet.", headers={"Retry-After": "1"}
        )
    response = Response(known.body, known.status)
    response.raw_headers.extend((k.encode("latin-1"), v.encode("latin-1")) for k, v in known.headers)
    response.headers["Idempotent-Replayed"] = "true"
    return response
