"""Model shapes: counting from the shape, shapes inferred from a bare count, and what makes no shape."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.plan.presets import presets
from advisor.plan.shapes import ExpertLayers, ModelShape, ShapeInvalid, shape_from_fields, shape_from_parameters

SMALL = {
    "layers": 2, "hidden_size": 8, "attention_heads": 4, "kv_heads": 2, "head_dim": 2, "ffn_size": 16, "vocab_size": 10,
}  # fmt: skip


def test_a_small_shape_counted_by_hand():
    """Two layers of 2*8*8 + 2*8*4 attention, 3*8*16 feed-forward and two norms, a last norm, two tables of 10*8."""
    shape = ModelShape(name="x", **SMALL)

    assert shape.attention_parameters == 192
    assert shape.mlp_parameters(16) == 384
    assert shape.embedding_parameters == 160
    assert shape.parameters == 2 * (192 + 384 + 16) + 8 + 160
    assert shape.active_parameters == shape.parameters


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"tied_embeddings": True}, -80),
        ({"gated_mlp": False}, -2 * 128),
        ({"qkv_bias": True}, 2 * (8 + 4 + 4)),
        ({"output_bias": True}, 2 * 8),
        ({"mlp_bias": True}, 2 * (2 * 16 + 8)),
        ({"mlp_bias": True, "gated_mlp": False}, -2 * 128 + 2 * (16 + 8)),
        ({"norm_bias": True}, 5 * 8),
        ({"norms_per_layer": 4}, 2 * 2 * 8),
        ({"head_bias": True}, 10),
        ({"qk_norm_size": 4}, 2 * 4),
        ({"learned_positions": 7}, 7 * 8),
        ({"sliding_window": 4, "sliding_layers": 2}, 0),
    ],
)
def test_each_part_adds_what_it_holds(change, more):
    """A bias, a norm, a table: each changes the count by its own size."""
    plain = ModelShape(name="x", **SMALL)

    assert replace(plain, **change).parameters - plain.parameters == more


def test_only_the_chosen_experts_are_active():
    """Of 8 experts of width 4 two run; a shared one, its gate, the router and its bias always do."""
    experts = ExpertLayers(
        count=8, top_k=2, ffn_size=4, shared=1, moe_layers=1, shared_ffn_size=6, shared_gate=True, router_bias=True
    )
    dense, sparse = ModelShape(name="x", **SMALL), ModelShape(name="x", **SMALL, experts=experts)

    assert sparse.shared_parameters == 3 * 8 * 6 + 8 + 8 * 8 + 8
    assert sparse.parameters == dense.parameters - 384 + sparse.shared_parameters + 8 * 96
    assert sparse.active_parameters == dense.parameters - 384 + sparse.shared_parameters + 2 * 96


@given(st.integers(10**8, 10**13))
def test_a_bare_count_keeps_its_count(count):
    """An inferred shape says so, keeps the stated count, counts to within 1 % of it, and divides among GPUs."""
    shape = shape_from_parameters("x", count)

    assert (shape.parameters, shape.inferred) == (count, True)
    assert "inferred" in shape.note
    assert replace(shape, stated_parameters=None).parameters == pytest.approx(count, rel=0.01)
    assert shape.hidden_size == shape.attention_heads * shape.head_dim
    assert shape.attention_heads % shape.kv_heads == 0
    if count >= 5_000_000_000:
        assert shape.attention_heads % 8 == shape.layers % 4 == 0


@pytest.mark.parametrize(("name", "count"), [("llama-3.1-8b", 8e9), ("llama-2-13b", 13e9), ("gpt-3-175b", 175e9)])
def test_an_inferred_shape_is_like_a_real_one(name, count):
    """Width and depth of a bare 8B, 13B or 175B are within a quarter of a published model of that size."""
    real, ours = presets()[name].shape, shape_from_parameters("x", int(count))

    assert ours.hidden_size == pytest.approx(real.hidden_size, rel=0.25)
    assert ours.layers == pytest.approx(real.layers, rel=0.25)


@pytest.mark.parametrize("count", [1, 1000, 100_000, 1_804_160, 10_000_000])
def test_tiny_counts_make_a_shape_too(count):
    """Whatever the count, there is a shape."""
    assert shape_from_parameters("x", count).layers >= 2


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"layers": 0}, "layers"),
        ({"kv_heads": 3}, "kv_heads"),
        ({"kv_heads": 0}, "kv_heads"),
        ({"sliding_layers": 3}, "sliding_layers"),
        ({"experts": ExpertLayers(count=4, top_k=5, ffn_size=4, shared=0, moe_layers=1)}, "top_k"),
        ({"experts": ExpertLayers(count=4, top_k=2, ffn_size=4, shared=0, moe_layers=3)}, "moe_layers"),
    ],
)
def test_fields_that_do_not_fit_are_named(change, key):
    """A shape that cannot be is refused with the field at fault."""
    with pytest.raises(ShapeInvalid) as raised:
        shape_from_fields("x", **{**SMALL, **change})

    assert [fault[0] for fault in raised.value.faults] == [key]
