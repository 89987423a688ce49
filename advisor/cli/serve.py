"""`advisor serve`: the REST service and its web page, on a loopback address."""

import ipaddress
import socket

import click

# The only reference from here to the service: the server resolves it.
APPLICATION = "api.app:create"
SECONDS_TO_END = 5


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free."
)
def serve(host: str, port: int) -> None:
    """Serve the REST API and the web page to this machine, until Ctrl-C.

    The API is described at /docs and /openapi.json. There are no API keys in this version, so only a loopback
    address is served.

    \b
    Example:
      advisor serve --port 8000
      curl http://127.0.0.1:8000/healthz
    """
    import uvicorn

    listening = _listening(host, port)
    address, number = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    click.echo(f"Serving http://{shown}:{number} (API: /docs). Ctrl-C ends it.", err=True)
    server = uvicorn.Server(
        uvicorn.Config(
            APPLICATION,
            factory=True,
            log_level="warning",
            timeout_graceful_shutdown=SECONDS_TO_END,
            server_header=False,
        )
    )
    with listening:
        server.run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Bind a loopback address.

    Raises:
        UsageInvalid: the address is no loopback address, or is taken.
    """
    from advisor.errors import UsageInvalid

    if not _is_loopback(host):
        raise UsageInvalid(
            f"--host {host[:80]}: only a loopback address is served, 127.0.0.1 or ::1, since this version has no API "
            "keys; reach it from elsewhere through an SSH tunnel or a proxy that asks who is there"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; otherwise each waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1" if host == "localhost" else host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageInvalid(f"--port {port}: {host} cannot be bound ({error.strerror}); choose another port") from None
    return listening


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
