"""Answers that tests of rented pools share."""

from typing import Any

from answer_builders import answer, job_result, rented, segment, segment_lines

from advisor.recommendation import Recommendation

HOSTILE = '${file("/etc/passwd")} %{ for x in y } "quoted" \\ <b>'
GOOGLE = {"provider": "gcp", "region": "us-central1", "zone": "us-central1-a"}


def planned(*segments: Any, usd: str = "10", **fields: Any) -> Recommendation:
    """An answer of these segments, each node-hour at one price."""
    ordered = list(segments)
    lines = [one for s in ordered for one in segment_lines(s, "place", {"compute": usd})]
    jobs = [job_result(name, ordered, lines, **fields) for name in dict.fromkeys(s.job for s in ordered)]
    return answer(ordered, lines, jobs)


POOLS = [
    ("p4d.24xlarge", "on_demand", {"zone": None}),
    ("p5.48xlarge", "spot", {}),
    ("p5en.48xlarge", "savings_plan", {"zone": "us-east-1a"}),
    ("p6-b300.48xlarge", "capacity_block", {}),
    ("a2-ultragpu-8g", "spot", GOOGLE | {"zone": None}),
    ("a3-megagpu-8g", "commitment", GOOGLE | {"commitment": 'held "1"'}),
    ("a4-highgpu-8g", "flex_start", GOOGLE),
    ("gpu_8x_h100", "on_demand", {"provider": "lambda"}),
]


def many_pools() -> Recommendation:
    """Each fabric of both clouds, each way to pay, with and without a zone; hostile names; a provider without a module."""
    segments = [
        segment(f"{HOSTILE} {index}", 0, 24, **rented(market, machine=machine, **place))
        for index, (machine, market, place) in enumerate(POOLS)
    ]
    return planned(*segments, cost_center="Größe & Co")
