"""What starts a segment: every node, every layout, every text as it was typed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from answer_builders import LAYOUT, no_answer, rented, rich_answer, segment
from terraform_builders import GOOGLE, HOSTILE, planned

from advisor.outputs.launch import launch_files, megatron_arguments

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on PATH")


def test_every_segment_can_be_started():
    """Each segment has its launcher; owned ones a Slurm script, rented ones a SkyPilot task."""
    names = list(launch_files(rich_answer()))

    assert [name for name in names if name.endswith(".sh")] == [
        "01-pretrain-7b.sh",
        "02-pretrain-7b.sh",
        "03-pretrain-7b.sh",
        "04-pool-30b.sh",
        "05-red-sum-a1-x-b-y.sh",
    ]
    assert [name for name in names if name.endswith(".sbatch")] == ["01-pretrain-7b.sbatch", "04-pool-30b.sbatch"]
    assert len([name for name in names if name.endswith(".sky.yaml")]) == 3


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        ({"tp": 1, "recompute": "none"}, "--use-distributed-optimizer"),
        ({"tp": 4}, "--sequence-parallel --use-distributed-optimizer --recompute-granularity selective"),
        ({"tp": 1, "zero_stage": 0, "recompute": "full"}, "--recompute-granularity full --recompute-method uniform --recompute-num-layers 1"),
        ({"tp": 1, "zero_stage": 3, "recompute": "none"}, "--use-distributed-optimizer --use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params"),
    ],
)  # fmt: skip
def test_layouts_in_arguments(change: dict[str, object], arguments: str):
    """Sizes come first; sharding, recomputation and sequence parallelism follow from the layout."""
    split = LAYOUT.model_copy(update=change)
    sizes = f"--tensor-model-parallel-size {split.tp} --pipeline-model-parallel-size 1 --context-parallel-size 1 --expert-model-parallel-size 1 --micro-batch-size 2"

    assert " ".join(megatron_arguments(split)) == f"{sizes} {arguments}"


@needs_bash
def test_a_launcher_calls_torchrun_with_plan_and_layout(tmp_path: Path):
    """On a node the launcher passes its rank, the program's own arguments and the layout; hostile names stay texts."""
    made = planned(segment(HOSTILE + "'\"; touch x #", 0, 24, layout=LAYOUT))
    (name, script), *_ = [(n, c) for n, c in launch_files(made).items() if n.endswith(".sh")]
    (tmp_path / name).write_bytes(script)
    torchrun = tmp_path / "torchrun"
    torchrun.write_text('#!/bin/sh\nprintf "%s\\n" "$PLAN_JOB" "$PLAN_TP $PLAN_DP" "$@"\n')
    torchrun.chmod(0o755)
    known = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NODE_RANK": "3", "MASTER_ADDR": "10.0.0.1"}
    run = ["bash", name]

    refused = subprocess.run(run, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
    done = subprocess.run(
        run,
        cwd=tmp_path,
        env=known | {"TRAIN_PROGRAM": "train.py --lr 3e-4"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "your training script" in refused.stderr
    assert done.stdout.splitlines()[:2] == [HOSTILE + "'\"; touch x #", "2 16"]
    assert " ".join(done.stdout.splitlines()[2:]).startswith(
        "--nnodes 4 --nproc-per-node 8 --node-rank 3 --master-addr 10.0.0.1 --master-port 29500 train.py --lr 3e-4 --tensor-model-parallel-size 2"
    )
    assert not (tmp_path / "x").exists()


@needs_bash
def test_scripts_are_bash():
    """Every script of a rich answer is read by bash without a complaint."""
    for name, content in launch_files(rich_answer()).items():
        if name.endswith((".sh", ".sbatch")):
            done = subprocess.run(["bash", "-n"], input=content, capture_output=True, check=False)
            assert (name, done.stderr) == (name, b"")


def test_sky_tasks_name_place_and_market():
    """A task has the plan's nodes, machine, market and place; a zone ID is said, since SkyPilot takes names."""
    gcp = rented("spot", machine="a3-megagpu-8g", **GOOGLE)
    files = launch_files(planned(segment("a", 0, 5, **rented("on_demand")), segment("b", 0, 5, **gcp)))
    aws, google = (yaml.safe_load(files[name]) for name in ("01-a.sky.yaml", "02-b.sky.yaml"))

    assert (aws["num_nodes"], aws["resources"]["infra"], aws["resources"]["use_spot"]) == (4, "aws/us-east-1", False)
    assert "use1-az4" in files["01-a.sky.yaml"].decode()
    assert google["resources"]["infra"] == "gcp/us-central1/us-central1-a"
    assert (google["resources"]["use_spot"], google["resources"]["instance_type"]) == (True, "a3-megagpu-8g")


def test_owned_segments_ask_slurm_for_their_nodes_and_minutes():
    """150.25 hours are 9,015 minutes."""
    script = launch_files(rich_answer())["01-pretrain-7b.sbatch"].decode()

    assert "#SBATCH --nodes=4\n" in script
    assert "#SBATCH --gpus-per-node=8\n" in script
    assert "#SBATCH --time=9015\n" in script


def test_nothing_to_start_is_said():
    """Without an answer the folder holds its README, which says so."""
    files = launch_files(no_answer("undecided"))

    assert list(files) == ["README.md"]
    assert "nothing to start" in files["README.md"].decode()
