"""Rows of measured runs as `advisor validate` reads them."""

from pathlib import Path

DEV_RUNS = Path(__file__).parents[2] / "shared" / "data" / "runs" / "dev.csv"

ROW = {
    "row_id": "own-1", "kind": "pretrain", "model": "llama-2-7b", "params_b": "6.74", "layers": "32", "hidden": "4096",
    "heads": "32", "kv_heads": "32", "head_dim": "128", "ffn_hidden": "11008", "vocab": "32000", "gated_mlp": "1",
    "tied_emb": "0", "attn_type": "mha", "n_experts": "", "seq_len": "4096", "micro_batch": "1", "global_batch": "128",
    "grad_accum": "4", "dp": "32", "tp": "1", "pp": "1", "vp": "1", "cp": "1", "ep": "1", "sp": "1",
    "sharding": "dist-opt", "act_ckpt": "none", "attn_impl": "flash", "precision": "bf16", "optimizer": "adam",
    "trainable": "", "gpu": "H100", "gpu_mem_gb": "80", "n_gpus": "32", "gpus_per_node": "8", "intra_link": "NVLink",
    "inter_link": "IB NDR 8x400Gb", "framework": "NeMo 24.07", "train_tokens": "1e12",
}  # fmt: skip


def run_row(**fields: str) -> dict[str, str]:
    """Return a pretraining run of a 7B model on 32 H100; fields replace its columns."""
    return {**ROW, **fields}
