"""Published reports of runs that ran out of memory: none of them is called fits."""

from dataclasses import replace

import pytest
from run_builders import run_row

from advisor.estimate.calibration import calibration
from advisor.estimate.memory import GIB, memory_bytes
from advisor.estimate.published import published_run
from advisor.estimate.uncertainty import interval_of

BLANK = dict.fromkeys(run_row(), "")
ONE = {"n_gpus": "1", "dp": "1", "tp": "1", "pp": "1", "micro_batch": "1", "global_batch": "1", "gpus_per_node": "1"}
TUNE = {"kind": "full-ft", "precision": "bf16", "optimizer": "adamw", "trainable": "all"}
SHARDED = {"sharding": "fsdp-full", "tp": "1", "pp": "1", "micro_batch": "1"}
# Report: what it says of its run.
REPORTS = {
    "tatsu-lab/stanford_alpaca#220": {**ONE, **TUNE, "model": "llama-7b", "params_b": "6.74", "gpu": "A100-80", "precision": "fp32", "seq_len": "512", "framework": "HF Trainer"},
    "tatsu-lab/stanford_alpaca#73": {**TUNE, **SHARDED, "model": "llama-7b", "params_b": "6.74", "gpu": "RTX 3090", "n_gpus": "4", "dp": "4", "global_batch": "4", "seq_len": "512", "framework": "HF Trainer"},
    "meta-llama/llama-cookbook#413": {**ONE, **TUNE, "model": "llama-2-7b", "gpu": "A100-80", "precision": "fp32", "seq_len": "4096", "micro_batch": "4", "global_batch": "4", "framework": "llama-recipes"},
    "modelscope/ms-swift#411": {**ONE, **TUNE, "model": "mistral-7b", "gpu": "A100-80", "seq_len": "4096", "attn_impl": "flash", "framework": "ms-swift"},
    "Alpha-VLLM/LLaMA2-Accessory#26": {**TUNE, "model": "llama-2-13b", "gpu": "A800", "gpu_mem_gb": "80", "n_gpus": "2", "dp": "1", "tp": "2", "pp": "1", "micro_batch": "1", "global_batch": "2", "seq_len": "512", "act_ckpt": "full", "sharding": "fsdp-full", "framework": "LLaMA2-Accessory"},
    "Lightning-AI/lit-llama#381": {**TUNE, **SHARDED, "model": "llama-7b", "params_b": "6.74", "gpu": "A100-40", "n_gpus": "4", "dp": "4", "global_batch": "4", "seq_len": "2048", "framework": "lit-llama"},
    "Lightning-AI/litgpt#1262, 33B": {**SHARDED, "kind": "lora", "trainable": "lora r8 qv", "model": "llama-33b", "params_b": "32.5", "gpu": "A100-80", "n_gpus": "2", "dp": "2", "global_batch": "2", "seq_len": "2048", "precision": "bf16", "framework": "lit-gpt"},
    "hiyouga/LlamaFactory#747": {**ONE, "kind": "lora", "trainable": "lora", "model": "llama-2-70b", "gpu": "A100-40", "seq_len": "1024", "sharding": "ddp", "n_gpus": "24", "dp": "24", "global_batch": "24", "gpus_per_node": "8", "framework": "LLaMA-Factory"},
    "axolotl-ai-cloud/axolotl#1522": {**SHARDED, "kind": "qlora", "trainable": "lora r32 all, nf4 base", "model": "llama-2-70b", "gpu": "RTX 3090", "n_gpus": "2", "dp": "2", "global_batch": "8", "seq_len": "512", "act_ckpt": "full", "optimizer": "paged_adamw_8bit", "framework": "axolotl"},
}  # fmt: skip


@pytest.mark.parametrize("report", REPORTS)
def test_runs_that_ran_out_of_memory_are_not_called_fits(report):
    """Estimate x the high end of its interval is above what the device has, in every layout the report leaves open."""
    run = published_run({**BLANK, "row_id": report, **REPORTS[report]})
    work = replace(run.work, reading="device")
    least = memory_bytes(work, run.layouts, calibration()).total().min() / GIB
    assert least * interval_of(work, run.hardware.gpu.id, "mem").high > run.hardware.capacity_gib
