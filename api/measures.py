"""What Prometheus reads at /metrics: requests by route, plans by outcome, how full the desk is, collections."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.desk import Desk
from pricing.collection_records import collections
from pricing.errors import PricingError
from pricing.store import PriceBook

# So many collections are looked back on.
RECENT = 200
REQUEST_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Measures:
    """Counters of one application."""

    def __init__(self, desk: Desk, database_url: str) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "advisor_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "advisor_http_request_seconds",
            "Time to answer a request.",
            ["route"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_Desk(desk))
        self.registry.register(_Collections(database_url))

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self.registry)


class _Desk(Collector):
    """Reads the desk when it is asked, so that nothing has to keep count."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterable[Metric]:
        """Yield how many plans are in each state, and how many ended in which."""
        tasks = GaugeMetricFamily("advisor_plans", "Plans in the desk now.", labels=["state"])
        for state in ("queued", "running"):
            tasks.add_metric([state], len(self._desk.active(state)))
        yield tasks
        ended = GaugeMetricFamily("advisor_plans_ended", "Plans ended since the start.", labels=["state"])
        for state, count in self._desk.ended.items():
            ended.add_metric([state], count)
        yield ended


class _Collections(Collector):
    """Reads the recorded collections when it is asked: whoever collected, on whichever machine, they are told.

    A database that does not answer leaves these measures out; what is not known is not zero.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    def describe(self) -> Iterable[Metric]:
        """Name the measures without reading anything: this is asked while the application is made."""
        return self._families()

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        by_outcome = ["provider", "outcome"]
        return (
            GaugeMetricFamily("advisor_collections_running", "Collections running now.", labels=["provider"]),
            GaugeMetricFamily(
                "advisor_collection_finished_timestamp_seconds", "When the last one ended so.", labels=by_outcome
            ),
            GaugeMetricFamily(
                "advisor_collection_rows_new", "New rows of the last one that ended so.", labels=by_outcome
            ),
        )

    def collect(self) -> Iterable[Metric]:
        """Yield how many collections run, and by provider and outcome when the last one ended and what it added."""
        try:
            with PriceBook.open(self._database_url) as book:
                found = collections(book.engine, limit=RECENT)
        except PricingError:
            return
        running, finished, rows_new = self._families()
        for provider in sorted({each.provider for each in found}):
            running.add_metric([provider], sum(e.provider == provider and e.outcome == "running" for e in found))
        told: set[tuple[str, str]] = set()
        for each in found:
            labels = (each.provider, each.outcome)
            if each.finished_at is not None and labels not in told:
                told.add(labels)
                finished.add_metric(labels, each.finished_at.timestamp())
                rows_new.add_metric(labels, each.rows_new)
        yield from (running, finished, rows_new)


class Measured:
    """Counts every request by its route's pattern, never by its address: labels stay few."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app = app
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count when the answer begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watching)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self.measures.requests.labels(scope["method"], route, str(status)).inc()
            self.measures.seconds.labels(route).observe(time.perf_counter() - began)
