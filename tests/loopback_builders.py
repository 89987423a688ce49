"""A real HTTP server on the loopback address that answers as a test says, and remembers what it was asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request: query and form fields by their first value, body as text, headers in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        """Return the fields of a form body, as EC2's query protocol sends them."""
        return {name: values[0] for name, values in parse_qs(self.body, keep_blank_values=True).items()}


@dataclass(frozen=True)
class Answer:
    """One response; `content_type` as the service would say."""

    body: str
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Loopback:
    """A running server: its address and every request so far, in the order of their arrival."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def loopback(answer: Callable[[Asked], Answer | None]) -> Iterator[Loopback]:
    """Serve on a free port of 127.0.0.1 while the block runs; an answer of None closes the connection without a word."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Where an answer is larger than a segment, waiting for acknowledgements costs 40 ms each.
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                method=self.command,
                path=address.path,
                query={name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length).decode(),
            )
            running.asked.append(asked)
            found = answer(asked)
            if found is None:
                self.close_connection = True
                return
            body = found.body.encode()
            self.send_response(found.status)
            for name, value in {"Content-Type": found.content_type, **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve  # noqa: N815  the names that the base class looks for

        def log_message(self, *_words: object) -> None:
            """Say nothing: the requests are in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    running = Loopback(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
