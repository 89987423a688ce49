"""Google's own clients asked with bounded patience.

Both clients speak REST: `google-cloud-compute` knows nothing else, and the catalog client's default (gRPC) cannot speak
to a plain HTTP address. Answers are yielded as the clients' raw protocol messages, a page at a time.
"""

import ipaddress
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import google.auth
import requests
from google.auth import exceptions as auth_errors
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import billing_v1, compute_v1
from google.protobuf import json_format

from pricing.collectors.base import MAX_PAGES, Access, Patience
from pricing.collectors.gcp_catalog import page_of
from pricing.collectors.gcp_failures import MAX_QUOTED, credentials_told, told
from pricing.errors import CredentialsMissing, ProviderError, ProviderUnavailable, UnexpectedPayload

CATALOG_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
COMPUTE_ENGINE = "services/6F81-5844-456A"
ATTEMPTS = 4
PAGE_OF_MACHINES = 500
PAGE_OF_SKUS = 5_000
# Series with GPUs of their own are A and G; the pattern must match the whole name.
MACHINES_WITH_GPUS = 'name eq "[ag][0-9].*"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long is waited: for one answer; before a call is made again (then twice as long, and so on); for any success.

    Against errors only a collection takes at most `patience_seconds` and one call more: under two minutes.
    """

    timeout_seconds: float = 20.0
    pause_seconds: float = 0.5
    patience_seconds: float = 60.0


class GcpClients:
    """Machine types, zones and SKUs; counts its calls, and keeps by id why a SKU could not be read."""

    def __init__(self, access: Access, waiting: Waiting) -> None:
        """Make both clients.

        Raises:
            CredentialsMissing: there is nobody to ask as, or no project to ask about.
            ProviderError: an endpoint cannot be used.
        """
        self.calls = 0
        self.unreadable: dict[str, str] = {}
        self._waiting = waiting
        self._patience = Patience(waiting.patience_seconds)
        compute = _endpoint("ADVISOR_GCP_COMPUTE_ENDPOINT", access.gcp_compute_endpoint, "compute.googleapis.com")
        billing = _endpoint("ADVISOR_GCP_BILLING_ENDPOINT", access.gcp_billing_endpoint, "cloudbilling.googleapis.com")
        self.compute_address, self.billing_address = compute.address, billing.address
        self.project = access.gcp_project or _default_project(anonymous=compute.anonymous)
        with credentials_told():
            self._machine_types = compute_v1.MachineTypesClient(**compute.options)
            self._zones = compute_v1.ZonesClient(**compute.options)
            self._catalog = billing_v1.CloudCatalogClient(**billing.options, transport="rest")
        self._catalog_credentials = billing.options.get("credentials")
        self._catalog_url = billing.address if "://" in billing.address else f"https://{billing.address}"

    def machine_types(self, wanted: str = MACHINES_WITH_GPUS) -> Iterator[Any]:
        """Yield pages that map "zones/ZONE" to the machine types there (by default those with GPUs), or a warning."""
        request = compute_v1.AggregatedListMachineTypesRequest(
            project=self.project, filter=wanted, max_results=PAGE_OF_MACHINES
        )
        what = f"machine types of project {self.project}"
        return self._pages(
            self._machine_types.aggregated_list, request, what, self.compute_address, "compute.machineTypes.list"
        )

    def machine_types_in(self, zone: str) -> Iterator[Any]:
        """Yield pages of all machine types in one zone."""
        request = compute_v1.ListMachineTypesRequest(project=self.project, zone=zone, max_results=PAGE_OF_MACHINES)
        what = f"machine types in {zone}"
        return self._pages(self._machine_types.list, request, what, self.compute_address, "compute.machineTypes.list")

    def zones(self) -> Iterator[Any]:
        """Yield pages of the zones."""
        request = compute_v1.ListZonesRequest(project=self.project, max_results=PAGE_OF_MACHINES)
        what = f"zones of project {self.project}"
        return self._pages(self._zones.list, request, what, self.compute_address, "compute.zones.list")

    def skus(self, page_size: int = PAGE_OF_SKUS) -> Iterator[Any]:
        """Yield pages of every SKU of Compute Engine, priced in US dollars."""
        request = billing_v1.ListSkusRequest(parent=COMPUTE_ENGINE, currency_code="USD", page_size=page_size)
        what = "SKUs of Compute Engine"
        permission = "serviceusage.services.use"
        ask = self._catalog.list_skus
        return self._pages(ask, request, what, self.billing_address, permission, self._skus_one_by_one)

    def _skus_one_by_one(self, request: Any) -> Any:
        """Ask for a page that the client refuses as a whole, without the client, and read each SKU by itself."""
        credentials = self._catalog_credentials or google.auth.default(scopes=CATALOG_SCOPES)[0]
        query = {"currencyCode": request.currency_code, "pageSize": request.page_size, "pageToken": request.page_token}
        self.calls += 1
        with AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            found = session.get(
                f"{self._catalog_url}/v1/{request.parent}/skus", params=query, timeout=self._waiting.timeout_seconds
            )
            found.raise_for_status()
            page, unreadable = page_of(found.json())
        self.unreadable |= unreadable
        return page

    def _pages(
        self,
        ask: Callable[..., Any],
        request: Any,
        what: str,
        address: str,
        permission: str,
        in_pieces: Callable[[Any], Any] | None = None,
    ) -> Iterator[Any]:
        seen = {""}
        for _ in range(MAX_PAGES):
            try:
                page = self._page(ask, request, what, address, permission)
            except UnexpectedPayload as failure:
                if in_pieces is None or not isinstance(failure.__cause__, json_format.ParseError):
                    raise
                try:
                    page = in_pieces(request)
                except (requests.exceptions.RequestException, auth_errors.GoogleAuthError, ValueError, AttributeError):
                    raise failure from None
            yield page
            if not page.next_page_token:
                return
            if page.next_page_token in seen:
                raise UnexpectedPayload(f"GCP, {what}: {address} gives a page token twice; the list has no end")
            seen.add(page.next_page_token)
            request.page_token = page.next_page_token
        raise UnexpectedPayload(f"GCP, {what}: more than {MAX_PAGES} pages from {address}")

    def _page(self, ask: Callable[..., Any], request: Any, what: str, address: str, permission: str) -> Any:
        """Ask for one page, again where that may help."""
        for attempt in range(1, ATTEMPTS + 1):
            if self._patience.over:
                raise ProviderUnavailable(f"GCP, {what}: not asked, as nothing but errors has come from {address}")
            self.calls += 1
            try:
                answer = next(iter(ask(request=request, retry=None, timeout=self._waiting.timeout_seconds).pages))
            except Exception as failure:  # the clients raise their own, requests', protobuf's and plain errors
                error = told(failure, what, address, permission)
                if not isinstance(error, ProviderUnavailable) or attempt == ATTEMPTS:
                    raise error from failure
                pause = self._waiting.pause_seconds * 2 ** (attempt - 1)
                time.sleep(pause * random.uniform(1.0, 1.5))
            else:
                self._patience.succeeded()
                return type(answer).pb(answer)
        raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An address to ask at: Google's own, or what a setting says; `anonymous` on this computer over http://."""

    address: str
    options: Mapping[str, Any]
    anonymous: bool = False


def _endpoint(setting: str, given: str | None, own: str) -> _Endpoint:
    if given is None:
        return _Endpoint(own, {})
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in {"http", "https"}:
        raise ProviderError(f"{setting} is no address that can be asked; write it like http://127.0.0.1:8080")
    # Without a user name and password, which an address may hold and a message must not.
    name = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{name}" + (f":{port}" if port else "")
    options: dict[str, Any] = {"client_options": {"api_endpoint": address}}
    if parts.scheme == "https":
        return _Endpoint(address, options)
    if not _is_loopback(host):
        raise ProviderError(
            f"{setting}={address[:MAX_QUOTED]}: credentials are not sent over http:// to another computer; use https://"
        )
    nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return _Endpoint(address, options | {"credentials": nobody}, anonymous=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _default_project(*, anonymous: bool) -> str:
    if anonymous:
        return "loopback"
    with credentials_told():
        _, project = google.auth.default()
    if not project:
        raise CredentialsMissing("GCP: no project to ask about; set ADVISOR_GCP_PROJECT to the id of one of yours")
    return str(project)
