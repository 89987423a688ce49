"""Memory and speed of a training job on given nodes, from its shape: importing this is cheap, estimating is not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.estimate.estimate import Estimate
    from advisor.estimate.hardware import Hardware
    from advisor.estimate.site_factors import SiteCalibration
    from advisor.plan.schema import Job
    from advisor.plan.shapes import ModelShape


def estimate_job(
    job: "Job", shape: "ModelShape", hardware: "Hardware", nodes: int, site: "SiteCalibration | None" = None
) -> "Estimate":
    """Return the fastest layout that fits, or the smallest with the reason why it does not."""
    return estimate_nodes(job, shape, hardware, [nodes], site)[0]


def estimate_nodes(
    job: "Job",
    shape: "ModelShape",
    hardware: "Hardware",
    node_counts: Sequence[int],
    site: "SiteCalibration | None" = None,
) -> "list[Estimate]":
    """Estimate a job on several node counts at once, scaled by the site's own runs; answers in the order asked."""
    from advisor.estimate.search import best_layouts
    from advisor.estimate.work import work_of

    return best_layouts(work_of(job, shape), hardware, tuple(node_counts), site=site)
