"""What the service refuses before it looks at a request: too large a body, another machine, another web site."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

MAX_BODY_BYTES = 2 * 1024 * 1024
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine itself."""
    name = host.strip("[]").lower()
    if name in {"localhost", "localhost.localdomain"}:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


class Gate:
    """Lets requests of this machine through, each with a body of at most 2 MiB.

    There are no keys yet, so the loopback address is the only wall. A web site that the user happens to visit stands
    inside it: a request that names another host (a rebound name), or that another site's page sends, is refused.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            _check_place(scope, headers)
            _check_size(headers)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, _counted(receive), send)


def _check_place(scope: Scope, headers: Headers) -> None:
    client, host = scope.get("client"), headers.get("host", "")
    if client is not None and not is_loopback(client[0]):
        raise Problem("not-loopback", f"The request comes from {client[0]}; without API keys only loopback is served.")
    if not is_loopback(urlsplit(f"//{host}").hostname or ""):
        raise Problem("not-loopback", "The Host header must name a loopback address, like 127.0.0.1 or localhost.")
    origin = headers.get("origin")
    if scope["method"] not in SAFE_METHODS and origin is not None and urlsplit(origin).netloc != host:
        raise Problem("foreign-origin", "A page of another web site sent this; only this service's own pages may.")


def _too_large() -> Problem:
    return Problem("too-large", f"The body is larger than the limit of {MAX_BODY_BYTES:,} bytes (2 MiB).")


def _check_size(headers: Headers) -> None:
    stated = headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > MAX_BODY_BYTES:
        raise _too_large()


def _counted(receive: Receive) -> Receive:
    """Count what arrives, for bodies that do not state their length."""
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise _too_large()
        return message

    return counting
