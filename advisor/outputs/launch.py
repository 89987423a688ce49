"""`launch/`: for every segment what starts it on its nodes, with the layout that the plan counted on.

A launcher runs on each node (`torchrun`); around it stands a Slurm script where the nodes are owned, or a SkyPilot task
where they are rented from a cloud that SkyPilot knows. Layouts are spelled in Megatron-LM's arguments.
"""

import shlex
from collections.abc import Sequence
from typing import Any

import yaml

from advisor.outputs.markdown import escaped
from advisor.outputs.phrases import layout, one_line, runs_on
from advisor.outputs.terraform_names import slug
from advisor.recommendation import Layout, Recommendation, Segment
from pricing.moments import moment_text

LONGEST_NAME = 32
CLOUDS = ("aws", "gcp")
ZERO = {
    0: (),
    1: ("--use-distributed-optimizer",),
    2: ("--use-distributed-optimizer", "--use-megatron-fsdp", "--data-parallel-sharding-strategy", "optim_grads"),
    3: (
        "--use-distributed-optimizer",
        "--use-megatron-fsdp",
        "--data-parallel-sharding-strategy",
        "optim_grads_params",
    ),
}
RECOMPUTE = {
    "none": (),
    "selective": ("--recompute-granularity", "selective"),
    "full": ("--recompute-granularity", "full", "--recompute-method", "uniform", "--recompute-num-layers", "1"),
}


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people do."""


_Blocks.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def launch_files(recommendation: Recommendation) -> dict[str, bytes]:
    """Return the folder as {path relative to it: content}, in order of path."""
    texts = {"README.md": _readme(recommendation)}
    for index, segment in enumerate(recommendation.segments):
        name = segment_name(index, segment, len(recommendation.segments))
        texts[f"{name}.sh"] = _launcher(index, segment, recommendation)
        if segment.kind == "local":
            texts[f"{name}.sbatch"] = _slurm(index, segment, recommendation, name)
        elif segment.provider in CLOUDS:
            texts[f"{name}.sky.yaml"] = _sky(index, segment, recommendation, name)
    return {name: text.encode() for name, text in sorted(texts.items())}


def segment_name(index: int, segment: Segment, count: int) -> str:
    """Name a segment's files: its number in the report, and the job as file systems and schedulers take it."""
    return f"{index + 1:0{max(2, len(str(count)))}d}-{slug(segment.job)[:LONGEST_NAME].rstrip('-')}"


def megatron_arguments(split: Layout) -> list[str]:
    """Spell a layout for Megatron-LM; data parallelism is what is left of the GPUs, so it has no argument."""
    arguments = [
        *("--tensor-model-parallel-size", str(split.tp)),
        *("--pipeline-model-parallel-size", str(split.pp)),
        *("--context-parallel-size", str(split.cp)),
        *("--expert-model-parallel-size", str(split.ep)),
        *("--micro-batch-size", str(split.micro_batch)),
    ]
    sequence = ("--sequence-parallel",) if split.tp > 1 else ()
    return [*arguments, *sequence, *ZERO[split.zero_stage], *RECOMPUTE[split.recompute]]


def _heading(index: int, segment: Segment, recommendation: Recommendation) -> list[str]:
    return [
        f"# Segment {index + 1} of plan {one_line(recommendation.plan.name)}, {recommendation.id}",
        f"# Job {one_line(segment.job)} on {segment.nodes} x {one_line(runs_on(segment))}",
        f"# {moment_text(segment.start)} to {moment_text(segment.end)}, {segment.tokens:,} tokens at "
        f"{segment.tokens_per_second:,} tokens/s ({segment.speed_basis})",
        f"# Layout: {layout(segment)}",
    ]


def _launcher(index: int, segment: Segment, recommendation: Recommendation) -> str:
    split = segment.layout
    arguments = [] if split is None else megatron_arguments(split)
    exports = {
        "PLAN_ID": recommendation.id,
        "PLAN_JOB": segment.job,
        "PLAN_SEGMENT": str(index + 1),
        "PLAN_SEGMENT_TOKENS": str(segment.tokens),
        "PLAN_END": moment_text(segment.end),
    }
    if split is not None:
        exports |= {f"PLAN_{key.upper()}": str(value) for key, value in split.model_dump().items()}
    return "\n".join(
        [
            "#!/usr/bin/env bash",
            *_heading(index, segment, recommendation),
            "# Run it on every node, with NODE_RANK (0 is the first) and MASTER_ADDR (its address).",
            "set -euo pipefail",
            "",
            ": \"${TRAIN_PROGRAM:?your training script and its own arguments, like 'pretrain_gpt.py --load /ckpt'}\"",
            *(f"export {key}={shlex.quote(value)}" for key, value in exports.items()),
            "",
            "# LAYOUT_STYLE=none passes no arguments: the program then reads the PLAN_ variables.",
            f"layout=({shlex.join(arguments)})",
            'if [ "${LAYOUT_STYLE:-megatron}" = none ]; then layout=(); fi',
            'read -r -a program <<<"$TRAIN_PROGRAM"',
            "",
            "exec torchrun \\",
            f"  --nnodes {segment.nodes} \\",
            f"  --nproc-per-node {segment.gpus // segment.nodes} \\",
            '  --node-rank "${NODE_RANK:?0 to nodes - 1}" \\',
            '  --master-addr "${MASTER_ADDR:?address of node 0}" \\',
            '  --master-port "${MASTER_PORT:-29500}" \\',
            '  "${program[@]}" "${layout[@]}"',
            "",
        ]
    )


def _slurm(index: int, segment: Segment, recommendation: Recommendation, name: str) -> str:
    minutes = int((segment.end - segment.start).total_seconds()) // 60
    return "\n".join(
        [
            "#!/usr/bin/env bash",
            f"#SBATCH --job-name={name}",
            f"#SBATCH --nodes={segment.nodes}",
            "#SBATCH --ntasks-per-node=1",
            f"#SBATCH --gpus-per-node={segment.gpus // segment.nodes}",
            "#SBATCH --exclusive",
            f"#SBATCH --time={minutes}",
            *_heading(index, segment, recommendation),
            "# Submit it with --begin and the start above, in the cluster's own time zone. Slurm ends it after --time:",
            "# have the program save a checkpoint before (Megatron-LM: --exit-duration-in-mins).",
            "set -euo pipefail",
            "",
            'MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            "export MASTER_ADDR",
            "exec srun --kill-on-bad-exit=1 bash -c "
            + shlex.quote(f'NODE_RANK=$SLURM_NODEID exec bash "$SLURM_SUBMIT_DIR/{name}.sh"'),
            "",
        ]
    )


def _sky(index: int, segment: Segment, recommendation: Recommendation, name: str) -> str:
    region = segment.region or ""
    # SkyPilot takes zone names; a zone ID (use1-az4) has another name in every account.
    zone = segment.zone if segment.zone and segment.zone.startswith(region) else None
    resources: dict[str, Any] = {
        "infra": "/".join(filter(None, [segment.provider, region, zone])),
        "instance_type": segment.machine,
        "use_spot": segment.market == "spot",
        "network_tier": "best",
        "labels": {"plan": recommendation.id, "job": slug(segment.job)[:LONGEST_NAME].rstrip("-")},
    }
    task = {
        "name": name,
        "num_nodes": segment.nodes,
        "resources": resources,
        "workdir": ".",
        "envs": {"TRAIN_PROGRAM": None, "LAYOUT_STYLE": "megatron"},
        "run": f'export MASTER_ADDR=$(echo "$SKYPILOT_NODE_IPS" | head -n 1)\n'
        f"export NODE_RANK=$SKYPILOT_NODE_RANK\nexec bash {name}.sh\n",
    }
    notes = []
    if segment.zone and zone is None:
        notes.append(f"# The planned zone is {one_line(segment.zone)}: add its name in your account to infra.")
    if segment.market in {"commitment", "capacity_block"}:
        notes.append(
            "# Planned on capacity that you hold: name it in SkyPilot's own configuration, or the price is another."
        )
    dumped = yaml.dump(task, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=1000)
    return "\n".join([*_heading(index, segment, recommendation), *notes, dumped])


def _readme(recommendation: Recommendation) -> str:
    title = f"# Starting plan {escaped(recommendation.plan.name)}, {recommendation.id}"
    if not recommendation.segments:
        return f"{title}\n\nThe plan has no answer ({recommendation.status}): there is nothing to start.\n"
    parts = [
        title,
        "In order of time. `TRAIN_PROGRAM` is your training script with its own arguments (data, batch size, learning "
        "rate, where checkpoints are): what the plan adds is the layout. A segment that goes on where another of its "
        "job stopped loads the checkpoint of that one.",
        _table(recommendation),
        "- `NAME.sh` starts a segment on one node; run it on every node with `NODE_RANK` and `MASTER_ADDR`. It suits "
        "nodes made by `../terraform`.\n"
        "- `NAME.sbatch` runs it on owned nodes under Slurm: "
        "`TRAIN_PROGRAM='pretrain_gpt.py ...' sbatch --begin=START NAME.sbatch`, from this folder.\n"
        "- `NAME.sky.yaml` rents the nodes and runs it with SkyPilot: "
        "`sky launch --env TRAIN_PROGRAM='pretrain_gpt.py ...' NAME.sky.yaml`. Rent with it or with `../terraform`, "
        "not with both. SkyPilot knows no windows: stop the cluster at the end of the segment.",
    ]
    unknown = [str(i + 1) for i, s in enumerate(recommendation.segments) if s.layout is None]
    if unknown:
        parts.append(
            f"Without a known layout: {', '.join(unknown)}. Their speeds were measured, and only who measured them "
            "knows how the job was split; put the arguments into `TRAIN_PROGRAM`."
        )
    return "\n\n".join(parts) + "\n"


def _table(recommendation: Recommendation) -> str:
    numbered: Sequence[tuple[int, Segment]] = sorted(enumerate(recommendation.segments), key=lambda one: one[1].start)
    rows = ["| files | job | nodes | runs on | from, UTC | to, UTC | layout |", "|---|---|--:|---|---|---|---|"]
    for index, one in numbered:
        cells = [
            f"`{segment_name(index, one, len(numbered))}`",
            escaped(one.job),
            str(one.nodes),
            escaped(runs_on(one)),
            moment_text(one.start),
            moment_text(one.end),
            layout(one),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
