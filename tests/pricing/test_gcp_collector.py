"""The GCP collector with Google's real clients against a loopback double: shapes, paging, traps, everything that fails."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gcp_builders import (
    A3_HIGH,
    GcpDouble,
    a3_skus,
    error,
    machine_type,
    nothing_here,
    page_of_html,
    serving,
    sku,
    whole_price,
)
from loopback_builders import Answer, Asked, loopback

from pricing.collectors.base import Access, Portion, Request
from pricing.collectors.gcp import GcpCollector
from pricing.collectors.gcp_clients import Waiting
from pricing.errors import (
    CredentialsMissing,
    CredentialsRefused,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
    UnexpectedPayload,
)
from pricing.moments import moment, moment_text
from pricing.observation import PriceRow
from pricing.offer import Market

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[3] / "shared/data/api_samples"
SSD = [
    sku("SSD backed Local Storage", "0.08", regions=("us-central1", "europe-west4")),
    sku("SSD backed Local Storage attached to Spot Preemptible VMs", "0.0229"),
    sku("Commitment v1: Local SSD in Americas for 1 Year", "0.0504", usage="Commit1Yr"),
    sku("Commitment v1: Local SSD in Americas for 3 Years", "0.036", usage="Commit3Yr"),
]
ON_DEMAND = a3_skus(core="0.025498", ram="0.00222034", gpu="9.79655")
SPOT = a3_skus("Spot Preemptible ", core="0.00778", ram="0.000679", gpu="2.9926")


@pytest.fixture
def double() -> Iterator[GcpDouble]:
    """A double that sells a3-highgpu-8g in one zone, on demand and on spot."""
    held = GcpDouble(skus=[*ON_DEMAND, *SPOT, *SSD], machines={"us-central1-a": [A3_HIGH]})
    with serving(held):
        yield held


def collect(double: GcpDouble, *regions: str, now: datetime = NOW) -> list[Portion]:
    """Collect everything, without long pauses."""
    collector = GcpCollector(double.access, Waiting(timeout_seconds=5.0, pause_seconds=0.01))
    return list(collector.collect(Request(now=now, regions=regions)))


def rows(portions: list[Portion]) -> list[PriceRow]:
    """Return all rows."""
    return [row for portion in portions for row in portion.rows]


def prices(portions: list[Portion]) -> dict[tuple[str, str, str], int]:
    """Return micro-USD per hour by region, machine and market; every key once."""
    found = rows(portions)
    by_key = {(row.region, row.machine, str(row.market)): row.micro_usd_per_hour for row in found}
    assert len(by_key) == len(found)
    return by_key


def refused(double: GcpDouble) -> ProviderError:
    """Return the error that ends a collection."""
    with pytest.raises(ProviderError) as caught:
        collect(double)
    return caught.value


def test_whole_machines_are_composed(double: GcpDouble) -> None:
    """On-demand and spot prices of a3-highgpu-8g are cores + RAM + GPUs + bundled SSDs; zone is blank."""
    found = rows(collect(double))
    assert [(row.machine, row.zone, row.market, row.micro_usd_per_hour) for row in found] == [
        ("a3-highgpu-8g", None, Market.ON_DEMAND, 88_489_995),
        ("a3-highgpu-8g", None, Market.SPOT, 27_018_347),
    ]
    assert found[0].source.count("A3-INSTANCE") == 2


def test_recorded_sample_gives_the_published_spot_price() -> None:
    """The recorded-shape sample, paged, gives 27.018347 on spot and names what is missing elsewhere."""
    if not SAMPLES.exists():
        pytest.skip(f"{SAMPLES} is not there")
    skus = json.loads((SAMPLES / "gcp_billing_services_skus.handmade.json").read_text())["skus"]
    shapes = json.loads((SAMPLES / "gcp_compute_machineTypes_acceleratorTypes.handmade.json").read_text())
    held = GcpDouble(
        skus=skus,
        machines={"us-central1-a": shapes["machineTypes.list"]["items"]},
        warnings={"us-west2-a": nothing_here("us-west2-a")},
        page_size=7,
    )
    with serving(held):
        portions = collect(held)
    assert prices(portions) == {("us-central1", "a3-highgpu-8g", "spot"): 27_018_347}
    reasons = {remark.what.split()[1]: remark.reason for portion in portions for remark in portion.excluded}
    assert "its GPU (nvidia-h100-80gb)" in reasons["on_demand"]
    assert not [portion for portion in portions if portion.failure or portion.unknown]


def test_spot_carries_the_provider_s_moment(double: GcpDouble) -> None:
    """A spot row's observed_at is since when its youngest SKU has been in force, another row's the collection's moment."""
    since = moment_text(NOW - timedelta(days=3))
    double.skus.append(sku("Spot Preemptible A3 Instance Core running in Americas", "0.008", since=since, id="YOUNG"))
    spot, list_price = sorted(rows(collect(double)), key=lambda row: row.market != Market.SPOT)
    assert spot.observed_at == moment(since)
    assert "YOUNG" in spot.source
    assert list_price.observed_at == NOW
    portions = collect(double)
    assert {portion.part: portion.dated for portion in portions} == {
        "catalog": False,
        "list prices": False,
        "spot": True,
    }


def test_commitments_flex_start_and_calendar_are_markets_of_their_own(double: GcpDouble) -> None:
    """Each way of selling gets its own price from its own SKUs, though all say usageType OnDemand."""
    double.skus += [
        sku("Commitment v1: A3 Cpu in Americas for 1 Year", "0.0209"),
        sku("Commitment v1: A3 Ram in Americas for 1 Year", "0.0018"),
        sku("Commitment v1: Nvidia H100 80GB GPU running in Americas for 1 Year", "6.9"),
        sku("Commitment v1: A3 Cpu in Americas for 3 Years", "0.0140"),
        sku("Commitment v1: A3 Ram in Americas for 3 Years", "0.0012"),
        sku("Commitment v1: Nvidia H100 80GB GPU running in Americas for 3 Years", "4.3"),
        *a3_skus("DWS Flex-start ", core="0.0109", ram="0.00095", gpu="4.8"),
        *a3_skus("DWS Calendar Mode ", core="0.0119", ram="0.00105", gpu="4.57"),
        sku("DWS Calendar Mode Local SSD running in Americas", "0.04"),
    ]
    assert prices(collect(double)) == {
        ("us-central1", "a3-highgpu-8g", market): price
        for market, price in {
            "on_demand": 88_489_995,
            "spot": 27_018_347,
            "reserved_1y": whole_price(
                [(208, "0.0209"), (1872, "0.0018"), (8, "6.9"), (6000, "0.000069041095890410958904")]
            ),
            "reserved_3y": whole_price(
                [(208, "0.0140"), (1872, "0.0012"), (8, "4.3"), (6000, "0.000049315068493150684932")]
            ),
            "flex_start": whole_price(
                [(208, "0.0109"), (1872, "0.00095"), (8, "4.8"), (6000, "0.000109589041095890410959")]
            ),
            "capacity_block": whole_price(
                [(208, "0.0119"), (1872, "0.00105"), (8, "4.57"), (6000, "0.000054794520547945205479")]
            ),
        }.items()
    }


def test_trap_price_where_the_machine_is_not_offered(double: GcpDouble) -> None:
    """(f) SKUs list regions that do not offer the machine: rows exist only where a zone lists its type."""
    regions = ("us-central1", "europe-west4", "asia-south1")
    double.skus = [*a3_skus(core="0.02", ram="0.002", gpu="9", regions=regions), *SSD]
    double.machines["europe-west4-b"] = [A3_HIGH]
    double.machines["asia-south1-a"] = []
    assert {key[0] for key in prices(collect(double))} == {"us-central1", "europe-west4"}


@pytest.mark.parametrize(("state", "offered"), [("OBSOLETE", False), ("DELETED", False), ("DEPRECATED", True)])
def test_obsolete_and_deleted_types_are_not_offered(double: GcpDouble, state: str, offered: bool) -> None:
    """A type that is OBSOLETE or DELETED is not offered; one that is merely DEPRECATED is."""
    double.machines["us-central1-a"] = [{**A3_HIGH, "deprecated": {"state": state}}]
    assert bool(rows(collect(double))) is offered


def test_one_zone_is_enough(double: GcpDouble) -> None:
    """A type that is obsolete in one zone and offered in another is offered in the region, once."""
    double.machines = {"us-central1-a": [{**A3_HIGH, "deprecated": {"state": "OBSOLETE"}}], "us-central1-c": [A3_HIGH]}
    assert len(rows(collect(double))) == 2


@pytest.mark.parametrize(
    ("given", "ssds"),
    [
        ({"bundledLocalSsds": {"partitionCount": 16}}, 16),
        ({"bundledLocalSsds": {"partitionCount": 2}, "description": "8 GPUs, 16 local SSDs"}, 2),
        ({"description": "Accelerator Optimized: 8 NVIDIA H100 80GB GPUs, 208 vCPUs, 1872GB RAM, 16 local SSDs"}, 16),
        ({"description": "8 NVIDIA H100 GPUs, 1 local ssd"}, 1),
        ({"bundledLocalSsds": {"partitionCount": 0}}, 0),
        ({}, 0),
    ],
)
def test_bundled_ssds_are_read_from_the_machine_type(double: GcpDouble, given: dict[str, object], ssds: int) -> None:
    """bundledLocalSsds tells how many 375 GiB disks come with a machine, else its description, else there are none."""
    double.machines["us-central1-a"] = [machine_type("a3-highgpu-8g", **given)]
    host = [(208, "0.025498"), (1872, "0.00222034"), (8, "9.79655"), (ssds * 375, "0.000109589041095890410959")]
    assert prices(collect(double))["us-central1", "a3-highgpu-8g", "on_demand"] == whole_price(host)


def test_machines_without_gpus_and_odd_ones_are_left_out(double: GcpDouble) -> None:
    """CPU machines and TPUs are not listed; a type with impossible numbers or part of a GPU is told."""
    share = "Graphics Optimized: 1/8 NVIDIA RTX PRO 6000 GPU, 6 vCPUs, 22GB RAM"
    double.machines["us-central1-a"] += [
        {**machine_type("n2-standard-8"), "accelerators": []},
        machine_type("ct5lp-hightpu-4t", "ct5lp", 4),
        {**machine_type("a3-highgpu-4g"), "guestCpus": 0},
        machine_type("g4-standard-6", "nvidia-rtx-pro-6000", 1, vcpus=6, gib=22, description=share),
    ]
    portions = collect(double)
    assert {row.machine for row in rows(portions)} == {"a3-highgpu-8g"}
    assert [remark.what for remark in portions[0].rejected] == ["machine type a3-highgpu-4g in us-central1-a"]
    told = {remark.what: remark.reason for portion in portions for remark in portion.excluded}
    assert "part of a GPU" in told["g4-standard-6 spot in us-central1"]
    assert not [what for what in told if "n2-" in what or "ct5lp" in what]


def test_unknown_skus_are_named_by_id(double: GcpDouble) -> None:
    """A SKU that no rule knows is in the portion of the catalog, by id."""
    double.skus.append(sku("Nvidia R100 288GB GPU running in Americas", id="77AA-BB11-CC22"))
    unknown = [remark for portion in collect(double) for remark in portion.unknown]
    assert [remark.what for remark in unknown] == ["77AA-BB11-CC22"]
    assert "Nvidia R100" in unknown[0].reason


def test_trap_the_last_page_has_a_blank_token(double: GcpDouble) -> None:
    """Machine types and SKUs over many pages, empty zones between them, give what one page gives."""
    whole = prices(collect(double))
    double.page_size = 1
    double.machines = {"africa-south1-a": [], **double.machines, "us-west1-a": [machine_type("a3-highgpu-8g")]}
    double.warnings = {"us-west2-a": nothing_here("us-west2-a")}
    assert prices(collect(double)) == whole
    assert sum("/skus" in asked.path for asked in double.seen) > len(double.skus)


def test_an_address_without_the_aggregated_list_is_asked_zone_by_zone(double: GcpDouble) -> None:
    """Without aggregatedList every zone is asked; the failure of one is its region's only."""
    double.aggregated = False
    double.machines["europe-west4-b"] = [A3_HIGH]
    denied = "Required 'compute.machineTypes.list' permission for 'projects/p/zones/europe-west4-b'"
    double.fault = lambda path: error(403, denied, "forbidden") if "europe-west4-b" in path else None
    portions = collect(double)
    assert {key[0] for key in prices(portions)} == {"us-central1"}
    failures = {portion.region: portion.failure for portion in portions}
    assert isinstance(failures["europe-west4"], PermissionMissing)
    assert failures["us-central1"] is None


def test_where_the_aggregated_list_fails_zones_are_asked(double: GcpDouble) -> None:
    """A list of all zones that fails as a whole does not stop the zones that answer by themselves."""
    double.machines["europe-west4-b"] = [A3_HIGH]
    broken = ("/aggregated/", "/zones/europe-west4-b/")
    double.fault = lambda path: error(503, "unreachable") if any(part in path for part in broken) else None
    portions = collect(double)
    assert {key[0] for key in prices(portions)} == {"us-central1"}
    assert {portion.region for portion in portions if portion.failure} == {"europe-west4"}


def test_an_address_that_filters_otherwise_is_asked_for_everything(double: GcpDouble) -> None:
    """Where the filter on names leaves nothing, the whole list is asked for."""
    nothing = Answer('{"items": {"zones/us-central1-a": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}}')
    double.fault = lambda _path: nothing if double.seen[-1].query.get("filter") else None
    assert len(rows(collect(double))) == 2


def test_trap_zones_may_carry_a_warning_for_machines(double: GcpDouble) -> None:
    """A warning other than NO_RESULTS_ON_PAGE leaves its region incomplete and the others complete."""
    double.machines["us-central1-b"] = []
    double.machines["europe-west4-b"] = [A3_HIGH]
    double.warnings = {"us-central1-b": {"code": "UNREACHABLE", "message": "The zone did not answer."}}
    failures = {portion.region: portion.failure for portion in collect(double)}
    assert isinstance(failures["us-central1"], ProviderUnavailable)
    assert "us-central1-b" in str(failures["us-central1"])
    assert failures["europe-west4"] is None


def test_only_the_asked_regions(double: GcpDouble) -> None:
    """With regions only those are told; one that GCP does not list is a failure that names it."""
    double.machines["europe-west4-b"] = [A3_HIGH]
    portions = collect(double, "europe-west4", "mars-north1")
    assert {portion.region for portion in portions} == {"global", "europe-west4", "mars-north1"}
    failed = {portion.region: str(portion.failure) for portion in portions if portion.failure}
    assert list(failed) == ["mars-north1"]
    assert "mars-north1" in failed["mars-north1"]


def test_trap_no_authorization_on_a_loopback_address(double: GcpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loopback endpoint nobody signs in, and nothing is sent that could identify anybody."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    collect(double)
    assert double.seen
    assert not [asked for asked in double.seen if "authorization" in asked.headers]


def test_project_and_currency_are_asked_for(double: GcpDouble) -> None:
    """The project of the settings is asked about, prices in US dollars."""
    access = Access(
        gcp_compute_endpoint=double.address, gcp_billing_endpoint=double.address + "/", gcp_project="my-project"
    )
    list(GcpCollector(access).collect(Request(now=NOW)))
    assert "/compute/v1/projects/my-project/aggregated/machineTypes" in [asked.path for asked in double.seen]
    assert {asked.query["currencyCode"] for asked in double.seen if asked.path.endswith("/skus")} == {"USD"}


@pytest.mark.parametrize(
    "endpoint", ["http://prices.example.com:80", "127.0.0.1:80", "http://", "http://[::1", "http://127.0.0.1:many"]
)
def test_trap_the_scheme_must_be_in_the_endpoint(endpoint: str) -> None:
    """Plain http to another computer would send credentials in the clear; an address needs its scheme."""
    collector = GcpCollector(Access(gcp_compute_endpoint=endpoint, gcp_billing_endpoint=endpoint))
    with pytest.raises(ProviderError, match="ADVISOR_GCP_COMPUTE_ENDPOINT"):
        list(collector.collect(Request(now=NOW)))


def test_throttling_and_server_errors_are_asked_again(double: GcpDouble) -> None:
    """429, 503 and a 403 that means a rate limit pass when asked again; the prices are complete."""
    troubles = [
        error(429, "Quota exceeded", "rateLimitExceeded"),
        page_of_html(503),
        error(403, "Rate Limit Exceeded", "rateLimitExceeded"),
        error(500, "Internal error"),
    ]
    double.page_size = 1
    double.fault = lambda _path: troubles.pop() if len(double.seen) % 2 and troubles else None
    assert len(rows(collect(double))) == 2
    assert not troubles


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (error(500, "Internal error"), ProviderUnavailable, "500: Internal error"),
        (page_of_html(503), ProviderUnavailable, "an HTML page"),
        (error(429, "Quota exceeded"), ProviderUnavailable, "asks for patience"),
        (error(401, "Request had invalid authentication credentials."), CredentialsRefused, "have expired"),
        (error(403, "Required 'compute.machineTypes.list' permission for 'projects/p'", "forbidden"),
         PermissionMissing, "permission compute.machineTypes.list is missing"),
        (error(403, "The caller does not have permission", "forbidden"),
         PermissionMissing, "permission compute.machineTypes.list is missing"),
        (error(403, "Compute Engine API has not been used in project 1 before", "accessNotConfigured"),
         PermissionMissing, "the API is switched off"),
        (error(404, "The resource 'projects/p' was not found", "notFound"), UnexpectedPayload, "is the project right?"),
        (error(400, "Invalid value for field", "invalid"), UnexpectedPayload, "Invalid value"),
        (page_of_html(), UnexpectedPayload, "cannot be read"),
        (Answer('{"items": {"zones/a-b-c": {"machineTypes": [{"guestCpus": "many"}]}}}'),
         UnexpectedPayload, "cannot be read"),
        (Answer("[]"), UnexpectedPayload, "lists no zone"),
    ],
)  # fmt: skip
def test_errors_are_told_for_what_they_are(
    double: GcpDouble, answer: Answer, kind: type[ProviderError], said: str
) -> None:
    """Each way of failing ends in one message with what failed, where, and what to do; never in a traceback."""
    double.fault = lambda path: answer if "/compute/" in path else None
    failure = refused(double)
    assert isinstance(failure, kind)
    assert said in str(failure)
    assert str(failure).startswith("GCP")
    assert "<" not in str(failure)
    assert len(str(failure)) < 600


def test_a_connection_that_breaks_is_tried_again(double: GcpDouble) -> None:
    """A connection closed without a word is asked again; one that always is ends in one message."""
    broken = iter([True, False] + [True] * 100)
    original = double.answer

    def answer(asked: Asked) -> Answer | None:
        return None if next(broken) else original(asked)

    with loopback(answer) as running:
        access = Access(gcp_compute_endpoint=running.url, gcp_billing_endpoint=running.url)
        collector = GcpCollector(access, Waiting(timeout_seconds=5.0, pause_seconds=0.01))
        with pytest.raises(ProviderUnavailable, match="SKUs of Compute Engine: nobody answers"):
            list(collector.collect(Request(now=NOW)))
    assert len(running.asked) == 2 + 4


def test_passwords_in_an_address_are_not_shown() -> None:
    """What an address holds before its host is in no message."""
    with serving(GcpDouble()) as gone:
        pass
    access = Access(
        gcp_compute_endpoint=gone.address.replace("//", "//user:hunter2@"), gcp_billing_endpoint=gone.address
    )
    with pytest.raises(ProviderUnavailable) as caught:
        list(GcpCollector(access, Waiting(pause_seconds=0.01)).collect(Request(now=NOW)))
    assert "hunter2" not in str(caught.value)


def test_errors_of_the_catalog_are_told(double: GcpDouble) -> None:
    """Without SKUs there is no price at all: the collection ends with what the catalog said."""
    denied = error(
        403, "Cloud Billing API has not been used in project 1 before or it is disabled.", "SERVICE_DISABLED"
    )
    double.fault = lambda path: denied if path.endswith("/skus") else None
    assert isinstance(refused(double), PermissionMissing)
    double.fault = lambda path: Answer("{}") if path.endswith("/skus") else None
    assert "no SKU" in str(refused(double))


@pytest.mark.parametrize("malformed", [{"units": "a lot"}, {"nanos": 1.5}, {"nanos": "NaN"}, {"units": {}}])
def test_a_malformed_number_costs_its_own_sku_only(double: GcpDouble, malformed: dict[str, object]) -> None:
    """Google's client refuses a whole page for one number; every other SKU counts, and the bad one is named by id."""
    double.page_size = 4
    double.skus[0]["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"] |= malformed
    portions = collect(double)
    assert prices(portions) == {("us-central1", "a3-highgpu-8g", "spot"): 27_018_347}
    (unknown,) = [remark for portion in portions for remark in portion.unknown]
    assert unknown.what == "A3-INSTANCE-CORE-RUNNING-IN-AMERICAS"
    assert "cannot be read" in unknown.reason
    failed = {portion.part: str(portion.failure) for portion in portions if portion.failure}
    assert failed == {"list prices": f"GCP: SKU {unknown.what}, which prices its core (a3), cannot be read"}


@pytest.mark.parametrize(
    "body", ["<html>Sign in</html>", "[]", '{"skus": 5}', '{"skus": [5], "nextPageToken": 7}', "{"]
)
def test_a_page_that_is_no_page_of_skus_is_told(double: GcpDouble, body: str) -> None:
    """What is no list of SKUs at all ends the collection with one message, whichever way it is no list."""
    double.fault = lambda path: Answer(body) if path.endswith("/skus") else None
    failure = refused(double)
    assert isinstance(failure, UnexpectedPayload)
    assert str(failure).startswith("GCP")
    assert len(double.seen) < 5


def test_pagination_loops_end(double: GcpDouble) -> None:
    """A page token that comes back is the end of trying, not an endless loop."""
    loop = Answer('{"skus": [], "nextPageToken": "again"}')
    double.fault = lambda path: loop if path.endswith("/skus") else None
    assert "token twice" in str(refused(double))
    assert len(double.seen) < 5


def test_trap_connection_refused_is_an_error_of_requests() -> None:
    """Nobody at the address: requests' own error becomes ours, with the address and the cause."""
    with serving(GcpDouble()) as gone:
        pass
    failure = refused(gone)
    assert isinstance(failure, ProviderUnavailable)
    assert gone.address in str(failure)
    assert "Connection refused" in str(failure)


def test_silence_is_not_waited_for(double: GcpDouble) -> None:
    """An address that takes the question and never answers costs some timeouts, and then is told as such."""

    def silent(_path: str) -> None:
        time.sleep(0.5)

    double.fault = silent
    collector = GcpCollector(double.access, Waiting(timeout_seconds=0.1, pause_seconds=0.01))
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="no answer"):
        list(collector.collect(Request(now=NOW)))
    assert time.monotonic() - begun < 20


def test_against_errors_only_a_collection_ends_soon(double: GcpDouble) -> None:
    """Once nothing but errors has come for as long as patience lasts (a minute), no further zone is asked."""
    double.aggregated = False
    double.machines = {f"region{number}-a": [A3_HIGH] for number in range(200)}
    double.fault = lambda path: error(500, "Internal error") if "/zones/" in path else None
    waiting = Waiting(timeout_seconds=1.0, pause_seconds=0.05, patience_seconds=1.0)
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        list(GcpCollector(double.access, waiting).collect(Request(now=NOW)))
    assert len(double.seen) < 200
    assert time.monotonic() - begun < 20
    usual = Waiting()
    longest_call = usual.timeout_seconds + usual.pause_seconds * 2**3 * 1.5
    assert usual.patience_seconds + longest_call < 100


def test_expired_credentials_are_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials that the sign-in address no longer accepts: it is said so, with the cure, and nothing is asked."""
    expired = Answer('{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}', 400)
    with loopback(lambda _asked: expired) as running:
        (tmp_path / "token").write_text("old", encoding="utf-8")
        key = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/a/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{running.url}/token",
            "credential_source": {"file": str(tmp_path / "token")},
        }
        (tmp_path / "key.json").write_text(json.dumps(key), encoding="utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
        with pytest.raises(CredentialsRefused, match="gcloud auth application-default login"):
            list(GcpCollector(Access(gcp_project="p")).collect(Request(now=NOW)))
    assert [asked.path for asked in running.asked] == ["/token"]


def test_without_credentials_it_is_said_how_to_get_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Asking Google itself without credentials ends in one message with the cure."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with pytest.raises(CredentialsMissing, match="gcloud auth application-default login"):
        list(GcpCollector(Access()).collect(Request(now=NOW)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    with pytest.raises(CredentialsMissing):
        list(GcpCollector(Access()).collect(Request(now=NOW)))
