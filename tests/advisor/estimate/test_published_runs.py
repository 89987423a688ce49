"""Published runs: every row gets a prediction, nothing measured is read, and the errors stay where they were reached."""

import csv

import pytest
from run_builders import DEV_RUNS, run_row

from advisor.estimate.accuracy import compared, errors_of, source_macro
from advisor.estimate.predict import predict, predictions
from advisor.estimate.published import published_run
from advisor.estimate.published_hardware import named_gpu

MEASURED = [
    "tokens_per_s_per_gpu",
    "model_tflops_per_gpu",
    "hw_tflops_per_gpu",
    "mfu_reported_pct",
    "step_s",
    "gpu_hours",
    "peak_mem_gib",
    "target_tok_s_gpu",
    "target_derivation",
]
needs_runs = pytest.mark.skipif(not DEV_RUNS.exists(), reason="the measured runs are not beside this checkout")


def dev_rows():
    """Read the measured runs."""
    with DEV_RUNS.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@needs_runs
@pytest.mark.parametrize(
    ("quantity", "median", "p90", "within"),
    [("tput", 0.085, 0.36, 0.80), ("mem", 0.095, 0.27, 0.82), ("gpuh", 0.12, 0.36, 0.7)],
)
def test_errors_stay_where_they_were_reached(quantity, median, p90, within):
    """Every scorable row is predicted, and the figures of the README are no worse than said."""
    found = compared(predictions(dev_rows(), quantity), quantity)
    errors = errors_of("all", found)
    assert errors.runs == {"tput": 780, "mem": 237, "gpuh": 15}[quantity]
    assert errors.median <= median
    assert errors.p90 <= p90
    assert errors.within_20 >= within
    assert source_macro(found) <= (0.17 if quantity == "gpuh" else median + 0.02)


@needs_runs
def test_measured_columns_are_never_read():
    """Rows with their measured columns blank are predicted as before, for every quantity."""
    rows = dev_rows()[::40]
    blank = [{**row, **dict.fromkeys(MEASURED, "")} for row in rows]
    for quantity in ("tput", "mem", "gpuh"):
        before = [each.value for each in predictions(rows, quantity)]
        assert [each.value for each in predictions(blank, quantity)] == before


@pytest.mark.parametrize(
    "blank",
    ["heads kv_heads head_dim ffn_hidden vocab", "dp tp pp cp ep", "global_batch grad_accum", "micro_batch", "act_ckpt",
     "sharding", "n_gpus gpus_per_node", "gpu", "layers hidden", "seq_len precision optimizer framework attn_impl kind"],
)  # fmt: skip
def test_blank_fields_leave_a_sensible_prediction(blank):
    """Whatever of its plan a 7B row leaves blank, speed stays within a factor of three and memory on the card."""
    row = run_row(**dict.fromkeys(blank.split(), ""))
    speed, memory = predict(row, "tput").value, predict(row, "mem").value
    assert predict(run_row(), "tput").value / 3 < speed < 3 * predict(run_row(), "tput").value
    assert 5 < memory < 100


@pytest.mark.parametrize(
    ("name", "memory", "gpu"),
    [("H100", None, "H100-SXM-80GB"), ("NVIDIA H100 PCIe", 80, "H100-PCIE-80GB"), ("A100-40", 40, "A100-SXM-40GB"),
     ("A100", 40, "A100-SXM-40GB"), ("A100-SXM4-80GB", None, "A100-SXM-80GB"), ("GB200", 186, "GB200-SXM-186GB"),
     ("GB300", None, "GB300-SXM-279GB"), ("GH200", None, "GH200-96GB"), ("RTX 4090", 24, "RTX4090-24GB"),
     ("MI300X", 192, "MI300X-192GB"), ("V100", 16, "V100-SXM-16GB"), ("H20", None, "H20-SXM-96GB"),
     ("L40S", None, "L40S-48GB"), ("A10G", None, "A10G-24GB")],
)  # fmt: skip
def test_gpus_are_known_by_the_names_people_write(name, memory, gpu):
    """Names of papers and tables mean the GPU of the hardware table."""
    assert named_gpu(name, memory) == (named_gpu(gpu, None)[0], True)


def test_an_unknown_gpu_is_predicted_and_said():
    """A GPU that no table knows is taken as a usual one, and the row says so."""
    run = published_run(run_row(gpu="Quantum9000"))
    assert run.assumed == ("gpu 'Quantum9000' is taken as H100-SXM-80GB",)


def test_a_row_without_any_size_has_no_prediction():
    """A row that says nothing of the model's size has a reason instead of a figure."""
    found = predict(run_row(model="mystery", layers="", hidden="", params_b=""), "mem")
    assert found.value is None
    assert "size" in found.reason


@pytest.mark.parametrize(
    ("sharding", "stage"),
    [("ZeRO-3", 3), ("deepspeed zero2", 2), ("FSDP full_shard", 3), ("SHARD_GRAD_OP", 2), ("HSDP", 3), ("ddp", 0),
     ("distributed optimizer", 1), ("none", 0), ("zero_stage_1", 1)],
)  # fmt: skip
def test_shardings_are_known_by_the_names_people_write(sharding, stage):
    """Words of DeepSpeed, PyTorch and Megatron mean a stage."""
    assert published_run(run_row(sharding=sharding)).layouts.zero_stage.tolist() == [stage]


@pytest.mark.parametrize(
    ("network", "gbit"),
    [("4x200Gb", 800), ("EFA 3200Gb/s/node", 3200), ("8 x 400 Gbps InfiniBand", 3200), ("3.2 Tbps", 3200),
     ("100GbE", 100), ("IB 50 GB/s", 400), ("RoCE 1600 Gb/s/node", 1600), ("fast", 3200)],
)  # fmt: skip
def test_networks_are_read_in_their_units(network, gbit):
    """Cards, totals, terabits and bytes; what says nothing is what is usual with the GPU."""
    assert published_run(run_row(inter_link=network)).hardware.network_gbit_per_second == gbit


@pytest.mark.parametrize(
    ("said", "kinds"), [("gradient checkpointing", [2]), ("off", [0]), ("selective", [1]), ("", [0, 1])]
)
def test_recomputation_is_read_or_left_open(said, kinds):
    """Words mean a kind; blank leaves open what the stack would choose."""
    assert published_run(run_row(act_ckpt=said)).layouts.recompute.tolist() == kinds
