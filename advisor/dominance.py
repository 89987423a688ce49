"""Drops the choices of a job that another one replaces at no loss, before the solver sees them.

With every node count of every machine in every region a job has tens of thousands of choices; a few hundred of them can
be in a cheapest plan. A choice is dropped where another one is no slower, no dearer an hour, starts no later, is never
scarcer and counts in no limit that the dropped one escapes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from advisor.configurations import Configuration
from advisor.places import Place
from advisor.plan.schema import Limit, TrainingPlan


def limit_matches(limit: Limit, place: Place) -> bool:
    """Whether a limit counts the nodes of a place; commitments and owned nodes are never counted."""
    return (
        place.kind == "offer"
        and limit.provider in (None, place.provider)
        and limit.region in (None, place.region)
        and limit.machine in (None, place.machine)
        and limit.market in (None, place.market)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """A place with what decides whether it may replace another: the limits that can bind it, and its site's cost.

    `yields_to_micro_usd` is what another site may cost that replaces this one.
    """

    place: Place
    choices: list[Configuration]
    limits: frozenset[int]
    site_micro_usd: int
    yields_to_micro_usd: int
    is_plentiful: bool

    def may_replace(self, other: "_Pool") -> bool:
        """Whether a segment there can always run here instead, as far as places go; of equal sites the cost counts."""
        return (
            self.is_plentiful
            and (other.place.is_spot or not self.place.is_spot)
            and self.limits <= other.limits
            and (self.place.site == other.place.site or self.site_micro_usd <= other.yields_to_micro_usd)
        )


def undominated(
    choices: Mapping[str, list[Configuration]],
    plan: TrainingPlan,
    site_micro_usd: Mapping[str, int],
    *,
    only_to_free_sites: bool = False,
) -> dict[str, list[Configuration]]:
    """Return the choices that no other one replaces at no loss, places in their order.

    `site_micro_usd` is what bringing the dataset to a site costs once: a site gives way to none where that is dearer.
    What else sites cost is not weighed here; `advisor.derived` bounds what that can mean. With `only_to_free_sites` a
    site gives way to another only where that costs nothing, which is exact: a job may have paid for its site already.
    """
    most = sum(job.max_nodes for job in plan.jobs)
    pools = [_pool(each, plan, site_micro_usd, most, only_to_free_sites) for each in choices.values()]
    left = _without_dearer_twins(pools)
    kept = {pool.place.key: pool for pool in left}
    for pool in reversed(left):
        rivals = [other for other in kept.values() if other is not pool and other.may_replace(pool)]
        remaining = _left_over(pool, rivals)
        if remaining:
            kept[pool.place.key] = _with(pool, remaining)
        else:
            del kept[pool.place.key]
    return {key: pool.choices for key, pool in kept.items()}


def _pool(
    choices: list[Configuration],
    plan: TrainingPlan,
    site_micro_usd: Mapping[str, int],
    most: int,
    only_to_free_sites: bool,
) -> _Pool:
    place = choices[0].place
    matching = [(i, limit) for i, limit in enumerate(plan.limits) if limit_matches(limit, place)]
    tightest = min((limit.max_nodes for _, limit in matching), default=most)
    once = site_micro_usd.get(place.site, 0)
    return _Pool(
        place=place,
        choices=_thinned([choice for choice in choices if choice.nodes <= tightest]),
        limits=frozenset(i for i, limit in matching if limit.max_nodes < most),
        site_micro_usd=once,
        yields_to_micro_usd=0 if only_to_free_sites else once,
        is_plentiful=place.kind == "offer"
        and place.purchase is None
        and (place.capacity is None or min(nodes for _, nodes in place.capacity) >= most),
    )


def _with(pool: _Pool, choices: list[Configuration]) -> _Pool:
    return replace(pool, choices=choices)


def _thinned(choices: list[Configuration]) -> list[Configuration]:
    """In one place: drop what fewer nodes do as fast after as short a start."""
    kept: list[Configuration] = []
    for choice in sorted(choices, key=lambda each: each.nodes):
        if not any(
            other.tokens_per_second >= choice.tokens_per_second and other.start_seconds <= choice.start_seconds
            for other in kept
        ):
            kept.append(choice)
    return kept


def _without_dearer_twins(pools: Sequence[_Pool]) -> list[_Pool]:
    """Of places of one machine and market, drop those that a cheaper one may replace."""
    groups: dict[tuple[object, ...], list[_Pool]] = {}
    for pool in pools:
        place = pool.place
        kind = (place.kind, place.machine, place.market, place.interruption_rate_per_hour)
        groups.setdefault(kind, []).append(pool)
    gone: set[str] = set()
    for group in groups.values():
        for pool in reversed(group):
            price = pool.place.micro_usd_per_hour
            if any(
                other.place.micro_usd_per_hour <= price and other.may_replace(pool)
                for other in group
                if other is not pool and other.place.key not in gone
            ):
                gone.add(pool.place.key)
    return [pool for pool in pools if pool.choices and pool.place.key not in gone]


def _left_over(pool: _Pool, rivals: Sequence[_Pool]) -> list[Configuration]:
    """Return the choices of a place that no choice of its rivals replaces."""
    if not rivals:
        return pool.choices
    import numpy as np

    def columns(choices: Sequence[Configuration]) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
        rows = [(c.tokens_per_second, c.micro_usd_per_hour, c.start_seconds, c.nodes) for c in choices]
        return np.array(rows, dtype=np.int64).T[:, :, None]

    others = columns([choice for rival in rivals for choice in rival.choices])
    counted = np.array([bool(rival.limits) for rival in rivals for _ in rival.choices])[:, None]
    mine = columns(pool.choices).transpose(0, 2, 1)
    replaced = (others[0] >= mine[0]) & (others[1] <= mine[1]) & (others[2] <= mine[2])
    replaced &= ~counted | (others[3] <= mine[3])
    gone = replaced.any(axis=0)
    return [choice for choice, is_gone in zip(pool.choices, gone, strict=True) if not is_gone]
