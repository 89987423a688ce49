"""Asking AWS through boto3: clients, paging to the end, bounded patience, and errors in our own words."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from threading import Lock
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError as BotoHttpError
from botocore.parsers import ResponseParserError

from pricing.collectors.base import MAX_PAGES, Access, Patience
from pricing.errors import (
    CredentialsMissing,
    CredentialsRefused,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
    UnexpectedPayload,
)

# Three attempts with random, doubling pauses: a hanging address costs 45 s, one that answers errors about 2 s.
LIMITS = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
REFUSED = frozenset(
    {
        "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidToken", "MissingAuthenticationToken", "RequestExpired",
        "SignatureDoesNotMatch", "UnrecognizedClientException",
    }
)  # fmt: skip
FORBIDDEN = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedAccess", "UnauthorizedOperation"}
)
NOT_ENABLED = frozenset({"OptInRequired", "Blocked"})
LATER = frozenset(
    {
        "InternalError", "InternalErrorException", "InternalFailure", "InternalServerException",
        "RequestLimitExceeded", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException",
        "TooManyRequestsException", "Unavailable",
    }
)  # fmt: skip


@cache
def _models() -> Any:
    """Return the reader of AWS's service models: reading that of EC2 takes half a second, once is enough."""
    return botocore.loaders.create_loader()


class RequestRefused(UnexpectedPayload):
    """AWS understood the call and does not take its parameters; `code` is AWS's word for it."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class AwsCalls:
    """The clients of one collection; may be shared by threads. A patience for each service, one for all."""

    def __init__(self, access: Access) -> None:
        self._access = access
        session = botocore.session.get_session()
        session.register_component("data_loader", _models())
        self._session = boto3.Session(botocore_session=session)
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._patience: dict[str, Patience] = {}
        self._of_all = Patience()
        self._stopped = False

    def stop(self) -> None:
        """Let no further call begin."""
        self._stopped = True

    def known_regions(self) -> list[str]:
        """Return the regions that botocore knows by itself."""
        return list(self._session.get_available_regions("ec2"))

    def _client(self, service: str, region: str) -> Any:
        # Making clients from one session is not safe in several threads; using them is.
        with self._lock:
            self._patience.setdefault(service, Patience())
            if (service, region) not in self._clients:
                address = self._access.aws_endpoint_url
                made = self._session.client(service, region_name=region, endpoint_url=address, config=LIMITS)
                self._clients[service, region] = made
            return self._clients[service, region]

    def call(self, service: str, region: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Ask once (with retries).

        Raises:
            ProviderError: what went wrong, with region and operation, and the next step.
        """
        where = f"{operation} in {region}"
        if self._stopped:
            raise ProviderUnavailable(f"{where} was not asked: the collection was stopped")
        try:
            client = self._client(service, region)
            patiences = (self._patience[service], self._of_all)
            for patience in patiences:
                patience.asking()
            if any(patience.over for patience in patiences):
                raise ProviderUnavailable(f"{where} was not asked: for a minute there were nothing but errors")
            method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
            answer: dict[str, Any] = getattr(client, method)(**arguments)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise _in_our_words(error, service, operation, where) from None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            # botocore's parsers let these out where a body is no answer of the service.
            raise UnexpectedPayload(f"{where}: the answer cannot be read ({_line(error)})") from None
        for patience in patiences:
            patience.succeeded()
        return answer

    def pages(
        self, service: str, region: str, operation: str, *, key: str, token: str, **arguments: Any
    ) -> Iterator[list[Any]]:
        """Yield the list under `key` of each page; an empty page is no end, only an empty token is.

        Raises:
            ProviderError: a call failed, the answer lacks the list, or the pages run in a circle.
        """
        where, seen, following = f"{operation} in {region}", set[str](), ""
        for _ in range(MAX_PAGES):
            more = {token: following} if following else {}
            answer = self.call(service, region, operation, **arguments, **more)
            yield _list_of(answer, key, where)
            following = answer.get(token) or ""
            if not following:
                return
            if following in seen:
                raise UnexpectedPayload(f"{where}: the pages run in a circle (a token came twice)")
            seen.add(following)
        raise UnexpectedPayload(f"{where}: more than {MAX_PAGES} pages")


def _list_of(answer: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return the list of an answer; a page of HTML parses to an answer without it and without a request id."""
    found = answer.get(key)
    if found is None and not answer.get("ResponseMetadata", {}).get("RequestId"):
        raise UnexpectedPayload(f"{where}: the answer has no {key}; is the address that of AWS?")
    if not isinstance(found or [], list):
        raise UnexpectedPayload(f"{where}: {key} is no list")
    return found or []


def _line(error: object) -> str:
    text = " ".join(str(error).split())
    page = re.search(r"(?:b['\"])?<(?:!doctype html|html)\b", text, re.IGNORECASE)
    if page is not None:
        text = f"{text[: page.start()]}an HTML page"
    return "".join(letter for letter in text if letter.isprintable())[:300]


def _in_our_words(error: Exception, service: str, operation: str, where: str) -> ProviderError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError | UnauthorizedSSOTokenError):
        looked = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role of the machine"
        return CredentialsMissing(f"no AWS credentials ({_line(error)}); set {looked}")
    if isinstance(error, ClientError):
        return _of_answer(error, service, operation, where)
    if isinstance(error, BotoConnectionError | BotoHttpError | SSLError | ProxyConnectionError | NoRegionError):
        return ProviderUnavailable(f"{where}: AWS cannot be reached ({_line(error)}); check network and endpoint")
    if isinstance(error, ResponseParserError):
        return UnexpectedPayload(f"{where}: the answer is no answer of AWS ({_line(error)})")
    return ProviderUnavailable(f"{where}: {_line(error)}")


def _of_answer(error: ClientError, service: str, operation: str, where: str) -> ProviderError:
    answer = error.response.get("Error", {})
    code, words = str(answer.get("Code") or ""), _line(answer.get("Message") or "")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in REFUSED:
        return CredentialsRefused(f"{where}: AWS refuses the credentials ({code}: {words}); renew or correct them")
    if code in NOT_ENABLED:
        text = f"{where}: the account has not enabled it ({code}); enable it or leave the region out"
        return PermissionMissing(text, permission="account:EnableRegion")
    if code in FORBIDDEN:
        permission = f"{service}:{operation}"
        return PermissionMissing(f"{where}: permission {permission} is missing; add it", permission=permission)
    if code in LATER or status >= 500 or status == 429:
        return ProviderUnavailable(f"{where}: AWS answers {code or status} ({words}) again and again; try later")
    return RequestRefused(f"{where}: AWS answers {code or status} ({words})", code=code)
