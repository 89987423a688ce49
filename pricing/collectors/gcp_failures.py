"""What Google's failures mean for the user: each becomes one of the provider errors, in one line with its cure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors

from pricing.errors import (
    CredentialsMissing,
    CredentialsRefused,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
    UnexpectedPayload,
)

THROTTLED = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
API_OFF = {"accessNotConfigured", "SERVICE_DISABLED"}
NAMED_PERMISSION = re.compile(r"\b(?:compute|billing|cloudbilling|serviceusage)\.[a-zA-Z]+\.[a-zA-Z]+\b")
LOGIN = "run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
MAX_QUOTED = 200


@contextmanager
def credentials_told() -> Iterator[None]:
    """Turn what google-auth raises while credentials are looked up into a provider error."""
    try:
        yield
    except auth_errors.DefaultCredentialsError as failure:
        raise CredentialsMissing(f"GCP: no credentials found; {LOGIN}") from failure
    except (auth_errors.GoogleAuthError, OSError, ValueError) as failure:
        raise CredentialsRefused(f"GCP: the credentials cannot be used ({_short(failure)}); {LOGIN}") from failure


def told(failure: Exception, what: str, address: str, permission: str) -> ProviderError:
    """Say what a failure means for the user; only a `ProviderUnavailable` is worth asking again."""
    where = f"GCP, {what}"
    if isinstance(failure, google_errors.GoogleAPICallError):
        return _refused(failure, where, address, permission)
    if isinstance(failure, requests.exceptions.Timeout):
        return ProviderUnavailable(f"{where}: no answer from {address} in time")
    if isinstance(failure, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return ProviderUnavailable(f"{where}: nobody answers at {address} ({_reason(failure)})")
    if isinstance(failure, auth_errors.TransportError):
        return ProviderUnavailable(f"{where}: the sign-in address does not answer ({_short(failure)})")
    if isinstance(failure, auth_errors.GoogleAuthError):
        return CredentialsRefused(f"{where}: the credentials have expired or are not accepted; {LOGIN}")
    return UnexpectedPayload(f"{where}: the answer of {address} cannot be read ({_short(failure)})")


def _refused(failure: Any, where: str, address: str, permission: str) -> ProviderError:
    code = int(failure.code or 0)
    reasons = {str(entry.get("reason", "")) for entry in failure.errors or () if isinstance(entry, dict)}
    reasons.add(str(failure.reason or ""))
    said = _short(failure)
    if code in {408, 429} or code >= 500 or reasons & THROTTLED:
        throttled = "asks for patience" if code == 429 or reasons & THROTTLED else "fails"
        return ProviderUnavailable(f"{where}: {address} {throttled} ({code}: {said}); try again later")
    if code == 401:
        return CredentialsRefused(f"{where}: the credentials have expired or are not accepted ({said}); {LOGIN}")
    if code == 403 and reasons & API_OFF:
        return PermissionMissing(f"{where}: the API is switched off in this project ({said})", permission=permission)
    if code == 403:
        named = NAMED_PERMISSION.search(str(failure.message))
        missing = named[0] if named else permission
        role = "roles/compute.viewer" if missing.startswith("compute.") else "roles/serviceusage.serviceUsageConsumer"
        cure = f"grant a role that holds it, such as {role}"
        return PermissionMissing(
            f"{where}: permission {missing} is missing ({said}); {cure}",
            permission=missing,
        )
    if code == 404:
        return UnexpectedPayload(f"{where}: {address} does not know this ({said}); is the project right?")
    return UnexpectedPayload(f"{where}: {address} refuses the question ({code}: {said})")


def _reason(failure: Exception) -> str:
    """Name the innermost cause of a connection error: "Connection refused" says more than the pool's repr."""
    text = str(failure)
    for known in ("Connection refused", "Name or service not known", "Connection reset", "timed out", "SSL"):
        if known.lower() in text.lower():
            return known
    return _short(failure)


def _short(failure: BaseException) -> str:
    """Return the failure's words on one line, cut; an HTML page is named, not quoted."""
    text = " ".join(str(getattr(failure, "message", None) or failure).split())
    lower = text.lower()
    if "<html" in lower or "<!doctype" in lower or "<body" in lower:
        return "an HTML page instead of an answer"
    text = text.partition(": ")[2] if text.startswith("GET http") else text
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return f"{printable[:MAX_QUOTED]}…" if len(printable) > MAX_QUOTED else printable or type(failure).__name__
