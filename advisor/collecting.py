"""Collecting prices, as the command line, the scheduler and the REST service ask for it: settings in, outcomes out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from advisor.errors import UsageInvalid
from advisor.settings import Settings
from pricing.collection import collect
from pricing.collection_records import Collection, Run, collections, placement_scores
from pricing.collectors.base import COLLECTORS, Access, Remark, Request, collector_of
from pricing.moments import moment_text
from pricing.schedule import CollectionSchedule, schedule_state
from pricing.store import PriceBook

REGIONS = {"aws": re.compile(r"[a-z]{2}(-[a-z]+)+-\d+"), "gcp": re.compile(r"[a-z]+(-[a-z]+)+\d+")}
# Failures in which nobody answered, or nobody could be asked.
UNREACHABLE = frozenset({"ProviderUnavailable", "CredentialsMissing"})


def access_of(settings: Settings) -> Access:
    """Return where the settings say that providers are asked."""
    return Access(
        aws_endpoint_url=settings.aws_endpoint_url,
        gcp_compute_endpoint=settings.gcp_compute_endpoint,
        gcp_billing_endpoint=settings.gcp_billing_endpoint,
        gcp_project=settings.gcp_project,
    )


def regions_by_provider(providers: Sequence[str], regions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Give each provider the regions that are named as it names them; of several, one without any is not asked.

    Raises:
        UsageInvalid: a provider is unknown, or a region is named as no provider asked names one.
    """
    unknown = [name for name in providers if name not in COLLECTORS]
    if unknown:
        raise UsageInvalid(f"unknown provider {unknown[0]!r}; one of {', '.join(COLLECTORS)}")
    asked = list(providers or COLLECTORS)
    found = {name: tuple(r for r in regions if REGIONS[name].fullmatch(r)) for name in asked}
    strange = [region for region in regions if not any(region in mine for mine in found.values())]
    if strange:
        example = "write it like us-east-1 (aws) or us-central1 (gcp)"
        raise UsageInvalid(f"{strange[0][:40]!r} is no region of {' or '.join(asked)}; {example}")
    return {name: mine for name, mine in found.items() if mine or not regions}


def collect_prices(
    book: PriceBook,
    settings: Settings,
    *,
    asked_by: str,
    providers: Sequence[str] = (),
    regions: Sequence[str] = (),
    since: datetime | None = None,
    told: Callable[[Run], None] = lambda _run: None,
) -> list[Collection]:
    """Collect from each provider in turn; `regions` empty means those of the settings, or every one that sells.

    Raises:
        UsageInvalid: a provider or region cannot be, or `since` lies in the future.
        DatabaseUnavailable: the database refused or went away.
    """
    now = datetime.now(UTC)
    if since is not None and since > now:
        raise UsageInvalid(f"--since {moment_text(since)} lies in the future")
    stated = {"aws": settings.aws_regions, "gcp": settings.gcp_regions}
    done = []
    for provider, mine in regions_by_provider(providers, regions).items():
        chosen = mine or tuple(word.strip() for word in stated[provider].split(",") if word.strip())
        request = Request(now=now, regions=chosen, since=since)
        collector = collector_of(provider, access_of(settings))
        done.append(collect(book.engine, collector, request, asked_by=asked_by, told=told))
    return done


def collection_schedule(
    book: PriceBook, settings: Settings, told: Callable[[Run], None] = lambda _run: None
) -> CollectionSchedule | None:
    """Make the clock that the settings ask for, not started yet; None where ADVISOR_COLLECT_SCHEDULE is not set.

    Raises:
        UsageInvalid: the setting is no cron expression.
    """
    if settings.collect_schedule is None:
        return None
    try:
        return CollectionSchedule(
            book.engine,
            settings.collect_schedule,
            lambda asked_by: collect_prices(book, settings, asked_by=asked_by, told=told),
        )
    except ValueError as error:
        raise UsageInvalid(f"ADVISOR_COLLECT_SCHEDULE: {error}") from None


def schedule_document(book: PriceBook, settings: Settings) -> dict[str, Any]:
    """Write what the clock says, for programs."""
    try:
        state = schedule_state(book.engine, settings.collect_schedule)
    except ValueError as error:
        raise UsageInvalid(f"ADVISOR_COLLECT_SCHEDULE: {error}") from None
    return {
        "cron": state.cron,
        "next_at": state.next_at and moment_text(state.next_at),
        "runner": state.runner,
        "last_started_at": state.last_started_at and moment_text(state.last_started_at),
    }


def collection_status(book: PriceBook, settings: Settings, now: datetime) -> dict[str, Any]:
    """Write the last collection of each provider, the clock, and the placement scores of the last day."""
    latest: dict[str, Collection] = {}
    for found in collections(book.engine, limit=50):
        latest.setdefault(found.provider, found)
    scores = placement_scores(book.engine, now=now)
    return {
        "collections": [collection_document(found) for found in latest.values()],
        "schedule": schedule_document(book, settings),
        "placement_scores": [asdict(score) for score in scores],
    }


def nothing_reached(done: Sequence[Collection]) -> bool:
    """Whether every failure is that nobody answered or could be asked."""
    kinds = {c.failure_kind for c in done} | {run.failure_kind for c in done for run in c.runs}
    return bool(kinds - {None}) and kinds - {None} <= UNREACHABLE


def run_document(run: Run) -> dict[str, Any]:
    """Write a run for programs."""
    return {
        "provider": run.provider,
        "region": run.region,
        "part": run.part,
        "outcome": run.outcome,
        "at": moment_text(run.at),
        "seconds": round(run.seconds, 3),
        "calls": run.calls,
        "rows_seen": run.rows_seen,
        "rows_new": run.rows_new,
        "rows_rejected": run.rows_rejected,
        "failure": run.failure,
        "failure_kind": run.failure_kind,
        "permission": run.permission,
        "rejected": _remarks(run.rejected),
        "unknown": _remarks(run.unknown),
        "excluded": _remarks(run.excluded),
    }


def _remarks(remarks: Sequence[Remark]) -> list[dict[str, str]]:
    return [{"what": remark.what, "reason": remark.reason} for remark in remarks]


def collection_document(found: Collection, *, with_runs: bool = True) -> dict[str, Any]:
    """Write a collection for programs."""
    document: dict[str, Any] = {
        "id": found.id,
        "provider": found.provider,
        "asked_by": found.asked_by,
        "started_at": moment_text(found.started_at),
        "finished_at": found.finished_at and moment_text(found.finished_at),
        "outcome": found.outcome,
        "failure": found.failure,
        "failure_kind": found.failure_kind,
        "rows_seen": found.rows_seen,
        "rows_new": found.rows_new,
    }
    return {**document, "runs": [run_document(run) for run in found.runs]} if with_runs else document
