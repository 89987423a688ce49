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


def _prices(collected: Sequence[Offer], chosen: Settings, now: datetime) -> Finding:
    from pricing.book import SpotRule
    from pricing.reference import with_reference

    offers = with_reference(collected, now, SpotRule(basis="last")) if chosen.reference_prices == "on" else collected
    usable = [offer for offer in offers if offer.currency == "USD"]
    own = [offer for offer in usable if not offer.bundled]
    bundled = [offer for offer in usable if offer.bundled]
    cure = "run `advisor prices collect`, or `advisor prices import FILE.csv`"
    beside = f"{len(bundled)} bundled reference prices, {_ages(bundled, now)} old" if bundled else ""
    if not own:
        says = "no price is collected or imported"
        if bundled:
            return Finding("prices", "warning", f"{says}; plans use {beside}", cure)
        return Finding("prices", "failed", says, cure, "prices")
    fresh = sum(offer.age(now) <= timedelta(hours=chosen.price_max_age_hours) for offer in own)
    says = f"{fresh} of {len(own)} collected or imported prices may be planned with; {_ages(own, now)} old"
    says += f"; beside them {beside}" if bundled else ""
    if fresh == len(own):
        return Finding("prices", "ok", says)
    says += f"; the limit is {chosen.price_max_age_hours:g} h"
    return Finding("prices", "warning", says, cure) if fresh else Finding("prices", "failed", says, cure, "prices")


def _ages(offers: Sequence[Offer], now: datetime) -> str:
    """Say how long ago the youngest and the oldest were last known to hold."""
    hours = sorted(offer.age(now) / timedelta(hours=1) for offer in offers)
    least, most = (f"{age:.0f} h" if age < 72 else f"{age / 24:.0f} days" for age in (hours[0], hours[-1]))
    return least if least == most else f"{least} to {most}"


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
