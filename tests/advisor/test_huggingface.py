"""Hugging Face configurations: published counts from the published keys, and untrusted files refused with one message."""

import json

import pytest
from advisor_builders import AS_OF
from hypothesis import given
from hypothesis import strategies as st

from advisor.plan.huggingface import ShapeInvalid, read_config, shape_of
from advisor.plan.load import plan_of
from advisor.plan.presets import presets

LLAMA_8B = {
    "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
    "attention_bias": False, "mlp_bias": False,
}  # fmt: skip
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
    "num_experts_per_tok": 8, "n_shared_experts": 1, "first_k_dense_replace": 3, "moe_layer_freq": 1,
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "vocab_size": 129280, "tie_word_embeddings": False, "attention_bias": False,
}  # fmt: skip
OF_PRESETS = {
    "llama-3.1-8b": LLAMA_8B,
    "mistral-7b": {
        "model_type": "mistral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "tie_word_embeddings": False,
        "sliding_window": 4096,
    },
    "qwen2.5-7b": {
        "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584, "num_attention_heads": 28,
        "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064, "tie_word_embeddings": False,
        "sliding_window": 131072, "use_sliding_window": False,
    },
    "qwen3-30b-a3b": {
        "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768,
        "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "vocab_size": 151936, "tie_word_embeddings": False, "attention_bias": False,
    },
    "mixtral-8x7b": {
        "model_type": "mixtral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "num_local_experts": 8, "num_experts_per_tok": 2,
        "vocab_size": 32000, "tie_word_embeddings": False, "sliding_window": None,
    },
    "deepseek-v2-lite": {
        "model_type": "deepseek_v2", "num_hidden_layers": 27, "hidden_size": 2048, "num_attention_heads": 16,
        "num_key_value_heads": 16, "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 64,
        "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1, "moe_layer_freq": 1,
        "q_lora_rank": None, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "vocab_size": 102400, "tie_word_embeddings": False,
    },
    "deepseek-v3": DEEPSEEK_V3,
}  # fmt: skip
COUNTED = [
    (124_439_808, {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257}),
    (125_239_296, {"model_type": "opt", "num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "ffn_dim": 3072, "max_position_embeddings": 2048, "vocab_size": 50272}),
    (559_214_592, {"model_type": "bloom", "n_layer": 24, "hidden_size": 1024, "n_head": 16, "vocab_size": 250880}),
    (20_554_567_680, {"model_type": "gpt_neox", "num_hidden_layers": 44, "hidden_size": 6144, "num_attention_heads": 64, "intermediate_size": 24576, "vocab_size": 50432, "tie_word_embeddings": False}),
    (6_050_882_784, {"model_type": "gptj", "n_layer": 28, "n_embd": 4096, "n_head": 16, "n_positions": 2048, "vocab_size": 50400, "tie_word_embeddings": False}),
    (6_921_720_704, {"model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544, "num_attention_heads": 71, "vocab_size": 65024, "multi_query": True, "parallel_attn": True, "new_decoder_architecture": False, "bias": False}),
    (6_649_286_656, {"model_type": "mpt", "n_layers": 32, "d_model": 4096, "n_heads": 32, "expansion_ratio": 4, "vocab_size": 50432, "no_bias": True, "attn_config": {"alibi": True}}),
    (2_779_683_840, {"model_type": "phi", "num_hidden_layers": 32, "hidden_size": 2560, "num_attention_heads": 32, "intermediate_size": 10240, "vocab_size": 51200, "tie_word_embeddings": False}),
    (3_821_079_552, {"model_type": "phi3", "num_hidden_layers": 32, "hidden_size": 3072, "num_attention_heads": 32, "num_key_value_heads": 32, "intermediate_size": 8192, "vocab_size": 32064, "tie_word_embeddings": False}),
    (3_030_371_328, {"model_type": "starcoder2", "num_hidden_layers": 30, "hidden_size": 3072, "num_attention_heads": 24, "num_key_value_heads": 2, "intermediate_size": 12288, "vocab_size": 49152, "use_bias": True, "sliding_window": 4096}),
    (8_537_680_896, {"model_type": "gemma", "num_hidden_layers": 28, "hidden_size": 3072, "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "intermediate_size": 24576, "vocab_size": 256000}),
    (9_241_705_984, {"model_type": "gemma2", "num_hidden_layers": 42, "hidden_size": 3584, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "intermediate_size": 14336, "vocab_size": 256000, "sliding_window": 4096}),
    (6_888_095_744, {"model_type": "olmo", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 50304, "tie_word_embeddings": False}),
    (7_298_617_344, {"model_type": "olmo2", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 100352, "tie_word_embeddings": False}),
    (14_315_784_192, {"model_type": "qwen2_moe", "num_hidden_layers": 24, "hidden_size": 2048, "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 5632, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "num_experts": 60, "num_experts_per_tok": 4, "decoder_sparse_step": 1, "vocab_size": 151936, "tie_word_embeddings": False}),
]  # fmt: skip


@pytest.mark.parametrize("name", OF_PRESETS)
def test_a_configuration_file_gives_the_preset_of_that_model(name):
    """config.json and preset agree on every field, not only on the count."""
    preset = presets()[name].shape

    assert shape_of(OF_PRESETS[name], name) == preset


@pytest.mark.parametrize(("count", "config"), COUNTED, ids=[config["model_type"] for _, config in COUNTED])
def test_families_count_to_the_published_size(count, config):
    """gpt2, bloom, falcon, gemma and the rest: norms, biases, ties and tables as their weights have them."""
    assert shape_of(config, "x").parameters == count


def test_an_unknown_family_is_read_by_its_keys():
    """A family that nobody knows is a gated block with grouped queries, if its keys say so."""
    assert shape_of({**LLAMA_8B, "model_type": "brandnew"}, "x").parameters == 8_030_261_248


def test_experts_in_every_second_layer():
    """Qwen's sparse step counts from one, listed layers stay dense."""
    config = {**OF_PRESETS["qwen3-30b-a3b"], "decoder_sparse_step": 2, "mlp_only_layers": [1]}

    assert shape_of(config, "x").moe_layers == 23


def test_a_nested_text_model_is_found(tmp_path):
    """Multimodal configurations keep the language model under text_config; the folder names the model."""
    path = tmp_path / "mine" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"model_type": "any", "text_config": LLAMA_8B}), encoding="utf-8")

    shape = read_config(path)

    assert (shape.name, shape.parameters) == ("mine", 8_030_261_248)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"hidden_size": None}, "hidden_size"),
        ({"hidden_size": "4096"}, "hidden_size"),
        ({"hidden_size": -1}, "hidden_size"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"hidden_size": True}, "hidden_size"),
        ({"hidden_size": float("nan")}, "hidden_size"),
        ({"hidden_size": 4097}, "num_attention_heads"),
        ({"num_hidden_layers": 1e3}, "num_hidden_layers"),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers"),
        ({"num_key_value_heads": 7}, "num_key_value_heads"),
        ({"vocab_size": 10**12}, "vocab_size"),
        ({"vocab_size": [1]}, "vocab_size"),
        ({"intermediate_size": None}, "intermediate_size"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings"),
        ({"kv_lora_rank": 512, "qk_nope_head_dim": 1, "v_head_dim": 1}, "qk_rope_head_dim"),
        ({"num_experts": 8}, "num_experts_per_tok"),
        ({"num_experts": 8, "num_experts_per_tok": 9}, "num_experts_per_tok"),
    ],
)
def test_what_makes_no_shape_is_named_by_its_key(change, key):
    """A missing, absurd or mistyped number is one fault with the key of the file."""
    with pytest.raises(ShapeInvalid) as raised:
        shape_of({**LLAMA_8B, **change}, "x")

    assert [fault[0] for fault in raised.value.faults] == [key]


def test_every_missing_key_is_named_at_once():
    """An empty configuration lacks five keys, and the one message says so."""
    with pytest.raises(ShapeInvalid) as raised:
        shape_of({}, "x")

    assert {key for key, _ in raised.value.faults} == {
        "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size",
    }  # fmt: skip
    assert str(raised.value).count("is missing") == 5


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"a": NaN}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_a_file_that_is_no_configuration_is_refused(text, tmp_path):
    """Whatever is in the file, the answer is one message, and a short one."""
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ShapeInvalid) as raised:
        read_config(path)

    assert len(str(raised.value)) < 500


def test_a_path_is_no_name_and_may_be_long(tmp_path):
    """A configuration in folders whose path has more than the 64 characters of a name is found."""
    folder = tmp_path / "checkpoints-of-the-team" / "models--deepseek-ai--deepseek-llm-7b-base"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(LLAMA_8B), encoding="utf-8")
    path = str((folder / "config.json").relative_to(tmp_path))
    assert len(path) > 64
    work = {"name": "a", "model": path, "method": "lora", "tokens": 1000}

    loaded = plan_of({"version": 1, "name": "p", "jobs": [work]}, name="p", as_of=AS_OF, folder=tmp_path)

    assert loaded.shapes["a"].layers == LLAMA_8B["num_hidden_layers"]


def test_a_large_or_absent_file_is_refused(tmp_path):
    """More than 1 MiB is no configuration, and a missing file is said to be missing."""
    path = tmp_path / "config.json"
    path.write_bytes(b" " * (1024 * 1024 + 1))

    with pytest.raises(ShapeInvalid, match="larger than 1 MiB"):
        read_config(path)
    with pytest.raises(ShapeInvalid, match="cannot be read"):
        read_config(tmp_path / "none.json")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = sorted({key for config in (*OF_PRESETS.values(), *(config for _, config in COUNTED)) for key in config})


@given(st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=6))
def test_junk_is_a_shape_or_a_fault_never_a_crash(junk):
    """Any value under any known key gives a shape that can be counted, or is refused."""
    try:
        shape = shape_of({**LLAMA_8B, **junk}, "x")
    except ShapeInvalid:
        return

    assert shape.parameters >= shape.active_parameters > 0
