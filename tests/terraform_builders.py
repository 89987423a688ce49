"""Answers that tests of rented pools share."""

from typing import Any

from answer_builders import answer, job_result, rented, segment, segment_lines

from advisor.recommendation import Recommendation
from pricing.hardware import machines

HOSTILE = '${file("/etc/passwd")} %{ for x in y } "quoted" \\ <b>'
GOOGLE = {"provider": "gcp", "region": "us-central1", "zone": "us-central1-a"}


def planned(*segments: Any, usd: str = "10", **fields: Any) -> Recommendation:
    """An answer of these segments, each node-hour at one price."""
    ordered = list(segments)
    lines = [one for s in ordered for one in segment_lines(s, "place", {"compute": usd})]
    jobs = [job_result(name, ordered, lines, **fields) for name in dict.fromkeys(s.job for s in ordered)]
    return answer(ordered, lines, jobs)


def many_pools() -> Recommendation:
    """Every machine of both clouds, every market, hostile names; also a provider without a module."""
    markets = {
        "aws": ("on_demand", "spot", "capacity_block", "savings_plan"),
        "gcp": ("spot", "flex_start", "commitment"),
    }
    segments = []
    for name, machine in sorted(machines().items()):
        for market in markets[machine.provider]:
            place = GOOGLE if machine.provider == "gcp" else {"zone": None if market == "on_demand" else "use1-az4"}
            held = {"commitment": 'held "1"'} if market == "commitment" else {}
            segments.append(segment(f"{HOSTILE} {name}", 0, 24, **rented(market, machine=name, **place, **held)))
    segments.append(segment("elsewhere", 0, 5, **rented("on_demand", provider="lambda", machine="gpu_8x_h100")))
    return planned(*segments, cost_center="Größe & Co")
