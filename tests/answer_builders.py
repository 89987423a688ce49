"""Hand-made recommendations that tests of outputs share: consistent to the cent, every kind of row in them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from advisor.recommendation import (
    Alternative,
    AsPlanned,
    Conflict,
    Excluded,
    Idle,
    Infeasibility,
    JobResult,
    Layout,
    Line,
    Money,
    PlanReference,
    PriceHistory,
    PricePoint,
    Recommendation,
    Repair,
    Replanned,
    Savings,
    Segment,
    Sensitivity,
)
from pricing.moments import moment_text
from pricing.money import cents, cents_text, micro_usd

START = datetime(2026, 12, 1, tzinfo=UTC)
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
SPOT_SEEN = datetime(2026, 11, 23, 18, 12, 31, tzinfo=UTC)
LIST_SEEN = datetime(2026, 8, 6, tzinfo=UTC)
LAYOUT = Layout(tp=2, pp=1, cp=1, ep=1, dp=16, zero_stage=1, micro_batch=2, recompute="selective")


def at(hour: float) -> datetime:
    """Return the moment so many hours after the start."""
    return START + timedelta(hours=hour)


def segment(job: str, begin: float, end: float, **fields: Any) -> Segment:
    """Make a segment on the owned cluster, or wherever the fields say."""
    owned: dict[str, Any] = {
        "kind": "local",
        "cluster": "onprem",
        "provider": None,
        "region": None,
        "zone": None,
        "machine": None,
        "market": None,
        "commitment": None,
        "nodes": 4,
        "layout": None,
        "tokens_per_second": 85_144,
        "speed_basis": "measured",
        "speed_source": "run 41 of the team",
    }
    merged = owned | fields
    hours = end - begin
    merged.setdefault("gpus", merged["nodes"] * 8)
    merged.setdefault("tokens", int(merged["tokens_per_second"] * 3600 * hours))
    return Segment(job=job, start=at(begin), end=at(end), **merged)


def history(market: str, zone: str | None, prices: dict[float, str]) -> PriceHistory:
    """Make past prices of a pool of AWS: hours from the start of the plan to USD per hour."""
    points = [PricePoint(at=at(hour), usd_per_hour=Money.of_micro_usd(micro_usd(usd))) for hour, usd in prices.items()]
    pool = {"provider": "aws", "region": "us-east-1", "zone": zone, "machine": "p5.48xlarge", "market": market}
    return PriceHistory.model_validate({**pool, "points": points})


def rented(market: str, **fields: Any) -> dict[str, Any]:
    """Fields of a rented segment in a zone of AWS."""
    place = {"provider": "aws", "region": "us-east-1", "zone": "use1-az4", "machine": "p5.48xlarge"}
    return {"kind": "cloud", "cluster": None, "market": market, **place, **fields}


def line(job: str | None, category: str, description: str, quantity: Fraction | int, usd: str, **fields: Any) -> Line:
    """Make a line whose cost is quantity x unit price, half-even to cents."""
    price = micro_usd(usd)
    written = format(Decimal(Fraction(quantity).numerator) / Decimal(Fraction(quantity).denominator), "f")
    origin = {"unit": "node-hour", "basis": "list", "source": "AWS price list", "observed_at": LIST_SEEN} | fields
    return Line.model_validate(
        {
            "job": job,
            "category": category,
            "description": description,
            "quantity": written,
            "unit_price": Money.of_micro_usd(price),
            "cost": Money.of_cents(cents(Fraction(quantity) * price)),
            **origin,
        }
    )


def segment_lines(one: Segment, place: str, rates: dict[str, str], **origin: Any) -> list[Line]:
    """Make the lines of a segment, one per category, worded as the product words them."""
    hours = Fraction(int((one.end - one.start).total_seconds()), 3600) * one.nodes
    text = f"{one.nodes} x {place}, {moment_text(one.start)} to {moment_text(one.end)}"
    return [line(one.job, category, text, hours, usd, **origin) for category, usd in rates.items()]


def numbered(lines: list[Line], segments: list[Segment]) -> list[Line]:
    """Give each line the index of the segment whose job and period its description names."""
    periods = [f"{moment_text(s.start)} to {moment_text(s.end)}" for s in segments]
    return [
        one.model_copy(
            update={
                "segment": next(
                    (i for i, s in enumerate(segments) if s.job == one.job and one.description.endswith(periods[i])),
                    None,
                )
            }
        )
        for one in lines
    ]


OWNED_RATES = {"capital": "8.026541", "power": "1.5912", "staff": "1.027397"}
OWNED_ORIGIN = {"basis": "plan_document", "source": "plan document, clusters onprem", "observed_at": None}
SPOT_ORIGIN = {"basis": "spot_mean", "source": "AWS DescribeSpotPriceHistory", "observed_at": SPOT_SEEN}
HELD_ORIGIN = {"basis": "plan_document", "source": "plan document, commitments block-1", "observed_at": None}


def job_result(name: str, segments: list[Segment], lines: list[Line], **fields: Any) -> JobResult:
    """Sum up a job from its segments and lines."""
    mine = [s for s in segments if s.job == name]
    cost = sum((Decimal(one.cost.amount) for one in lines if one.job == name), Decimal("0.00"))
    finish = max(s.end for s in mine)
    deadline = fields.get("deadline")
    merged: dict[str, Any] = {
        "cost_center": None,
        "deadline": None,
        "slack_hours": None if deadline is None else (deadline - finish).total_seconds() / 3600,
        "miss_probability": None,
        "expected_interruptions": 0.0,
        "usd_per_million_tokens": f"{cost * 10**6 / sum(s.tokens for s in mine):.6f}",
    } | fields
    return JobResult(job=name, start=min(s.start for s in mine), finish=finish, cost=Money(amount=str(cost)), **merged)


def answer(segments: list[Segment], lines: list[Line], jobs: list[JobResult], **fields: Any) -> Recommendation:
    """Wrap up a plan; its total is the sum of its lines."""
    total = sum((Decimal(one.cost.amount) for one in lines), Decimal("0.00"))
    merged: dict[str, Any] = {
        "id": "rec_0123456789abcdef",
        "status": "optimal",
        "stopped_by": "proof",
        "plan": PlanReference(name="q1-models", sha256="0" * 64),
        "created_at": AS_OF,
        "as_of": AS_OF,
        "software": "advisor 0.1.0",
        "seed": 0,
        "start": at(0),
        "horizon": at(312),
        "total": Money(amount=str(total)),
        "lower_bound": Money(amount=str(total)),
        "gap": 0.0,
        "savings": None,
        "idle": [],
        "assumptions": [],
        "warnings": [],
        "excluded": [],
        "alternatives": [],
        "sensitivity": [],
        "infeasibility": None,
    } | fields
    return Recommendation(segments=segments, lines=numbered(lines, segments), jobs=jobs, **merged)


def rich_answer(**fields: Any) -> Recommendation:
    """Three jobs on every kind of place, with everything that a recommendation can hold."""
    pretrain, tune, hostile = "pretrain-7b", "调整-30b-中文", "[red]=SUM(A1)|`x`<b>*y*"
    segments = [
        segment(pretrain, 0, 150.25, layout=LAYOUT),
        segment(pretrain, 151, 198, nodes=16, tokens_per_second=1_340_800, **rented("spot")),
        segment(pretrain, 198, 222, nodes=4, tokens_per_second=310_000, **rented("commitment", commitment="block-1")),
        segment(tune, 222, 301, nodes=2, tokens_per_second=36_208),
        segment(
            hostile,
            32,
            81,
            nodes=32,
            tokens_per_second=227_827,
            speed_basis="estimated",
            speed_source="estimate of 268,032 tokens/s at 41 % MFU, less 15 % (speed_margin)",
            tokens_per_second_low=225_147,
            tokens_per_second_high=316_278,
            **rented("on_demand", zone=None),
        ),
    ]
    lines = [
        *segment_lines(segments[0], "cluster onprem", OWNED_RATES, **OWNED_ORIGIN),
        *segment_lines(segments[1], "aws use1-az4 p5.48xlarge spot", {"compute": "20.105533"}, **SPOT_ORIGIN),
        *segment_lines(segments[2], "aws us-east-1 p5.48xlarge (commitment)", {"compute": "0"}, **HELD_ORIGIN),
        line(pretrain, "egress", "dataset from gcp/us-central1 to aws/us-east-1, once", 900, "0.12", unit="GiB"),
        *segment_lines(segments[3], "cluster onprem", OWNED_RATES, **OWNED_ORIGIN),
        *segment_lines(segments[4], "aws us-east-1 p5.48xlarge on_demand", {"compute": "48.4352"}),
        line(
            None, "upfront", "commitment block-1, up front, used or not", 1, "12000", unit="commitment", **HELD_ORIGIN
        ),
    ]
    jobs = [
        job_result(pretrain, segments, lines, deadline=at(240), cost_center="research", expected_interruptions=3.2),
        job_result(tune, segments, lines, deadline=at(312), cost_center="product", miss_probability=0.0),
        job_result(
            hostile,
            segments,
            lines,
            deadline=at(96),
            cost_center="@research",
            miss_probability=0.0125,
            finish_early=at(68),
            finish_late=at(82),
            cost_low=Money(amount="55797.35"),
            cost_high=Money(amount="77496.32"),
        ),
    ]
    total = sum(Decimal(one.cost.amount) for one in lines)

    def more(usd: str) -> Money:
        return Money(amount=str(total + Decimal(usd)))

    alternatives = [
        Alternative(description="on clouds alone", total=more("9120.55"), finish=at(260), status="optimal", gap=0.0),
        Alternative(
            description="on owned nodes alone",
            total=None,
            finish=None,
            status="infeasible",
            gap=None,
            reason="the plan's deadlines, limits and budgets cannot all hold there",
        ),
        Alternative(
            description="the fastest: earliest last finish, then cheapest",
            total=more("31000.00"),
            finish=at(191),
            status="feasible",
            gap=0.0312,
        ),
        Alternative(
            description="on the other cost basis (onprem on marginal cost)",
            total=more("-6021.40"),
            finish=at(301),
            status="optimal",
            gap=0.0,
        ),
    ]
    merged: dict[str, Any] = {
        "savings": Savings(
            total=more("14873.02"), saved=Money(amount="14873.02"), finish=at(280), status="optimal", gap=0.0
        ),
        "idle": [
            Idle(
                cluster="onprem",
                node_hours="445",
                cost=Money(amount="3962.38"),
                reason="at 8.904222 USD per idle node-hour, from the plan's start to its last finish",
            )
        ],
        "assumptions": [
            "Time runs from 2026-12-01T00:00:00Z to 2026-12-14T00:00:00Z in whole hours.",
            "pretrain-7b uses spot only until 2026-12-09T06:00:00Z: started afresh then off spot, it would still be "
            "done by 2026-12-11T00:00:00Z.",
            "The total does not include: support plans, shared file systems, NAT, failed runs, and taxes.",
        ],
        "warnings": [
            "No limit is stated for aws p4d.24xlarge spot: as many nodes as a job may use are taken to be available.",
            "The chance that spot nodes are taken away is not modelled yet: miss_probability is null.",
        ],
        "excluded": [
            Excluded(what="aws eu-west-1 p5.48xlarge spot", reason="price too old: 101 h, at most 72 h"),
            *(
                Excluded(what=f"gcp us-central1-{zone} a3-highgpu-8g spot", reason="no job has a measured speed on it")
                for zone in "abcdefghijklm"
            ),
        ],
        "alternatives": alternatives,
        "sensitivity": [
            Sensitivity(
                case="every estimated speed 20% lower",
                as_planned=AsPlanned(
                    added=Money(amount="8123.40"), first_deadline_missed="pretrain-7b", late_hours=31.5
                ),
                replanned=Replanned(status="infeasible", total=None, added=None, gap=None),
            ),
            Sensitivity(
                case="spot 30% dearer",
                as_planned=AsPlanned(added=Money(amount="512.00"), first_deadline_missed=None, late_hours=None),
                replanned=Replanned(status="feasible", total=more("498.12"), added=Money(amount="498.12"), gap=0.0123),
            ),
        ],
        "price_history": [
            history("spot", "use1-az4", {-9000: "14.58", -6200: "21.1543", -2400: "17.20", -174: "20.105533"}),
            history("on_demand", None, {-8760: "55.04", -500: "48.4352"}),
        ],
    } | fields
    return answer(segments, lines, jobs, **merged)


def no_answer(status: str, **fields: Any) -> Recommendation:
    """Make an answer without a plan."""
    why = Infeasibility(
        conflict=[
            Conflict(path="jobs[0].max_nodes", says="pretrain-7b: at most 16 nodes"),
            Conflict(path="jobs[0].deadline", says="pretrain-7b: done by 2026-12-03T00:00:00Z; it takes + 9 h"),
        ],
        repairs=[
            Repair(
                path="jobs[0].deadline",
                change="deadline + 9 h, to 2026-12-03T09:00:00Z (the least)",
                total=Money(amount="112480.22"),
            )
        ],
    )
    merged: dict[str, Any] = {
        "status": status,
        "stopped_by": "proof" if status == "infeasible" else "wall_time",
        "total": None,
        "lower_bound": None,
        "gap": None,
        "infeasibility": why if status == "infeasible" else None,
    } | fields
    return answer([], [], [], **merged)


def usd_of_cents(amount: int) -> Money:
    """Make an amount of whole cents."""
    return Money(amount=cents_text(amount))
