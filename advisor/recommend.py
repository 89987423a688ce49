"""Turns the solver's answer back into words and money: segments, lines that add up, jobs, idle nodes.

A line is quantity x unit price rounded half-even to cents; job costs and the total are sums of lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from advisor.configurations import Configuration
from advisor.formulate import Ledger
from advisor.held import Spread, spreads
from advisor.places import Place, UnitPrice, cluster_place, idle_micro_usd_per_hour
from advisor.plan.schema import Cluster, Job
from advisor.recommendation import Idle, JobResult, Line, Money, Segment
from advisor.site_costs import SiteCharge
from pricing.moments import moment_text
from pricing.money import MICRO_USD_PER_CENT, cents, micro_usd, micro_usd_text
from solver import Segment as SolverSegment
from solver import Solved

HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Costed:
    """A solved plan in the user's terms; money in whole cents."""

    segments: list[Segment]
    jobs: list[JobResult]
    lines: list[Line]
    idle: list[Idle]
    total_cents: int
    lower_bound_cents: int
    finish_seconds: int

    @property
    def gap(self) -> float:
        """(total - lower bound) / total, 0 where the total is 0."""
        return (self.total_cents - self.lower_bound_cents) / self.total_cents if self.total_cents else 0.0


def costed(answer: Solved, ledger: Ledger) -> Costed:
    """Write out a solved plan: every number with the origin that the ledger knows."""
    ordered = sorted(answer.segments, key=lambda s: (_index(s.job, ledger), s.start_s))
    lines = [line for job in ledger.plan.jobs for line in _job_lines(job, ordered, ledger)]
    lines += _purchase_lines(answer, ordered, ledger)
    lines += _upfront_lines(ledger)
    total = sum(_line_cents(line) for line in lines)
    unsure = spreads(ordered, ledger)
    bound = (answer.bound_uusd + ledger.upfront_micro_usd) // MICRO_USD_PER_CENT
    return Costed(
        segments=_segments(ordered, ledger),
        jobs=[_job_result(job, ordered, lines, ledger, unsure.get(job.name)) for job in ledger.plan.jobs],
        lines=lines,
        idle=[_idle(cluster, ordered, ledger) for cluster in ledger.plan.clusters],
        total_cents=total,
        lower_bound_cents=max(0, min(total, bound)),
        finish_seconds=max((s.end_s for s in ordered), default=0),
    )


def _index(job: str, ledger: Ledger) -> int:
    return next(i for i, known in enumerate(ledger.plan.jobs) if known.name == job)


def _line_cents(line: Line) -> int:
    return int(Decimal(line.cost.amount) * 100)


def _choice(segment: SolverSegment, ledger: Ledger) -> Configuration:
    return ledger.configurations[segment.job, segment.pool, segment.nodes]


def _segments(ordered: Sequence[SolverSegment], ledger: Ledger) -> list[Segment]:
    left = {job.name: job.tokens for job in ledger.plan.jobs}
    segments = []
    for segment in ordered:
        choice = _choice(segment, ledger)
        place = choice.place
        paid = segment.end_s - segment.start_s
        done = min(left[segment.job], choice.tokens_per_second * max(0, paid - choice.start_seconds))
        left[segment.job] -= done
        local = place.kind == "cluster"
        segments.append(
            Segment(
                job=segment.job,
                kind="local" if local else "cloud",
                cluster=place.machine if local else None,
                provider=place.provider,
                region=place.region,
                zone=place.zone,
                machine=None if local else place.machine,
                market="commitment" if place.kind == "commitment" else place.market,
                commitment=place.pool_key.removeprefix("commitment/") if place.kind == "commitment" else None,
                nodes=segment.nodes,
                gpus=segment.nodes * place.gpus_per_node,
                layout=choice.layout,
                start=ledger.grid.moment(segment.start_s),
                end=ledger.grid.moment(segment.end_s),
                tokens=done,
                tokens_per_second=choice.tokens_per_second,
                speed_basis=choice.speed_basis,
                speed_source=choice.speed_source,
                tokens_per_second_low=choice.low,
                tokens_per_second_high=choice.high,
            )
        )
    return segments


def quantity_text(quantity: Fraction) -> str:
    """Write a quantity as plain decimal text, at most nine places."""
    text = f"{Decimal(quantity.numerator) / Decimal(quantity.denominator):.9f}"
    return text.rstrip("0").rstrip(".")


def _line(description: str, quantity: Fraction, unit: str, price: UnitPrice, **fields: object) -> Line:
    return Line.model_validate(
        {
            "job": None,
            "category": price.category,
            "description": description,
            "quantity": quantity_text(quantity),
            "unit": unit,
            "unit_price": Money.of_micro_usd(price.micro_usd_per_hour),
            "cost": Money.of_cents(cents(quantity * price.micro_usd_per_hour)),
            "basis": price.basis,
            "source": price.source,
            "observed_at": price.observed_at,
            "confirmed_at": price.confirmed_at,
            "bundled": price.bundled,
            **fields,
        }
    )


def _job_lines(job: Job, ordered: Sequence[SolverSegment], ledger: Ledger) -> list[Line]:
    lines, sites = [], []
    for index, segment in enumerate(ordered):
        if segment.job != job.name:
            continue
        place = ledger.places[segment.pool]
        quantity = segment.nodes * Fraction(segment.end_s - segment.start_s, HOUR)
        for price in place.prices:
            # Lines of zero cost only for commitments (contract, Sums): what rounds to no cent is none.
            if cents(quantity * price.micro_usd_per_hour) or place.kind == "commitment":
                text = _segment_text(segment, place, ledger)
                lines.append(_line(text, quantity, "node-hour", price, job=job.name, segment=index))
        if place.site not in sites:
            sites.append(place.site)
    lines += [line for site in sites for line in _staging_lines(job, site, ledger)]
    return lines + _moving_lines(job, ordered, ledger)


def _segment_text(segment: SolverSegment, place: Place, ledger: Ledger) -> str:
    start, end = (moment_text(ledger.grid.moment(s)) for s in (segment.start_s, segment.end_s))
    return f"{segment.nodes} x {place.described()}, {start} to {end}"


def _staging_lines(job: Job, site: str, ledger: Ledger) -> list[Line]:
    charges = ledger.staging.get((job.name, site), ())
    return [_charge_line(job, charge, charge.description) for charge in charges if charge.micro_usd]


def _moving_lines(job: Job, ordered: Sequence[SolverSegment], ledger: Ledger) -> list[Line]:
    """Charge the checkpoint that leaves a site between two segments of the job."""
    sites = [ledger.places[segment.pool].site for segment in ordered if segment.job == job.name]
    lines = []
    for left, reached in pairwise(sites):
        charge = ledger.moving.get((job.name, left))
        if left != reached and charge is not None:
            lines.append(_charge_line(job, charge, f"checkpoint from {left} to {reached}"))
    return lines


def _charge_line(job: Job, charge: SiteCharge, description: str) -> Line:
    unit = UnitPrice(
        category="other",
        micro_usd_per_hour=charge.micro_usd_per_unit,
        basis="list",
        source=charge.source,
        observed_at=charge.observed_at,
    )
    return _line(description, charge.quantity, charge.unit, unit, job=job.name, category=charge.category)


def _purchase_lines(answer: Solved, ordered: Sequence[SolverSegment], ledger: Ledger) -> list[Line]:
    """Write what was bought for a term, whole, with how much of it the plan uses; it belongs to the whole plan."""
    lines = []
    for pool, nodes in sorted(answer.commits.items()):
        place = ledger.places[pool]
        if place.purchase is None or nodes == 0:
            continue
        (price,) = place.prices
        whole = replace(price, category="other", micro_usd_per_hour=place.purchase.micro_usd_per_node)
        used = Fraction(sum(s.nodes * (s.end_s - s.start_s) for s in ordered if s.pool == pool), HOUR)
        text = f"{nodes} x {place.described()}, {place.purchase.words}"
        if place.purchase.begin is not None:
            text += f" from {moment_text(place.purchase.begin)}"
        text += f", paid whole; this plan uses {quantity_text(used)} node-hours"
        lines.append(_line(text, Fraction(nodes), "node", whole, category="upfront"))
    return lines


def _upfront_lines(ledger: Ledger) -> list[Line]:
    lines = []
    for commitment in ledger.plan.commitments:
        if commitment.sunk or commitment.upfront_usd == 0:
            continue
        price = UnitPrice(
            category="other",
            micro_usd_per_hour=micro_usd(commitment.upfront_usd),
            basis="plan_document",
            source=f"plan document, commitments {commitment.name}",
            observed_at=None,
        )
        text = f"commitment {commitment.name}, up front, used or not"
        lines.append(_line(text, Fraction(1), "commitment", price, category="upfront"))
    return lines


def _job_result(
    job: Job, ordered: Sequence[SolverSegment], lines: Sequence[Line], ledger: Ledger, unsure: Spread | None
) -> JobResult:
    mine = [segment for segment in ordered if segment.job == job.name]
    finish = ledger.grid.moment(max(segment.end_s for segment in mine))
    cost = sum(_line_cents(line) for line in lines if line.job == job.name)
    per_million = Decimal(cost) * 10_000 / Decimal(job.tokens)
    slack = None if job.deadline is None else round((job.deadline - finish).total_seconds() / HOUR, 4)
    return JobResult(
        job=job.name,
        cost_center=job.cost_center,
        start=ledger.grid.moment(min(segment.start_s for segment in mine)),
        finish=finish,
        deadline=job.deadline,
        slack_hours=slack,
        cost=Money.of_cents(cost),
        usd_per_million_tokens=f"{per_million:.6f}",
        miss_probability=None,
        expected_interruptions=_interruptions(mine, ledger),
        finish_early=unsure and unsure.early,
        finish_late=unsure and unsure.late,
        cost_low=unsure and Money.of_cents(cost + unsure.added_cents_early),
        cost_high=unsure and Money.of_cents(cost + unsure.added_cents_late),
    )


def _interruptions(mine: Sequence[SolverSegment], ledger: Ledger) -> float | None:
    """Rate per node-hour x node-hours on spot; None where a used spot pool states no rate."""
    expected = 0.0
    for segment in mine:
        place = ledger.places[segment.pool]
        if place.is_spot:
            if place.interruption_rate_per_hour is None:
                return None
            expected += place.interruption_rate_per_hour * segment.nodes * (segment.end_s - segment.start_s) / HOUR
    return round(expected, 4)


def _idle(cluster: Cluster, ordered: Sequence[SolverSegment], ledger: Ledger) -> Idle:
    """Unused part of the cluster's available nodes from the plan's start to the last finish of a job."""
    key = f"cluster/{cluster.name}"
    span = max((segment.end_s for segment in ordered), default=0)
    steps = cluster_place(cluster, ledger.grid).capacity or ()
    ends = [hour * HOUR for hour, _ in steps[1:]] + [span]
    seconds = sum(nodes * max(0, min(end, span) - hour * HOUR) for (hour, nodes), end in zip(steps, ends, strict=True))
    seconds -= sum(s.nodes * (s.end_s - s.start_s) for s in ordered if ledger.places[s.pool].pool_key == key)
    hours = Fraction(seconds, HOUR)
    rate = idle_micro_usd_per_hour(cluster)
    return Idle(
        cluster=cluster.name,
        node_hours=quantity_text(hours),
        cost=None if rate is None else Money.of_cents(cents(hours * rate)),
        reason=f"at {micro_usd_text(rate)} USD per idle node-hour, from the plan's start to its last finish"
        if rate is not None
        else "idle_power_kw is not stated, so the cost of idle nodes is unknown",
    )
