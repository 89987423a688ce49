"""Providers and regions that a plan names and no table knows: warnings, since clouds grow faster than tables."""

from collections.abc import Iterator

from advisor.plan.messages import suggestion
from advisor.plan.schema import TrainingPlan
from pricing.regions import regions


def region_warnings(plan: TrainingPlan) -> list[str]:
    """Say of every provider and region that is not known where it stands and what may have been meant.

    The providers of the plan's own machines are known, their regions are anybody's guess.
    """
    own = {machine.provider for machine in plan.machines}
    known = regions()
    anywhere = frozenset[str]().union(*known.values())
    said = []
    for path, provider, region in _named(plan):
        if provider is not None and provider not in known and provider not in own:
            near = suggestion(provider, sorted({*known, *own}))
            said.append(f"{path}: no table and no machine of the plan knows the provider {provider!r}{near}")
            continue
        where = anywhere if provider is None else known.get(provider)
        is_open = where is None or (provider is None and bool(own - set(known)))
        if region is not None and where is not None and not is_open and region not in where:
            near = suggestion(region, sorted(where))
            said.append(f"{path}: no table knows the region {region!r}{f' of {provider}' if provider else ''}{near}")
    return said


def _named(plan: TrainingPlan) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (path, provider, region) of everything in the plan that names one or the other."""
    clusters = {cluster.name for cluster in plan.clusters}
    for i, job in enumerate(plan.jobs):
        path, wanted = f"jobs[{i}].placement", job.placement
        yield from ((f"{path}.providers[{k}]", name, None) for k, name in enumerate(wanted.providers or []))
        yield from ((f"{path}.regions[{k}]", None, name) for k, name in enumerate(wanted.regions or []))
        yield from ((f"{path}.exclude.regions[{k}]", None, name) for k, name in enumerate(wanted.exclude.regions))
        if job.dataset is not None and job.dataset.location not in clusters:
            yield (f"jobs[{i}].dataset.location", *_parts(job.dataset.location))
    for i, cluster in enumerate(plan.clusters):
        if cluster.location is not None:
            yield (f"clusters[{i}].location", *_parts(cluster.location))
    for i, limit in enumerate(plan.limits):
        yield f"limits[{i}]", limit.provider, limit.region
    for i, discount in enumerate(plan.discounts):
        yield f"discounts[{i}]", discount.provider, discount.region
    for i, commitment in enumerate(plan.commitments):
        yield f"commitments[{i}]", commitment.provider, commitment.region


def _parts(location: str) -> tuple[str, str]:
    provider, _, region = location.partition("/")
    return provider, region
