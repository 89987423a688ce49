"""The rented pools of a plan: segments of one job on one machine in one place with one node count, over time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from advisor.outputs.terraform_names import pool_names
from advisor.recommendation import Recommendation, Segment
from pricing.hardware import machines

# Markets that the modules can launch, by provider; reserved and savings-plan nodes are launched on demand.
MARKETS = {
    "aws": ("on_demand", "spot", "capacity_block", "commitment", "reserved_1y", "reserved_3y", "savings_plan"),
    "gcp": ("on_demand", "spot", "flex_start", "capacity_block", "commitment", "reserved_1y", "reserved_3y"),
}
HELD = ("capacity_block", "commitment")
LONGEST_FLEX = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Rented nodes as the Terraform modules make them; `left_out` says why they do not."""

    name: str
    first: Segment
    windows: tuple[tuple[datetime, datetime], ...]
    cost_center: str | None
    planned_usd: Decimal
    left_out: str | None

    @property
    def longest(self) -> timedelta:
        """Length of the longest window."""
        return max(end - start for start, end in self.windows)

    @property
    def reservation(self) -> str | None:
        """Key under which the engineer names the capacity that the pool is launched into; None: it needs none."""
        if self.first.market == "commitment":
            return self.first.commitment
        return self.name if self.first.market == "capacity_block" else None


def rented_pools(recommendation: Recommendation) -> list[Pool]:
    """Return the rented pools in order of job and first start; windows that touch are one."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, segment in enumerate(recommendation.segments):
        if segment.kind == "cloud":
            groups.setdefault(_key(segment), []).append(index)
    identities = [json.dumps([recommendation.plan.name, *key], ensure_ascii=False) for key in groups]
    names = pool_names([(str(key[0]), text) for key, text in zip(groups, identities, strict=True)])
    centers = {job.job: job.cost_center for job in recommendation.jobs}
    pools = []
    for name, indices in zip(names, groups.values(), strict=True):
        segments = [recommendation.segments[index] for index in indices]
        windows = _joined((s.start, s.end) for s in segments)
        cost = sum((Decimal(x.cost.amount) for x in recommendation.lines if x.segment in indices), Decimal("0.00"))
        pools.append(
            Pool(
                name=name,
                first=segments[0],
                windows=windows,
                cost_center=centers.get(segments[0].job),
                planned_usd=cost,
                left_out=_left_out(segments[0], windows),
            )
        )
    return pools


def _key(segment: Segment) -> tuple[object, ...]:
    place = (segment.provider, segment.region, segment.zone, segment.machine, segment.market, segment.commitment)
    return (segment.job, *place, segment.nodes)


def _joined(windows: Iterable[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _left_out(segment: Segment, windows: Sequence[tuple[datetime, datetime]]) -> str | None:
    provider = segment.provider or ""
    if provider not in MARKETS:
        return f"there is no module for provider {provider}"
    known = machines().get(segment.machine or "")
    if known is None or known.provider != provider:
        return "the module does not know the network interfaces of this machine"
    if segment.market not in MARKETS[provider]:
        return f"the module has no market {segment.market}"
    if segment.market == "flex_start" and any(end - start > LONGEST_FLEX for start, end in windows):
        return "flex-start nodes run at most 7 days at a time"
    return None


def aws_month_limit(pools: Sequence[Pool], recommendation: Recommendation) -> int:
    """Return the cost of the dearest calendar month (UTC) in whole dollars, rounded up; lines spread evenly in time."""
    keys = {_key(pool.first) for pool in pools}
    months: dict[tuple[int, int], Fraction] = {}
    for line in recommendation.lines:
        segment = None if line.segment is None else recommendation.segments[line.segment]
        if segment is None or _key(segment) not in keys:
            continue
        length = Fraction(int((segment.end - segment.start).total_seconds()))
        at = segment.start
        while at < segment.end:
            until = min(next_month(at), segment.end)
            share = Fraction(int((until - at).total_seconds())) / length
            months[at.year, at.month] = (
                months.get((at.year, at.month), Fraction(0)) + Fraction(line.cost.amount) * share
            )
            at = until
    return -((-max(months.values(), default=Fraction(0))) // 1)


def whole_dollars(amount: Decimal) -> int:
    """Round a budget up to whole dollars: it must not ring at the planned cost."""
    return int(amount.to_integral_value(ROUND_CEILING))


def next_month(at: datetime) -> datetime:
    """Return the first moment of the next calendar month, UTC."""
    return datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
