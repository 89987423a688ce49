"""What one part of a plan says of another: names that must exist, times that must order, no cycles.

Unknown machines, models, GPUs and clusters are errors wherever they are named; an unknown provider or region is a
warning, since clouds open regions faster than tables learn of them.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from advisor.errors import Fault
from advisor.plan.messages import suggestion
from advisor.plan.schema import Cluster, Job, TrainingPlan
from pricing.hardware import gpus, machines

Item = TypeVar("Item")


def reference_faults(plan: TrainingPlan) -> list[Fault]:
    """Return everything that the parts of the plan say wrongly of each other."""
    return [
        *_unique("jobs", plan.jobs, lambda job: job.name),
        *_unique("clusters", plan.clusters, lambda cluster: cluster.name),
        *_unique("machines", plan.machines, lambda machine: machine.name),
        *_unique("commitments", plan.commitments, lambda commitment: commitment.name),
        *_hardware(plan),
        *(fault for i, cluster in enumerate(plan.clusters) for fault in _cluster(f"clusters[{i}]", cluster)),
        *(fault for i, job in enumerate(plan.jobs) for fault in _job(f"jobs[{i}]", job, plan)),
        *_cycles(plan.jobs),
        *_entries(plan),
        *_budgets(plan),
    ]


def machine_names(plan: TrainingPlan) -> set[str]:
    """Return every rented machine that the plan may name: the table's and its own."""
    return set(machines()) | {machine.name for machine in plan.machines}


def _unique(path: str, items: Sequence[Item], name: Callable[[Item], str]) -> list[Fault]:
    first: dict[str, int] = {}
    faults = []
    for index, item in enumerate(items):
        if name(item) in first:
            earlier = f"{path}[{first[name(item)]}]"
            faults.append(Fault(f"{path}[{index}].name", f"{name(item)!r} is the name of {earlier} too; rename one"))
        first.setdefault(name(item), index)
    return faults


def _unknown(path: str, kind: str, name: str, known: Iterable[str], command: str) -> Fault:
    near = suggestion(name, sorted(known))
    return Fault(path, f"unknown {kind} {name!r}{near or f'; `{command}` lists them'}")


def _budgets(plan: TrainingPlan) -> Iterable[Fault]:
    centers = sorted({job.cost_center for job in plan.jobs if job.cost_center is not None})
    for i, budget in enumerate(plan.budgets):
        if budget.cost_center is not None and budget.cost_center not in centers:
            near = suggestion(budget.cost_center, centers)
            yield Fault(
                f"budgets[{i}].cost_center",
                f"no job has the cost_center {budget.cost_center!r}{near or '; state it in the jobs that it pays for'}",
            )


def _hardware(plan: TrainingPlan) -> Iterable[Fault]:
    for i, machine in enumerate(plan.machines):
        if machine.gpu not in gpus():
            yield _unknown(f"machines[{i}].gpu", "GPU", machine.gpu, gpus(), "advisor machines --json")
        if machine.name in machines():
            yield Fault(f"machines[{i}].name", f"{machine.name!r} is in the table of machines already; leave it out")
    rented = machine_names(plan)
    for i, cluster in enumerate(plan.clusters):
        if cluster.gpu not in gpus():
            yield _unknown(f"clusters[{i}].gpu", "GPU", cluster.gpu, gpus(), "advisor machines --json")
        if cluster.name in rented:
            yield Fault(f"clusters[{i}].name", f"{cluster.name!r} is the name of a machine; rename the cluster")


def _cluster(path: str, cluster: Cluster) -> Iterable[Fault]:
    cost = cluster.cost
    if cost.basis == "full":
        for field in ("capex_usd_per_node", "amortization_years"):
            if getattr(cost, field) is None:
                yield Fault(f"{path}.cost.{field}", "is required with basis full; state it, or use basis: marginal")
    elif cost.idle_power_kw is None:
        yield Fault(f"{path}.cost.idle_power_kw", "is required with basis marginal: only power above idle is added")
    if cost.idle_power_kw is not None and cost.idle_power_kw > cost.node_power_kw:
        yield Fault(f"{path}.cost.idle_power_kw", f"must not exceed node_power_kw ({cost.node_power_kw})")
    windows = sorted(enumerate(cluster.available or []), key=lambda pair: (pair[1].from_, pair[1].to))
    for i, window in windows:
        if window.to <= window.from_:
            yield Fault(f"{path}.available[{i}].to", "must lie after `from`")
        if window.nodes > cluster.nodes:
            yield Fault(f"{path}.available[{i}].nodes", f"must be at most the cluster's {cluster.nodes} nodes")
    for (i, earlier), (j, later) in pairwise(windows):
        if later.from_ < earlier.to:
            yield Fault(f"{path}.available[{j}].from", f"overlaps available[{i}]; let windows end before the next")


def _job(path: str, job: Job, plan: TrainingPlan) -> Iterable[Fault]:
    jobs = {other.name for other in plan.jobs}
    clusters = {cluster.name for cluster in plan.clusters}
    rented = machine_names(plan)
    for i, name in enumerate(job.after):
        if name == job.name:
            yield Fault(f"{path}.after[{i}]", "a job cannot come after itself")
        elif name not in jobs:
            yield Fault(f"{path}.after[{i}]", f"no job is named {name!r}{suggestion(name, sorted(jobs))}")
    if len(set(job.after)) < len(job.after):
        yield Fault(f"{path}.after", "names a job twice; keep one")
    yield from _placement(path, job, clusters, rented)
    yield from _measured(path, job, clusters, rented)
    if job.dataset and "/" not in job.dataset.location and job.dataset.location not in clusters:
        yield Fault(f"{path}.dataset.location", "must be provider/region like aws/us-east-1, or the name of a cluster")
    yield from _times(path, job, plan)


def _placement(path: str, job: Job, clusters: set[str], rented: set[str]) -> Iterable[Fault]:
    for i, name in enumerate(job.placement.clusters or []):
        if name not in clusters:
            yield Fault(
                f"{path}.placement.clusters[{i}]",
                f"no cluster is named {name!r}{suggestion(name, sorted(clusters))}",
            )
    named = [("machines", job.placement.machines or []), ("exclude.machines", job.placement.exclude.machines)]
    for field, names in named:
        for i, name in enumerate(names):
            if name not in rented:
                yield _unknown(f"{path}.placement.{field}[{i}]", "machine", name, rented, "advisor machines")


def _measured(path: str, job: Job, clusters: set[str], rented: set[str]) -> Iterable[Fault]:
    seen: dict[tuple[str, int], int] = {}
    for i, entry in enumerate(job.measured):
        if entry.machine not in rented and entry.machine not in clusters:
            near = suggestion(entry.machine, sorted(rented | clusters)) or "; `advisor machines` lists them"
            message = f"{entry.machine!r} is neither a machine nor a cluster of this plan{near}"
            yield Fault(f"{path}.measured[{i}].machine", message)
        if (entry.machine, entry.nodes) in seen:
            first = seen[entry.machine, entry.nodes]
            yield Fault(f"{path}.measured[{i}]", f"measured[{first}] is of the same machine and node count; keep one")
        seen.setdefault((entry.machine, entry.nodes), i)
        if entry.tokens_per_second < 1:
            yield Fault(
                f"{path}.measured[{i}].tokens_per_second",
                "must be at least 1: speeds are planned in whole tokens per second",
            )


def _times(path: str, job: Job, plan: TrainingPlan) -> Iterable[Fault]:
    if job.deadline is None:
        return
    if job.earliest_start is not None and job.deadline <= job.earliest_start:
        yield Fault(f"{path}.deadline", "must lie after earliest_start")
    if plan.start is not None and job.deadline <= plan.start:
        yield Fault(f"{path}.deadline", "must lie after the plan's start")


def _cycles(jobs: Sequence[Job]) -> Iterable[Fault]:
    after = {job.name: [name for name in job.after if name != job.name] for job in jobs}
    done: set[str] = set()
    while ready := [
        name for name in after if name not in done and all(n in done or n not in after for n in after[name])
    ]:
        done.update(ready)
    stuck = [name for name in after if name not in done]
    if not stuck:
        return
    ring, name = [stuck[0]], stuck[0]
    while True:
        name = next(n for n in after[name] if n in after and n not in done)
        if name in ring:
            ring = ring[ring.index(name) :]
            break
        ring.append(name)
    index = next(i for i, job in enumerate(jobs) if job.name == ring[0])
    yield Fault(f"jobs[{index}].after", "jobs wait for each other in a circle: " + " after ".join([*ring, ring[0]]))


def _entries(plan: TrainingPlan) -> Iterable[Fault]:
    rented = machine_names(plan)
    parts: list[tuple[str, Sequence[object]]] = [
        ("limits", plan.limits),
        ("discounts", plan.discounts),
        ("commitments", plan.commitments),
    ]
    for part, entries in parts:
        for i, entry in enumerate(entries):
            name = getattr(entry, "machine", None)
            if name is not None and name not in rented:
                yield _unknown(f"{part}[{i}].machine", "machine", name, rented, "advisor machines")
    for i, commitment in enumerate(plan.commitments):
        if commitment.end <= commitment.start:
            yield Fault(f"commitments[{i}].end", "must lie after start")
