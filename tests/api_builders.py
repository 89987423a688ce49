"""Builders that tests of the REST service share: the real application behind a real server on a loopback port."""

import csv
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from advisor_builders import HEADER, document, hour, job, price, speed
from fastapi import FastAPI

from advisor.settings import Settings
from api.app import create

AS_OF = "2026-11-24T00:00:00Z"


def database(folder: Path) -> str:
    """Return the address of the service's database in a folder."""
    return f"sqlite:///{folder / 'service.sqlite3'}"


@contextmanager
def service(folder: Path, **fields: Any) -> Iterator[httpx.Client]:
    """Serve the application with its workers on its own database; settings may be given by their names."""
    chosen = Settings(database_url=database(folder), _env_file=None, **fields)
    with served(create(chosen)) as address, httpx.Client(base_url=address, timeout=120) as client:
        yield client


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread and return its address; it stops with the block."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive()


def rows(*lines: str) -> list[dict[str, Any]]:
    """Return lines of a price sheet as the rows of a body."""
    return list(csv.DictReader(io.StringIO("\n".join([HEADER, *lines]) + "\n")))


def small_plan(**fields: Any) -> dict[str, Any]:
    """Write a plan of one job that is done in a moment: 10 h on two nodes at $55.04 make $1,100.80."""
    return document(job("a", 20, speed("p5.48xlarge", 2, 2000), deadline=hour(48), cost_center="research"), **fields)


def body(plan: dict[str, Any] | None = None, *lines: str, **fields: Any) -> dict[str, Any]:
    """Write the body of POST /v1/plans."""
    sent = {"plan": small_plan() if plan is None else plan, "as_of": AS_OF, "time_limit_s": 20}
    return sent | {"prices": rows(*(lines or (price(55.04),)))} | fields


def long_body() -> dict[str, Any]:
    """Write the body of a plan that takes its whole minute: many jobs that compete for few nodes, without a proof."""
    jobs = [
        job(
            f"job-{index}",
            50 + 7 * index,
            *(speed("p5.48xlarge", nodes, 1000 * nodes - 30 * nodes * nodes) for nodes in (1, 2, 3, 5, 8)),
            deadline=hour(400 + 11 * index),
            markets=["on_demand", "spot"],
        )
        for index in range(12)
    ]
    limits = [
        {"provider": "aws", "region": "us-east-1", "machine": "p5.48xlarge", "market": "on_demand", "max_nodes": 9}
    ]
    lines = [price(55.04), price(21.17, market="spot", zone="use1-az2", nodes=4)]
    return body(document(*jobs, limits=limits, max_miss_probability=1), *lines, time_limit_s=60)
