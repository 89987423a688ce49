"""`advisor serve`: the REST service and its web page, on a loopback address."""

import ipaddress
import socket

import click

# The only reference from here to the service: the server resolves it.
APPLICATION, APPLICATION_WITHOUT_SCHEDULER = "api.app:create", "api.app:create_without_scheduler"
SECONDS_TO_END = 5


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free."
)
@click.option("--no-scheduler", is_flag=True, help="Leave collecting by the clock to another process.")
def serve(host: str, port: int, no_scheduler: bool) -> None:
    """Serve the REST API and the web page to this machine, until Ctrl-C.

    Where ADVISOR_COLLECT_SCHEDULE is set, prices are collected by that clock; of several processes on one database
    only one collects.

    The API is described at /docs and /openapi.json. There are no API keys in this version, so only a loopback
    address is served.

    \b
    Example:
      advisor serve --port 8000
      curl http://127.0.0.1:8000/healthz
    """
    import uvicorn

    if not no_scheduler:
        _check_clock()
    listening = _listening(host, port)
    address, number = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    click.echo(f"Serving http://{shown}:{number} (API: /docs). Ctrl-C ends it.", err=True)
    server = uvicorn.Server(
        uvicorn.Config(
            APPLICATION_WITHOUT_SCHEDULER if no_scheduler else APPLICATION,
            factory=True,
            log_level="warning",
            timeout_graceful_shutdown=SECONDS_TO_END,
            server_header=False,
        )
    )
    with listening:
        server.run(sockets=[listening])


def _check_clock() -> None:
    """Refuse a clock that cannot work before anything is served.

    Raises:
        UsageInvalid: a setting has a value that cannot work.
        DatabaseUnavailable: the clock's database does not answer.
    """
    from advisor.settings import settings

    chosen = settings()
    if chosen.collect_schedule is not None:
        from advisor.collecting import collection_schedule
        from pricing.store import PriceBook

        with PriceBook.open(chosen.database_url) as book:
            collection_schedule(book, chosen)


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
