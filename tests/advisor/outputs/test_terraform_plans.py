"""Real Terraform against the real schemas of the providers, offline: the repository's code and what answers write."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from answer_builders import no_answer, rich_answer
from terraform_builders import many_pools

from advisor.outputs.terraform import terraform_files
from advisor.recommendation import Recommendation

ROOT = Path(__file__).parents[3]
TOOLS = ROOT.parent / "shared" / "tools" / "terraform"
ENDS = {"lower": ("6.25.0", "7.46.1"), "upper": ("6.69.1", "8.7.0")}
ANSWERS = {"rich": rich_answer, "many": many_pools, "nothing": lambda: no_answer("infeasible")}
MISSING = [name for name in ("grpc", "msgpack", "cryptography") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH"),
    pytest.mark.skipif(not TOOLS.is_dir(), reason="the providers' schemas (../shared/tools/terraform) are not here"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def written(recommendation: Recommendation, folder: Path) -> None:
    """Write the folder of an answer."""
    for name, content in terraform_files(recommendation).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def held(recommendation: Recommendation) -> dict[str, Any]:
    """What the engineer gives: the reservations that the pools ask for, a project, a billing account."""
    found = json.loads(terraform_files(recommendation)["plan.auto.tfvars.json"])
    aws = {p["reservation"]: {"id": "cr-0123456789abcdef0"} for p in found["aws_pools"].values() if p["reservation"]}
    gcp = {
        p["reservation"]: {"id": "december", "kind": "capacity_block"}
        for p in found["gcp_pools"].values()
        if p["reservation"]
    }
    given = {"gcp_project": "training", "gcp_billing_account": "012345-6789AB-CDEF01", "gcp_enable_iap_ssh": True}
    return given | {
        "reservations": aws | gcp,
        "gcp_scheduler_service_account": "resizer@training.iam.gserviceaccount.com",
    }


@pytest.mark.parametrize("end", ENDS)
def test_everything_plans_applies_and_rests(end: str, tmp_path: Path):
    """Format, validation and tests hold; examples and answers plan and apply, and a second plan changes nothing."""
    shutil.copytree(
        ROOT / "infra" / "terraform", tmp_path / "tree" / "fixed", ignore=shutil.ignore_patterns(".terraform*")
    )
    for name, make in ANSWERS.items():
        written(make(), tmp_path / "tree" / name)
    (tmp_path / "tree" / "many" / "site.auto.tfvars.json").write_text(json.dumps(held(many_pools())), encoding="utf-8")
    fixed = sorted({path.parent.relative_to(tmp_path / "tree") for path in (tmp_path / "tree" / "fixed").rglob("*.tf")})
    aws, google = ENDS[end]
    schemas = f"hashicorp/aws={aws}={TOOLS}/schema/aws-{aws}.json hashicorp/google={google}={TOOLS}/schema/google-{google}.json"
    done = subprocess.run(
        [TOOLS / "tfstub" / "verify.sh", tmp_path / "tree", *fixed, *ANSWERS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable, "PROVIDERS": schemas},
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Plan:" not in done.stdout.partition("== nothing")[2]
    assert done.stdout.count("second plan without changes: ok") == len(ANSWERS) + 2
