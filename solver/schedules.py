"""Schedule files (`gpuplan-schedule/1`): written, and read again to be checked."""

from collections.abc import Mapping
from typing import Any

from solver.certificate import Certificate, CertificateInvalid, lower_bound
from solver.documents import ProblemInvalid, read_object
from solver.problem import Problem
from solver.solution import Infeasible, Reason, Segment, Solved, Undecided
from solver.verify import exact_cost, rounded, violations

SCHEDULE_FORMAT = "gpuplan-schedule/1"
HOUR = 3600


def schedule_document(problem: Problem, outcome: Solved | Infeasible | Undecided) -> dict[str, Any]:
    """Write an outcome as a schedule file."""
    head: dict[str, Any] = {"format": SCHEDULE_FORMAT, "problem": problem.name}
    if isinstance(outcome, Solved):
        segments = [
            {"job": s.job, "pool": s.pool, "nodes": s.nodes, "start_s": s.start_s, "end_s": s.end_s}
            for s in outcome.segments
        ]
        return {
            **head,
            "status": outcome.status,
            "commits": dict(outcome.commits),
            "segments": segments,
            "cost_uusd": outcome.cost_uusd,
            "bound_uusd": outcome.bound_uusd,
            "stopped_by": outcome.stopped_by,
            "certificate": _written(outcome),
        }
    if isinstance(outcome, Infeasible):
        conflict = [{"path": reason.path, "says": reason.says} for reason in outcome.conflict]
        return {**head, "status": "infeasible", "conflict": conflict, "repairs": [], "stopped_by": outcome.stopped_by}
    return {**head, "status": "undecided", "stopped_by": outcome.stopped_by}


def _written(outcome: Solved) -> dict[str, Any] | None:
    certificate = outcome.certificate
    if certificate is None:
        return None
    return {
        "bound_uusd": outcome.certified_uusd,
        "edges_s": list(certificate.edges_s),
        "theta": dict(certificate.theta),
        "pool": _lists(certificate.pool),
        "quota": _lists(certificate.quota),
        "commit": _lists(certificate.commit),
        "wait": [{"job": a, "after": b, "prices": list(row)} for (a, b), row in certificate.wait.items()],
        "segment": dict(certificate.segment),
    }


def _lists(rows: Mapping[str, tuple[int, ...]]) -> dict[str, list[int]]:
    return {name: list(row) for name, row in rows.items()}


def check_schedule(problem: Problem, text: str | bytes) -> list[str]:
    """Check a schedule file against its problem without any solver; return every fault, none where all holds.

    Raises:
        ProblemInvalid: the text is no schedule file.
    """
    document = read_object(text)
    if document.get("format") != SCHEDULE_FORMAT:
        raise ProblemInvalid([Reason("format", f"must be {SCHEDULE_FORMAT!r}")])
    if document.get("status") not in {"optimal", "feasible"}:
        return []
    try:
        segments = [Segment(**segment) for segment in document["segments"]]
        commits, cost, bound = dict(document["commits"]), int(document["cost_uusd"]), int(document["bound_uusd"])
        certificate = _read(document.get("certificate"))
        stated = int((document.get("certificate") or {}).get("bound_uusd") or 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProblemInvalid([Reason("", f"is no schedule: {error}")]) from None
    faults = [f"{broken.rule}: {broken.says}" for broken in violations(problem, segments, commits)]
    if faults:
        return faults
    exact = rounded(exact_cost(problem, segments, commits))
    if exact != cost:
        faults.append(f"cost_uusd is {cost}, the schedule costs {exact}")
    if bound > exact:
        faults.append(f"bound_uusd {bound} is above the cost {exact}")
    return faults + (_unproved(problem, certificate, stated) if certificate is not None else [])


def _read(written: dict[str, Any] | None) -> Certificate | None:
    if written is None:
        return None
    rows = {kind: {name: tuple(row) for name, row in written[kind].items()} for kind in ("pool", "quota", "commit")}
    return Certificate(
        edges_s=tuple(written["edges_s"]),
        theta=dict(written["theta"]),
        wait={(entry["job"], entry["after"]): tuple(entry["prices"]) for entry in written["wait"]},
        segment=dict(written["segment"]),
        **rows,
    )


def _unproved(problem: Problem, certificate: Certificate, stated_uusd: int) -> list[str]:
    try:
        proves = max(0, lower_bound(problem, certificate)) // HOUR
    except CertificateInvalid as error:
        return [f"certificate: {error}"]
    return [] if proves >= stated_uusd else [f"certificate: proves {proves} uUSD, not {stated_uusd}"]
