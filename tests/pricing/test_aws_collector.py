"""The AWS collector against a loopback AWS, through the real boto3: every trap of the interface by its name."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aws_builders import (
    NOW,
    FakeAws,
    attributes,
    block,
    error_json,
    error_xml,
    on_demand,
    product,
    reserved,
    savings_rate,
    spot_row,
    us_east,
)
from loopback_builders import Answer, Asked

from pricing.collectors.aws import AwsCollector
from pricing.collectors.aws_products import read_products
from pricing.collectors.aws_reading import Reading
from pricing.collectors.base import Access, Patience, Portion, Request
from pricing.errors import CredentialsMissing, CredentialsRefused, PermissionMissing, ProviderUnavailable
from pricing.observation import PriceRow
from pricing.offer import Market

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "api_samples"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def collected(aws: FakeAws, **asked: object) -> list[Portion]:
    """Collect everything that a fake answers."""
    with aws.running() as server:
        request = Request(**{"now": NOW, **asked})
        return list(AwsCollector(Access(aws_endpoint_url=server.url)).collect(request))


def part(portions: list[Portion], name: str, region: str | None = None) -> Portion:
    """Return the one portion of a part."""
    (found,) = [p for p in portions if p.part == name and region in {None, p.region}]
    return found


def rows(portions: list[Portion], market: Market) -> list[PriceRow]:
    """Return the rows of a market."""
    return [row for portion in portions for row in portion.rows if row.market is market]


def test_every_market_of_a_region_is_collected() -> None:
    """One complete collection brings list, three reserved, spot, block and Savings Plans prices, and a score."""
    found = collected(FakeAws())
    assert [p.failure for p in found] == [None] * len(found)
    assert [(r.micro_usd_per_hour, r.zone) for r in rows(found, Market.ON_DEMAND)] == [(55_040_000, None)]
    assert [r.zone for r in rows(found, Market.SPOT)] == ["use1-az6", "use1-az1", "use1-az6"]
    assert [r.micro_usd_per_hour for r in rows(found, Market.SAVINGS_PLAN)] == [38_500_000]
    (score,) = part(found, "placement_score").scores
    assert (score.zone, score.machine, score.score) == ("use1-az6", "p5.48xlarge", 3)
    assert all(portion.calls > 0 for portion in found)


def test_price_list_is_a_list_of_json_strings_and_objects_are_read_too() -> None:
    """boto3 gives texts; an entry that is an object already reads the same."""
    entry = product("S", attributes("p5.48xlarge", "us-east-1"), OnDemand=on_demand("S", "55.0400000000"))
    answers = []
    for given in (entry, json.dumps(entry)):
        reading = Reading()
        read_products([given], reading, region="us-east-1", machine="p5.48xlarge", now=NOW)
        answers.append(reading.rows)
    assert answers[0] == answers[1]
    assert answers[0][0].micro_usd_per_hour == 55_040_000


@pytest.mark.parametrize(
    "other",
    [
        {"capacitystatus": "UnusedCapacityReservation"},
        {"capacitystatus": "AllocatedCapacityReservation"},
        {"tenancy": "Dedicated"},
        {"tenancy": "Host"},
        {"marketoption": "CapacityBlock"},
        {"operatingSystem": "RHEL", "operation": "RunInstances:0010"},
        {"operatingSystem": "SUSE"},
        {"operatingSystem": "Windows"},
        {"preInstalledSw": "SQL Std"},
        {"locationType": "AWS Local Zone"},
    ],
)
def test_sibling_skus_are_never_the_price(other: dict[str, str]) -> None:
    """Even from a service that ignores filters, only the plain SKU's price is taken, and siblings are not unknown."""
    region = us_east()
    sibling = product(
        "SIB", attributes("p5.48xlarge", "us-east-1", **other), OnDemand=on_demand("SIB", "99.0000000000")
    )
    region.products.insert(0, sibling)
    found = part(collected(FakeAws([region], honour_filters=False)), "price_list")
    assert [r.micro_usd_per_hour for r in found.rows if r.market is Market.ON_DEMAND] == [55_040_000]
    assert found.unknown == ()


def test_every_filter_that_leaves_the_plain_sku_is_asked_for() -> None:
    """The request carries all filters of the plain SKU, by regionCode and not by a location's display name."""
    aws = FakeAws()
    with aws.running() as server:
        list(AwsCollector(Access(aws_endpoint_url=server.url)).collect(Request(now=NOW)))
        (asked,) = [a for a in server.asked if a.headers.get("x-amz-target", "").endswith("GetProducts")]
    filters = {f["Field"]: f["Value"] for f in json.loads(asked.body)["Filters"]}
    assert filters == {
        "instanceType": "p5.48xlarge",
        "regionCode": "us-east-1",
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "preInstalledSw": "NA",
        "marketoption": "OnDemand",
        "licenseModel": "No License required",
    }


def test_a_price_of_zero_is_no_price() -> None:
    """$0 on demand and $0 reserved are left out with a reason, never stored."""
    region = us_east()
    terms = reserved("Z", "R", "1yr", "No Upfront", "0.0000000000", None)
    region.products = [
        product("Z", attributes("p5.48xlarge", "us-east-1"), OnDemand=on_demand("Z", "0.0000000000"), Reserved=terms)
    ]
    found = part(collected(FakeAws([region])), "price_list")
    assert found.rows == ()
    assert {remark.what for remark in found.excluded} == {"Z", "Z.R"}
    assert found.failure is None


def test_reserved_rates_include_the_upfront_fee_and_every_payment_option_has_a_row() -> None:
    """262,800 upfront over 8,760 h is 30.00; 12.00 + 315,360 / 26,280 is 24.00; convertible offers are no rows."""
    found = part(collected(FakeAws()), "price_list").rows
    reserved_rows = {(r.market, r.term): (r.micro_usd_per_hour, r.upfront_micro_usd) for r in found if r.term}
    assert reserved_rows == {
        (Market.RESERVED_1Y, "No Upfront"): (40_000_000, 0),
        (Market.RESERVED_1Y, "All Upfront"): (30_000_000, 262_800_000_000),
        (Market.RESERVED_3Y, "Partial Upfront"): (24_000_000, 315_360_000_000),
    }


def test_unknown_terms_are_named_by_sku_and_not_guessed() -> None:
    """A five-year term, an unknown payment option and a price per second are unknown, with the SKU."""
    region = us_east()
    strange = on_demand("U", "0.01")
    next(iter(next(iter(strange.values()))["priceDimensions"].values()))["unit"] = "Sec"
    terms = {
        **reserved("U", "FIVE", "5yr", "No Upfront", "9", None),
        **reserved("U", "HALF", "1yr", "Some Upfront", "9", "1"),
    }
    region.products = [product("U", attributes("p5.48xlarge", "us-east-1"), OnDemand=strange, Reserved=terms)]
    found = part(collected(FakeAws([region])), "price_list")
    assert found.rows == ()
    assert {remark.what for remark in found.unknown} == {"U", "U.FIVE", "U.HALF"}


def test_an_unknown_word_in_a_sku_makes_it_unknown() -> None:
    """A market option that nobody has heard of is no on-demand price."""
    region = us_east()
    about = attributes("p5.48xlarge", "us-east-1", marketoption="FlexFuture")
    region.products.append(product("NEW", about, OnDemand=on_demand("NEW", "11.0")))
    found = part(collected(FakeAws([region], honour_filters=False)), "price_list")
    assert [(r.what) for r in found.unknown] == ["NEW"]
    assert [r.micro_usd_per_hour for r in found.rows if r.market is Market.ON_DEMAND] == [55_040_000]


def test_two_plain_skus_with_different_prices_are_rejected() -> None:
    """Which of two contradicting SKUs is true is not guessed."""
    region = us_east()
    twin = product("TWIN", attributes("p5.48xlarge", "us-east-1"), OnDemand=on_demand("TWIN", "98.32"))
    region.products.append(twin)
    found = part(collected(FakeAws([region])), "price_list")
    assert found.rows == ()
    assert found.rejected[0].what == "P5OD, TWIN"


def test_of_several_terms_the_newest_in_force_counts() -> None:
    """A term that takes effect tomorrow is not today's price."""
    region = us_east()
    terms = {
        **on_demand("S", "98.32", since="2025-01-01T00:00:00Z"),
        "S.NOW": on_demand("S", "55.04", since="2026-06-01T00:00:00Z")["S.JRTCKXETXF"],
        "S.LATER": on_demand("S", "44.00", since="2026-12-01T00:00:00Z")["S.JRTCKXETXF"],
    }
    region.products = [product("S", attributes("p5.48xlarge", "us-east-1"), OnDemand=terms)]
    (row,) = part(collected(FakeAws([region])), "price_list").rows
    assert row.micro_usd_per_hour == 55_040_000


def test_another_currency_is_kept_as_such() -> None:
    """Regions in China are priced in CNY; the row says so."""
    region = us_east()
    terms = on_demand("C", "400.0", currency="CNY")
    region.products = [product("C", attributes("p5.48xlarge", "us-east-1"), OnDemand=terms)]
    (row,) = part(collected(FakeAws([region])), "price_list").rows
    assert (row.currency, row.micro_usd_per_hour) == ("CNY", 400_000_000)


def test_empty_pages_with_a_token_are_no_end() -> None:
    """Spot history is paged to the empty token, through an empty first page and pages of one row."""
    found = part(collected(FakeAws(empty_page_first=True, page=1)), "spot")
    assert len(found.rows) == 3
    assert found.calls >= 4


def test_the_price_in_force_at_since_is_included() -> None:
    """With --since after a change, the older row comes with its own time; what lies before it does not."""
    region = us_east()
    region.spot.append(spot_row("us-east-1a", "16.000000", "2026-11-10T00:00:00"))
    found = part(collected(FakeAws([region]), since=datetime(2026, 11, 22, tzinfo=UTC)), "spot").rows
    times = sorted((r.zone, r.observed_at.day) for r in found)
    assert times == [("use1-az1", 23), ("use1-az6", 20), ("use1-az6", 24)]


def test_history_is_asked_for_no_longer_than_90_days() -> None:
    """A --since further back is cut, and the answer says so."""
    aws = FakeAws()
    with aws.running() as server:
        request = Request(now=NOW, since=NOW - timedelta(days=200))
        found = list(AwsCollector(Access(aws_endpoint_url=server.url)).collect(request))
        (asked,) = [a for a in server.asked if a.form.get("Action") == "DescribeSpotPriceHistory"]
    assert asked.form["StartTime"].startswith("2026-08-26T12:00:00")
    assert "90 days" in part(found, "spot").excluded[0].reason


def test_zone_ids_are_the_key_and_names_only_lead_to_them() -> None:
    """Rows without a zone id are joined by this account's names; an id in the row wins; no id at all is rejected."""
    region = us_east()
    region.spot = [
        spot_row("us-east-1a", "19.0", "2026-11-24T03:00:00"),
        spot_row("us-east-1a", "18.0", "2026-11-24T04:00:00", availabilityZoneId="use1-az9"),
        spot_row("us-east-1z", "17.0", "2026-11-24T05:00:00"),
    ]
    found = part(collected(FakeAws([region])), "spot")
    assert sorted(r.zone or "" for r in found.rows) == ["use1-az6", "use1-az9"]
    assert "us-east-1z" in found.rejected[0].what


def test_local_zones_have_their_own_ids() -> None:
    """use1-atl2-az1 is a zone like any other."""
    region = replace(us_east(), zones={"us-east-1-atl-2a": "use1-atl2-az1"})
    region.spot = [spot_row("us-east-1-atl-2a", "19.0", "2026-11-24T03:00:00")]
    assert [r.zone for r in part(collected(FakeAws([region])), "spot").rows] == ["use1-atl2-az1"]


def test_other_products_of_spot_are_left_out() -> None:
    """Red Hat's spot price is not Linux's, even from a service that ignores ProductDescriptions."""
    region = us_east()
    region.spot = [
        spot_row("us-east-1a", "20.5089", "2026-11-24T03:00:00", productDescription="Red Hat Enterprise Linux"),
        spot_row("us-east-1a", "17.6289", "2026-11-24T03:00:00"),
    ]
    found = part(collected(FakeAws([region], honour_filters=False)), "spot")
    assert [r.micro_usd_per_hour for r in found.rows] == [17_628_900]


def test_a_malformed_number_rejects_its_row_only() -> None:
    """A price that is no number is rejected by name; its neighbours stay."""
    region = us_east()
    region.spot[0]["spotPrice"] = "n/a"
    found = part(collected(FakeAws([region])), "spot")
    assert len(found.rows) == 2
    assert "'n/a' is not a number" in found.rejected[0].reason
    assert found.failure is None


@pytest.mark.parametrize("text", ["1e999999999", "-3", "NaN", "", "12,5"])
def test_amounts_that_money_cannot_be_are_rejected(text: str) -> None:
    """A price list with such an amount is read to its end, without that row."""
    region = us_east()
    terms = reserved("B", "R", "1yr", "No Upfront", text, None)
    region.products = [
        product("B", attributes("p5.48xlarge", "us-east-1"), OnDemand=on_demand("B", text), Reserved=terms)
    ]
    found = part(collected(FakeAws([region])), "price_list")
    assert (found.rows, found.failure) == ((), None)
    assert {remark.what for remark in found.rejected} == {"B", "B.R"}


def test_an_entry_of_another_shape_fails_its_part_with_a_message() -> None:
    """Terms that are a list instead of an object are an unexpected payload, not a traceback."""
    region = us_east()
    region.products = [product("L", attributes("p5.48xlarge", "us-east-1"), OnDemand=["what?"])]  # type: ignore[arg-type]
    found = part(collected(FakeAws([region])), "price_list")
    assert "not shaped" in str(found.failure)


def test_a_block_rate_is_the_fee_by_nodes_and_hours() -> None:
    """A fee of 10,617.60 for 2 nodes and 168 h is 31.60 an hour; the fee per node is the upfront; dates and zone id stay."""
    region = us_east()
    region.blocks = [block("10617.60", 2, "2026-12-01T11:30:00", "2026-12-08T11:30:00")]
    region.blocks += [block("5308.80", 1, "2026-12-01T11:30:00", "2026-12-08T11:30:00")]
    (row,) = part(collected(FakeAws([region])), "capacity_block").rows
    assert (row.micro_usd_per_hour, row.upfront_micro_usd, row.available_nodes) == (31_600_000, 5_308_800_000, 2)
    assert (row.zone, row.start, row.end) == (
        "use1-az6",
        datetime(2026, 12, 1, 11, 30, tzinfo=UTC),
        datetime(2026, 12, 8, 11, 30, tzinfo=UTC),
    )


def test_machines_not_sold_in_a_way_have_no_rows_of_it() -> None:
    """A machine sold as Capacity Block only has no on-demand, spot or Savings Plans price, whatever lists say."""
    found = collected(FakeAws([replace(us_east(), ways=("capacity-block",))]))
    assert {row.market for portion in found for row in portion.rows} == {Market.CAPACITY_BLOCK}
    assert "not sold on demand" in part(found, "price_list").excluded[0].reason


def test_machines_that_are_not_offered_in_a_region_have_no_rows() -> None:
    """A published price is no offer where DescribeInstanceTypeOfferings does not name the machine."""
    found = collected(FakeAws([replace(us_east(), machines=["m5.large"])]), regions=("us-east-1",))
    assert [portion.part for portion in found] == ["machines"]
    assert "none of the machines is offered" in found[0].excluded[0].reason


def test_a_machine_that_no_table_knows_is_collected_and_named() -> None:
    """p6-next.48xlarge has prices of its own and is named as unknown."""
    region = replace(us_east(), machines=["p6-next.48xlarge"])
    about = attributes("p6-next.48xlarge", "us-east-1")
    region.products = [product("N", about, OnDemand=on_demand("N", "140.0"))]
    found = collected(FakeAws([region]))
    assert [r.machine for r in rows(found, Market.ON_DEMAND)] == ["p6-next.48xlarge"]
    assert part(found, "machines").unknown[0].what == "p6-next.48xlarge"


def test_savings_plans_rates_of_other_usage_are_left_out() -> None:
    """Unused reservations, dedicated tenancy and Windows have rates of their own, which are not the machine's."""
    region = us_east()
    region.rates = [
        savings_rate("p5.48xlarge", "us-east-1", "99", usageType="UnusedBox:p5.48xlarge"),
        savings_rate("p5.48xlarge", "us-east-1", "98", operation="RunInstances:0002"),
        savings_rate("p5.48xlarge", "us-west-2", "97"),
        savings_rate("p5.48xlarge", "us-east-1", "36.0", "All Upfront"),
        savings_rate("p5.48xlarge", "us-east-1", "38.5"),
    ]
    found = {
        r.term: (r.micro_usd_per_hour, r.upfront_micro_usd)
        for r in rows(collected(FakeAws([region])), Market.SAVINGS_PLAN)
    }
    assert found == {
        "1yr Compute All Upfront": (36_000_000, 36_000_000 * 8760),
        "1yr Compute No Upfront": (38_500_000, 0),
    }  # fmt: skip


def test_denied_savings_plans_and_scores_are_no_failure() -> None:
    """Both are told with the permission that is missing, as optional; every price is there all the same."""

    def deny(operation: str, _region: str, _asked: Asked) -> Answer | None:
        if operation == "DescribeSavingsPlansOfferingRates":
            return error_json("AccessDeniedException", 403)
        return error_xml("UnauthorizedOperation", 403) if operation == "GetSpotPlacementScores" else None

    found = collected(FakeAws(instead=deny))
    for name, permission in (
        ("savings_plan", "savingsplans:DescribeSavingsPlansOfferingRates"),
        ("placement_score", "ec2:GetSpotPlacementScores"),
    ):
        portion = part(found, name)
        assert portion.optional
        assert isinstance(portion.failure, PermissionMissing)
        assert portion.failure.permission == permission
    assert len(rows(found, Market.ON_DEMAND)) == 1


def test_a_missing_permission_is_named_and_stops_one_part_only() -> None:
    """Without pricing:GetProducts there is no price list; spot and blocks are there."""

    def deny(operation: str, _region: str, _asked: Asked) -> Answer | None:
        return error_json("AccessDeniedException", 403) if operation == "GetProducts" else None

    found = collected(FakeAws(instead=deny))
    failure = part(found, "price_list").failure
    assert isinstance(failure, PermissionMissing)
    assert "pricing:GetProducts" in str(failure)
    assert part(found, "spot").failure is None
    assert rows(found, Market.CAPACITY_BLOCK)


def test_one_regions_failure_does_not_stop_the_others() -> None:
    """A region that answers errors fails by itself; the other one is whole."""
    second = replace(us_east(), name="us-west-2", zones={"us-west-2a": "usw2-az1"}, spot=[], products=[], blocks=[])

    def broken(_operation: str, region: str, _asked: Asked) -> Answer | None:
        return error_xml("InternalError", 500) if region == "us-west-2" else None

    found = collected(FakeAws([us_east(), second], instead=broken))
    assert isinstance(part(found, "machines", "us-west-2").failure, ProviderUnavailable)
    assert len(rows(found, Market.ON_DEMAND)) == 1


def test_savings_plans_of_one_region_do_not_stop_those_of_others() -> None:
    """Rates that fail in the first region are a failure there; the second region's are read."""
    second = replace(us_east(), name="us-west-2", zones={"us-west-2a": "usw2-az1"}, spot=[], products=[], blocks=[])
    second.rates = [savings_rate("p5.48xlarge", "us-west-2", "37.5")]

    def broken(operation: str, _region: str, asked: Asked) -> Answer | None:
        here = operation == "DescribeSavingsPlansOfferingRates" and "us-east-1" in asked.body
        return error_json("InternalServerException", 500) if here else None

    found = collected(FakeAws([us_east(), second], instead=broken))
    assert isinstance(part(found, "savings_plan", "us-east-1").failure, ProviderUnavailable)
    assert not part(found, "savings_plan", "us-east-1").optional
    assert [r.micro_usd_per_hour for r in rows(found, Market.SAVINGS_PLAN)] == [37_500_000]


def test_a_used_up_number_of_score_questions_is_no_failure() -> None:
    """AWS allows so many questions a day; a refusal is told and optional."""

    def enough(operation: str, _region: str, _asked: Asked) -> Answer | None:
        return error_xml("MaxConfigLimitExceeded", 400) if operation == "GetSpotPlacementScores" else None

    assert part(collected(FakeAws(instead=enough)), "placement_score").optional


def test_regions_that_may_not_be_listed_are_those_that_botocore_knows() -> None:
    """Where DescribeRegions is refused, the known regions are tried; an address that serves one region serves one."""
    found = collected(FakeAws(list_regions=False))
    assert {row.region for portion in found for row in portion.rows} == {"us-east-1"}


def test_throttling_is_waited_out() -> None:
    """Two throttled answers and then a good one are a good answer."""
    refused = iter(range(2))

    def busy(operation: str, _region: str, _asked: Asked) -> Answer | None:
        throttled = operation == "DescribeSpotPriceHistory" and next(refused, None) is not None
        return error_xml("RequestLimitExceeded", 503) if throttled else None

    assert len(part(collected(FakeAws(instead=busy)), "spot").rows) == 3


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ExpiredToken", 400, CredentialsRefused),
        ("AuthFailure", 401, CredentialsRefused),
        ("InternalError", 500, ProviderUnavailable),
    ],
)
def test_against_errors_alone_a_collection_ends_soon(code: str, status: int, kind: type[Exception]) -> None:
    """Nothing but errors: one clear message, within seconds, well inside two minutes."""
    began = time.monotonic()
    with pytest.raises(kind, match=code):
        collected(FakeAws(instead=lambda *_: error_xml(code, status)))
    assert time.monotonic() - began < 60


def test_no_credentials_is_told_with_where_they_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing is asked and the message names the variables."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CredentialsMissing, match="AWS_PROFILE"):
        collected(FakeAws())


def test_html_pages_are_unexpected_and_never_an_empty_answer() -> None:
    """A login page with status 200 is not a region without machines, and one with 502 is told as such."""
    page = "<!doctype html>\n<html><body>please log in<br></body></html>"

    def portal(operation: str, _region: str, _asked: Asked) -> Answer | None:
        if operation == "DescribeSpotPriceHistory":
            return Answer("<html><body>please log in</body></html>", content_type="text/html")
        if operation == "DescribeCapacityBlockOfferings":
            return Answer(page, status=502, content_type="text/html")
        return Answer(page, content_type="text/html") if operation == "GetProducts" else None

    found = collected(FakeAws(instead=portal))
    for name in ("spot", "price_list", "capacity_block"):
        assert part(found, name).failure is not None, name
        assert "<" not in str(part(found, name).failure)
        assert part(found, name).rows == ()


def test_a_pagination_loop_ends() -> None:
    """A token that comes twice ends the part as failed; what was read is kept."""

    def circle(operation: str, _region: str, _asked: Asked) -> Answer | None:
        if operation != "DescribeSpotPriceHistory":
            return None
        body = (
            "<DescribeSpotPriceHistoryResponse><requestId>r</requestId><spotPriceHistorySet><item>"
            "<availabilityZone>us-east-1a</availabilityZone><instanceType>p5.48xlarge</instanceType>"
            "<productDescription>Linux/UNIX</productDescription><spotPrice>19.0</spotPrice>"
            "<timestamp>2026-11-24T03:00:00.000Z</timestamp></item></spotPriceHistorySet>"
            "<nextToken>again</nextToken></DescribeSpotPriceHistoryResponse>"
        )
        return Answer(body, content_type="text/xml")

    found = part(collected(FakeAws(instead=circle)), "spot")
    assert "circle" in str(found.failure)
    assert found.rows


def test_a_hung_up_connection_is_a_provider_that_cannot_be_reached() -> None:
    """Connections that close without a word are told as unreachable, not as a traceback."""
    found = collected(FakeAws(instead=lambda op, *_: "drop" if op == "DescribeSpotPriceHistory" else None))
    assert isinstance(part(found, "spot").failure, ProviderUnavailable)


def test_placement_scores_younger_than_a_day_are_not_asked_again() -> None:
    """AWS counts the questions: machines in `scored` are left out."""
    aws = FakeAws()
    with aws.running() as server:
        collector = AwsCollector(Access(aws_endpoint_url=server.url))
        list(collector.collect(Request(now=NOW, scored=frozenset({"p5.48xlarge"}))))
        assert not [a for a in server.asked if a.form.get("Action") == "GetSpotPlacementScores"]


@pytest.fixture
def sample_products() -> list[str]:
    """Return the PriceList of the shared sample."""
    path = SAMPLES / "pricing_GetProducts_p5_p4d.handmade.json"
    if not path.exists():
        pytest.skip(f"the shared samples are not there: {path}")
    return json.loads(path.read_text(encoding="utf-8"))["PriceList"]


def test_the_shared_sample_reads_to_the_price_that_was_seen(sample_products: list[str]) -> None:
    """Of the sample's six SKUs the plain p5 one is 55.04; p4d's all-upfront year is 164,955 / 8,760 an hour."""
    p5, p4d = Reading(), Reading()
    read_products(sample_products, p5, region="us-east-1", machine="p5.48xlarge", now=NOW)
    read_products(sample_products, p4d, region="us-east-1", machine="p4d.24xlarge", now=NOW)
    assert [r.micro_usd_per_hour for r in p5.rows] == [55_040_000]
    year = [r for r in p4d.rows if r.market is Market.RESERVED_1Y]
    assert [(r.term, r.micro_usd_per_hour) for r in year] == [("All Upfront", 18_830_479)]


def test_a_service_that_gives_errors_alone_is_not_asked_for_ever() -> None:
    """Patience counts from the first call after a success, not through time in which nothing was asked."""
    patience = Patience(0.2)
    patience.succeeded()
    time.sleep(0.3)
    patience.asking()
    assert not patience.over
    time.sleep(0.3)
    patience.asking()
    assert patience.over
    patience.succeeded()
    assert not patience.over
