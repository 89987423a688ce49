"""`terraform/`: the fixed root and modules of infra/terraform, and what the plan rents as `plan.auto.tfvars.json`.

Everything that differs between plans is in that file and in NOTICE.md; the rest is copied byte by byte.
"""

import io
import json
import zipfile
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from advisor.outputs.terraform_names import aws_tag, gcp_label
from advisor.outputs.terraform_notice import notice
from advisor.outputs.terraform_pools import Pool, aws_month_limit, next_month, rented_pools, whole_dollars
from advisor.recommendation import Recommendation
from pricing.moments import moment_text

COPIED = (".tf", "README.md")
NOT_COPIED = ("tests", "examples")
# The earliest moment that a zip can hold: an archive must not tell when it was made.
ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)


def terraform_files(recommendation: Recommendation) -> dict[str, bytes]:
    """Return the folder as {path relative to it: content}, in order of path."""
    pools = rented_pools(recommendation)
    made = [pool for pool in pools if pool.left_out is None]
    written = {
        "plan.auto.tfvars.json": json.dumps(_variables(recommendation, made), indent=2, ensure_ascii=False) + "\n",
        "NOTICE.md": notice(recommendation, pools),
    }
    folder = _fixed_files(_source(), "") | {name: text.encode() for name, text in written.items()}
    return dict(sorted(folder.items()))


def zipped(folder: dict[str, bytes]) -> bytes:
    """Pack a folder into a zip whose bytes depend on its content alone: no dates, no compression library."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in folder.items():
            entry = zipfile.ZipInfo(name, ZIP_MOMENT)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def _source() -> Traversable:
    """Find the modules: inside the package where it is installed, beside it in a checkout."""
    installed = files("advisor").joinpath("terraform")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "infra" / "terraform"


def _fixed_files(folder: Traversable, below: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name not in NOT_COPIED and not entry.name.startswith("."):
                found |= _fixed_files(entry, f"{below}{entry.name}/")
        elif entry.name.endswith(COPIED):
            found[below + entry.name] = entry.read_bytes()
    return found


def _variables(recommendation: Recommendation, pools: list[Pool]) -> dict[str, Any]:
    by_cloud = {cloud: [p for p in pools if p.first.provider == cloud] for cloud in ("aws", "gcp")}
    finish = max((end for pool in pools for _, end in pool.windows), default=recommendation.horizon)
    return {
        "plan": {
            "recommendation": recommendation.id,
            "name": recommendation.plan.name,
            "start": moment_text(recommendation.start),
            "end": moment_text(finish),
        },
        "clouds": [cloud for cloud, found in by_cloud.items() if found],
        "aws_pools": {p.name: _entry(p) | {"tags": _tags(p, recommendation)} for p in by_cloud["aws"]},
        "gcp_pools": {
            p.name: _entry(p) | _flex(p) | {"labels": {k: gcp_label(v) for k, v in _texts(p, recommendation).items()}}
            for p in by_cloud["gcp"]
        },
        "budgets": {
            cloud: _budget(cloud, found, recommendation)
            for cloud, found in by_cloud.items()
            if any(pool.planned_usd for pool in found)
        },
    }


def _entry(pool: Pool) -> dict[str, Any]:
    segment = pool.first
    return {
        "job": segment.job,
        "region": segment.region,
        "zone": segment.zone,
        "machine": segment.machine,
        "nodes": segment.nodes,
        "market": segment.market,
        "reservation": pool.reservation,
        "windows": [{"start": moment_text(start), "end": moment_text(end)} for start, end in pool.windows],
        "planned_usd": _number(pool.planned_usd),
    }


def _flex(pool: Pool) -> dict[str, Any]:
    hours = Decimal(int(pool.longest.total_seconds())) / 3600
    return {"run_hours": _number(hours) if pool.first.market == "flex_start" else None}


def _texts(pool: Pool, recommendation: Recommendation) -> dict[str, str]:
    texts = {"plan": recommendation.id, "plan-name": recommendation.plan.name, "pool": pool.name, "job": pool.first.job}
    return texts | ({"cost-center": pool.cost_center} if pool.cost_center else {})


def _tags(pool: Pool, recommendation: Recommendation) -> dict[str, str]:
    return {key: aws_tag(text) for key, text in _texts(pool, recommendation).items()}


def _budget(cloud: str, pools: list[Pool], recommendation: Recommendation) -> dict[str, Any]:
    start = min(begin for pool in pools for begin, _ in pool.windows)
    end = max(finish for pool in pools for _, finish in pool.windows)
    if cloud == "aws":
        limit = {"monthly_limit_usd": aws_month_limit(pools, recommendation)}
        return limit | {"start": moment_text(start), "end": moment_text(next_month(end))}
    limit = {"limit_usd": whole_dollars(sum((pool.planned_usd for pool in pools), Decimal(0)))}
    return limit | {"start": moment_text(start), "end": moment_text(end)}


def _number(value: Decimal) -> int | float:
    """Return a decimal as the JSON number that reads back as it."""
    return int(value) if value == value.to_integral_value() else float(value)
