"""Real Terraform against the real schemas of the providers, offline: the repository's code and what answers write."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("end", ENDS)
def test_everything_plans_applies_and_rests(end: str, tmp_path: Path):
    """Format, validation and tests hold; examples and answers plan and apply, and a second plan changes nothing."""
    shutil.copytree(
        ROOT / "infra" / "terraform", tmp_path / "tree" / "fixed", ignore=shutil.ignore_patterns(".terraform*")
    )
    for name, make in ANSWERS.items():
        written(make(), tmp_path / "tree" / name)
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
    assert done.stdout.count("second plan without changes: ok") == len(ANSWERS) + 2
