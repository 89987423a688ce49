"""Looks whether this installation can work: settings, database, providers, prices; each finding with its cure.

Findings are values; nothing here raises for what it finds. Nothing is stored, and a database that is not there yet is
not made.
"""

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from advisor.errors import UsageInvalid
from advisor.settings import Settings, settings
from pricing.offer import Offer

Verdict = Literal["ok", "warning", "failed"]
Trouble = Literal["settings", "database", "prices", "unreachable", "refused"]
PREFIX = "ADVISOR_"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: in words, with what to do about it, and what kind of trouble it is."""

    check: str
    verdict: Verdict
    says: str
    cure: str | None = None
    trouble: Trouble | None = None


def examine(*, ask_providers: bool = True, now: datetime | None = None) -> Iterator[Finding]:
    """Check one thing after the other; without readable settings nothing else can be checked."""
    try:
        chosen = settings()
    except UsageInvalid as error:
        yield Finding("settings", "failed", str(error), "correct the environment or the .env file", "settings")
        return
    yield from _settings(chosen)
    yield from _database(chosen, now or datetime.now(UTC))
    if ask_providers:
        for provider in ("aws", "gcp"):
            yield _provider(provider, chosen)


def _settings(chosen: Settings) -> Iterator[Finding]:
    given = sorted(_names_given())
    known = {f"{PREFIX}{name.upper()}" for name in type(chosen).model_fields}
    says = f"set: {', '.join(name for name in given if name in known) or 'none, all defaults'}"
    yield Finding("settings", "ok", says)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            cure = f"did you mean {near[0]}?" if near else "the README's table lists all settings"
            yield Finding("settings", "warning", f"{name[:64]} is no setting and changes nothing", cure)


def _names_given() -> set[str]:
    """Return the names of settings in the environment and in `.env`, blank ones left out."""
    from dotenv import dotenv_values

    found = dict(dotenv_values(".env", interpolate=False)) | dict(os.environ)
    return {name.upper() for name, value in found.items() if value and name.upper().startswith(PREFIX)}


def _database(chosen: Settings, now: datetime) -> Iterator[Finding]:
    from pricing.book import SpotRule
    from pricing.errors import DatabaseUnavailable
    from pricing.store import PriceBook

    missing = _absent_file(chosen.database_url)
    if missing is not None:
        yield _not_made_yet(missing)
        yield _prices((), chosen, now)
        return
    try:
        with PriceBook.open(chosen.database_url) as book:
            found, offers = book.status(), book.offers(now, SpotRule(basis="last"))
    except DatabaseUnavailable as error:
        yield Finding(
            "database", "failed", str(error), "correct ADVISOR_DATABASE_URL or start the database", "database"
        )
        return
    yield Finding("database", "ok", f"{found.observations:,} observations of {found.series:,} prices")
    yield _prices(offers, chosen, now)


def _absent_file(database_url: str) -> Path | None:
    """Return the file of an SQLite database that is not there yet."""
    scheme, _, rest = database_url.partition(":///")
    if not scheme.startswith("sqlite") or not rest or rest.startswith(":memory:"):
        return None
    file = Path(unquote(rest.partition("?")[0]))
    return None if file.exists() else file


def _not_made_yet(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK):
        return Finding("database", "ok", f"{file} is not there yet; the first command that stores something makes it")
    cure = "choose another place with ADVISOR_DATABASE_URL"
    return Finding("database", "failed", f"{file} cannot be made: {folder} cannot be written to", cure, "database")


def _prices(offers: Sequence[Offer], chosen: Settings, now: datetime) -> Finding:
    limit = timedelta(hours=chosen.price_max_age_hours)
    usable = [offer for offer in offers if offer.currency == "USD"]
    fresh = [offer for offer in usable if offer.age(now) <= limit]
    collect = "run `advisor prices collect`, or `advisor prices import FILE.csv`"
    if not usable:
        return Finding("prices", "failed", "no price is stored", collect, "prices")
    youngest, oldest = (pick(offer.age(now) for offer in usable) / timedelta(hours=1) for pick in (min, max))
    says = (
        f"{len(fresh)} of {len(usable)} offers may be planned with; known to hold {youngest:.0f} to {oldest:.0f} h ago"
    )
    if not fresh:
        return Finding("prices", "failed", f"{says}; the limit is {chosen.price_max_age_hours:g} h", collect, "prices")
    if len(fresh) < len(usable):
        return Finding("prices", "warning", f"{says}; the limit is {chosen.price_max_age_hours:g} h", collect)
    return Finding("prices", "ok", says)


def _provider(provider: str, chosen: Settings) -> Finding:
    from advisor.collecting import access_of
    from pricing.collectors.base import collector_of
    from pricing.errors import CredentialsMissing, ProviderError, ProviderUnavailable

    try:
        return Finding(provider, "ok", collector_of(provider, access_of(chosen)).reach())
    except CredentialsMissing as error:
        return Finding(provider, "warning", str(error), "needed only to collect this provider's prices")
    except ProviderError as error:
        trouble: Trouble = "unreachable" if isinstance(error, ProviderUnavailable) else "refused"
        return Finding(provider, "failed", str(error), "nothing can be collected from it until then", trouble)
