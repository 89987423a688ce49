"""`focus.csv`: every row is FOCUS 1.2 by itself, and the rows add up to the plan."""

import csv
import io
import json
import os
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from answer_builders import no_answer, rented, rich_answer, segment
from terraform_builders import GOOGLE, many_pools, planned

from advisor.outputs.focus import COLUMNS, focus_csv
from advisor.recommendation import Recommendation

GATE = Path(__file__).parents[4] / "shared" / "tools" / "focus" / "run_focus.py"
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase"},
    "ChargeClass": {""},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "CommitmentDiscountCategory": {"", "Spend", "Usage"},
    "CommitmentDiscountStatus": {"", "Used"},
    "CapacityReservationStatus": {""},
    "ServiceCategory": {"Compute", "Storage", "Networking"},
    "ServiceSubcategory": {"Virtual Machines", "Other (Compute)", "Object Storage", "Other (Networking)"},
    "BillingCurrency": {"USD"},
    "x_EstimateType": {"Forecast"},
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def every_market() -> Recommendation:
    """Three days over the turn of the year on each market, at an awkward price."""
    aws = ("on_demand", "spot", "savings_plan", "reserved_1y", "capacity_block", "commitment")
    gcp = ("flex_start", "reserved_3y")
    held = {"commitment": {"commitment": "=block-1"}}
    segments = [segment(m, 720.25, 792.5, **rented(m, **held.get(m, {}))) for m in aws]
    segments += [segment(m, 720.25, 792.5, **rented(m, machine="a4-highgpu-8g", **GOOGLE)) for m in gcp]
    return planned(*segments, usd="10.000001", cost_center="研究")


ANSWERS = {"rich": rich_answer, "markets": every_market, "hostile": many_pools}


def rows(recommendation: Recommendation) -> list[dict[str, str]]:
    """The rows of the file."""
    return list(csv.DictReader(io.StringIO(focus_csv(recommendation))))


def added(found: list[dict[str, str]], column: str) -> Decimal:
    """The sum of a column."""
    return sum((Decimal(row[column]) for row in found), Decimal(0))


@pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)
def test_rows_add_up_to_the_plan(make):
    """EffectiveCost adds up to the total to the cent; BilledCost to the same less what is owned."""
    found, answer = rows(make()), make()
    owned = added([row for row in found if row["ProviderName"] == "On-premises"], "EffectiveCost")

    assert added(found, "EffectiveCost") == Decimal(answer.total.amount)
    assert added(found, "BilledCost") == Decimal(answer.total.amount) - owned + added(
        [row for row in found if row["ProviderName"] == "On-premises"], "BilledCost"
    )


@pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)
def test_every_row_is_focus(make):
    """Enumerations, moments, ASCII, JSON and the product of price and quantity hold row by row, to the cent."""
    for row in rows(make()):
        assert all(row[column] in allowed for column, allowed in ALLOWED.items()), row
        starts = [row[f"{kind}Period{end}"] for kind in ("Billing", "Charge") for end in ("Start", "End")]
        assert all(MOMENT.fullmatch(moment) for moment in starts)
        assert starts[0] <= starts[2] < starts[3] <= starts[1]
        assert all(text.isascii() for text in row.values())
        assert isinstance(json.loads(row["Tags"]), dict)
        assert row["ProviderName"] == row["PublisherName"] == row["InvoiceIssuerName"] != ""
        for kind in ("Contracted", "List"):
            exact = Decimal(row[f"{kind}UnitPrice"]) * Decimal(row["PricingQuantity"])
            assert abs(exact - Decimal(row[f"{kind}Cost"])) <= Decimal("0.01")


def test_a_charge_lies_in_one_billing_period():
    """4 nodes from 31 December 00:15 to 3 January 00:30: 95 node-hours before the new year, 194 in it."""
    found = [row for row in rows(every_market()) if "on_demand" in row["SkuId"]]

    assert [(row["PricingQuantity"], row["BillingPeriodStart"]) for row in found] == [
        ("95.0", "2026-12-01T00:00:00Z"),
        ("194.0", "2027-01-01T00:00:00Z"),
    ]


def test_what_is_committed_is_billed_once():
    """Usage under a commitment or in a block has its effect on the Usage row and its bill on the Purchase row."""
    found = [row for row in rows(every_market()) if "savings_plan" in row["SkuId"]]

    assert [(r["ChargeCategory"], r["BilledCost"] == "0.00", r["EffectiveCost"] == "0.00") for r in found] == [
        ("Usage", True, False),
        ("Purchase", False, True),
    ] * 2
    assert {r["PricingCategory"] for r in found} == {"Committed"}
    assert all(r["CommitmentDiscountId"] for r in found)


def test_what_is_paid_up_front_is_its_providers():
    """The fee of a commitment is a bill of the cloud whose nodes it holds; its effect is on the Usage row."""
    found = [row for row in rows(rich_answer()) if "upfront" in row["SkuId"]]

    assert [(r["ProviderName"], r["ChargeCategory"], r["BilledCost"], r["EffectiveCost"]) for r in found] == [
        ("AWS", "Usage", "0.00", "12000.00"),
        ("AWS", "Purchase", "12000.00", "0.00"),
    ]


def test_what_is_owned_has_no_bill():
    """On-premises nodes bill nothing and count with their rates."""
    found = [row for row in rows(rich_answer()) if "onprem" in row["SkuId"]]

    assert len(found) == 6
    assert {row["BilledCost"] for row in found} == {"0.00"}
    assert all(Decimal(row["EffectiveCost"]) > 0 for row in found)


def test_no_spreadsheet_runs_a_text():
    """No cell begins like a formula."""
    cells = [cell for row in rows(every_market()) + rows(rich_answer()) for cell in row.values()]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_no_answer_has_no_rows():
    """Without a plan there is the header alone."""
    assert focus_csv(no_answer("infeasible")) == ",".join(COLUMNS) + "\n"


@pytest.mark.slow
@pytest.mark.skipif(not GATE.is_file(), reason="the FOCUS gate (../shared/tools/focus) is not here")
@pytest.mark.skipif("FOCUS_PYTHON" not in os.environ, reason="FOCUS_PYTHON names no Python with focus-validator 2.2.1")
@pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)
def test_the_validator_accepts_the_file(make, tmp_path: Path):
    """The FOCUS 1.2 rules of focus-validator hold, but for those that no file can pass."""
    path = tmp_path / "focus.csv"
    path.write_text(focus_csv(make()), encoding="utf-8")

    done = subprocess.run([os.environ["FOCUS_PYTHON"], GATE, path], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
