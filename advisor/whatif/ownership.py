"""Buy or rent: from how many hours a year on an owned node costs less than a rented one, and what it saves this plan.

A year of an owned node that works h hours: capital C (1 - r) / Y + 12 (staff + other) + [h P + (8,760 - h) P0] k u,
with capex C, residual r, Y years, load and idle power P and P0 in kW, PUE k, u USD/kWh. Rented: h R. Owning beats
renting from h* = (C (1 - r) / Y + 12 (staff + other) + 8,760 P0 k u) / (R - (P - P0) k u).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from advisor.configurations import most_nodes
from advisor.explain.requirements import with_more_nodes
from advisor.places import HOURS_PER_YEAR, Place
from advisor.plan.schema import Cluster, ClusterCost
from advisor.planning import Question, ask
from advisor.recommend import Costed, costed
from pricing.money import MICRO_USD_PER_USD
from pricing.offer import Market
from solver import Solved


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What one node more of a cluster costs a year, against renting its like by the hour (USD, exact).

    `hours_a_year` is where owning begins to cost less, None where it never does within a year.
    """

    cluster: str
    rented: str
    rent_usd_per_hour: Fraction
    fixed_usd_per_year: Fraction
    capital_usd_per_year: Fraction
    usd_per_hour_of_use: Fraction
    hours_a_year: Fraction | None

    def payback_years(self, capex_usd: Fraction, hours_a_year: Fraction) -> Fraction | None:
        """Years until what is not spent on renting has paid for the node; None where it never does."""
        running = self.fixed_usd_per_year - self.capital_usd_per_year + hours_a_year * self.usd_per_hour_of_use
        saved = hours_a_year * self.rent_usd_per_hour - running
        return capex_usd / saved if saved > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """The plan with so many nodes more, on both bases of their cost."""

    nodes: int
    full: Costed | None
    marginal: Costed | None


def ownership(question: Question, cluster: Cluster, capex_usd: Decimal) -> Ownership | None:
    """Compare a node of a cluster at a price with the cheapest on-demand offer of the same GPUs; None without one."""
    like = _alike(question, cluster)
    if like is None:
        return None
    cost = cluster.cost
    capital = Fraction(capex_usd) * (1 - Fraction(cost.residual_fraction)) / Fraction(cost.amortization_years or 1)
    idle = Fraction(cost.idle_power_kw or 0)
    kilowatt_hour = Fraction(cost.pue) * Fraction(cost.usd_per_kwh)
    fixed = capital + 12 * _monthly(cost) + HOURS_PER_YEAR * idle * kilowatt_hour
    use = (Fraction(cost.node_power_kw) - idle) * kilowatt_hour
    rent = Fraction(like.micro_usd_per_hour, MICRO_USD_PER_USD)
    hours = fixed / (rent - use) if rent > use else None
    return Ownership(
        cluster=cluster.name,
        rented=like.described(),
        rent_usd_per_hour=rent,
        fixed_usd_per_year=fixed,
        capital_usd_per_year=capital,
        usd_per_hour_of_use=use,
        hours_a_year=hours if hours is not None and hours <= HOURS_PER_YEAR else None,
    )


def _monthly(cost: ClusterCost) -> Fraction:
    return Fraction(cost.staff_usd_per_node_month) + Fraction(cost.other_usd_per_node_month)


def _alike(question: Question, cluster: Cluster) -> Place | None:
    """Return the cheapest on-demand place with the same GPUs a node that some job of the plan allows."""
    from advisor.estimate.hardware import hardware_of_machine

    def is_alike(place: Place) -> bool:
        if (
            place.market is not Market.ON_DEMAND
            or place.gpus_per_node != cluster.gpus_per_node
            or not most_nodes(place)
        ):
            return False
        return hardware_of_machine(place.machine, question.plan).gpu.id == cluster.gpu

    return min(filter(is_alike, question.offers), key=lambda place: place.micro_usd_per_hour, default=None)


def bought(question: Question, index: int, capex_usd: Decimal, nodes: Sequence[int], deadline: float) -> list[Bought]:
    """Plan again with so many nodes more of a cluster at a price, on both bases."""
    found = []
    for more in nodes:
        plans: dict[str, Costed | None] = {}
        for basis in ("full", "marginal"):
            plan = with_more_nodes(index, more)(question.plan)
            clusters = list(plan.clusters)
            cost = clusters[index].cost.model_copy(update={"capex_usd_per_node": capex_usd, "basis": basis})
            clusters[index] = clusters[index].model_copy(update={"cost": cost})
            plans[basis] = _solved(replace(question, plan=plan.model_copy(update={"clusters": clusters})), deadline)
        found.append(Bought(nodes=more, full=plans["full"], marginal=plans["marginal"]))
    return found


def _solved(question: Question, deadline: float) -> Costed | None:
    left = deadline - time.monotonic()
    if left <= 0:
        return None
    answer = ask(question, min(left, 15.0))
    return costed(answer.outcome, answer.formulation.ledger) if isinstance(answer.outcome, Solved) else None
