"""Layouts estimated per second on one core, and the whole space of DeepSeek-V3 on 2,048 GPUs, beside llm-analysis.

llm-analysis 0.2.2 is timed in its own environment, named by `--peer-python`: a Python that has it installed. Without
one its row says so.
"""

import argparse
import shutil
import subprocess
import sys
import time

from advisor.estimate.calibration import calibration
from advisor.estimate.choices import choices
from advisor.estimate.hardware import Hardware
from advisor.estimate.layouts import legal_layouts
from advisor.estimate.memory import memory_bytes
from advisor.estimate.search import sized
from advisor.estimate.throughput import tokens_per_second
from advisor.estimate.work import Work, work_of
from advisor.plan.presets import presets
from advisor.plan.schema import Job
from bench.measure import head, row
from pricing.hardware import gpus

ABOUT = "layouts estimated per second; DeepSeek-V3 on 2,048 GPUs"
# What llm-analysis needs for one configuration of its own: analysis, then training of one layout.
PEER = """
import logging, time
logging.disable(logging.CRITICAL)
from llm_analysis.analysis import LLMAnalysis
from llm_analysis.config import get_dtype_config_by_name, get_gpu_config_by_name, get_model_config_by_name
from llm_analysis.config import ParallelismConfig
model, gpu = get_model_config_by_name("facebook_opt-125m"), get_gpu_config_by_name("a100-sxm-80gb")
dtype = get_dtype_config_by_name("w16a16e16")
began, runs = time.process_time(), 50
for _ in range(runs):
    parallel = ParallelismConfig(tp_size=1, pp_size=1, dp_size=8)
    one = LLMAnalysis(model, gpu, dtype, parallel, flops_efficiency=0.5)
    one.training(batch_size_per_gpu=1, gradient_accumulation_steps=8, seq_len=2048)
print((time.process_time() - began) / runs)
"""


def run(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench layouts", description=__doc__)
    parser.add_argument("--peer-python", help="a Python with llm-analysis 0.2.2", default=None)
    peer = parser.parse_args(arguments).peer_python
    hardware = Hardware(name="nodes", gpu=gpus()["H800-SXM-80GB"], gpus_per_node=8, network_gbit_per_second=3200)
    print(head("what", "layouts", "processor s", "layouts a second"))
    for name, work, counts in (
        ("7B on 1 to 64 nodes", _work("deepseek-llm-7b"), tuple(range(1, 65))),
        ("DeepSeek-V3 on 2,048 GPUs", _work("deepseek-v3", precision="fp8", global_batch_size=15360), (256,)),
    ):
        seconds, many = _estimated(work, hardware, counts)
        print(row(name, f"{many:,}", f"{seconds:.3f}", f"{many / seconds:,.0f}"))
    sized.cache_clear()
    began = time.process_time()
    found = choices(_work("deepseek-v3", precision="fp8", global_batch_size=15360), hardware, 256)
    seconds = time.process_time() - began
    print(row("… with the best 5 and the Pareto set", f"{found.looked_at:,}", f"{seconds:.3f}", "-"))
    each = None if peer is None else _peer_seconds(peer)
    why = "not asked for: --peer-python" if peer is None else "failed in its environment"
    cells = (f"{each:.4f}", f"{1 / each:,.0f}") if each else (why, "-")
    print(row("llm-analysis 0.2.2, one configuration", 1, *cells))


def _work(model: str, **fields: object) -> Work:
    document = {"name": "a", "model": model, "method": "pretrain", "tokens": 10**12, **fields}
    return work_of(Job.model_validate(document), presets()[model].shape)


def _estimated(work: Work, hardware: Hardware, counts: tuple[int, ...]) -> tuple[float, int]:
    """Return processor seconds of enumeration, memory and speed of every legal layout, and how many there are."""
    began = time.process_time()
    layouts = legal_layouts(work, hardware.gpus_per_node, counts)
    memory_bytes(work, layouts, calibration()).total()
    tokens_per_second(work, layouts, hardware, calibration())
    return time.process_time() - began, len(layouts)


def _peer_seconds(python: str) -> float | None:
    """Return processor seconds of one configuration of llm-analysis; None where it does not run."""
    if shutil.which(python) is None:
        return None
    answer = subprocess.run([python, "-c", PEER], capture_output=True, text=True, timeout=300, check=False)
    if answer.returncode:
        print(answer.stderr[-500:], file=sys.stderr)
        return None
    return float(answer.stdout.split()[-1])
