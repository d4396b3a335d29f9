"""What loops read of weights is made once in front of them, and is what it would be within."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import build_search
from tfkd.decoding.decoder import decode_batch, decoding_inputs
from tfkd.layers import Dense, fake_quantize
from tfkd.layers.custom_gradient import without_gradients
from tfkd.layers.invariants import kept_here, once, weights_once
from tfkd.models import Transformer
from tfkd.models.heads import times_matrix

LONG = pytest.mark.long
SPECIALS = SimpleNamespace(
    size=40, pad_id=0, start_id=2, end_id=3, unknown_id=1, mask_id=4, special_ids=(0, 1, 2, 3, 4)
)
IDS = np.random.default_rng(1).integers(5, 40, (3, 6)).astype(np.int32)
LENGTHS = np.array([6, 4, 1], np.int32)
SEARCHES = {
    "beam": {"kind": "beam", "beam": 3, "max_length": 7},
    "greedy": {"kind": "greedy", "max_length": 7},
    "mask_predict": {"kind": "mask_predict", "iterations": 3, "length_candidates": 2},
}


def model_for(search, policy="float32"):
    options = {"decoder_attention": "full", "lengths": 9} if search == "mask_predict" else {}
    model = Transformer(
        40, encoder_layers=1, decoder_layers=2, width=16, heads=2, seed=3, dtype=policy, **options
    )
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.3 * rng.normal(size=weight.shape))
    return model


def searched(model, search, scope):
    """A graph that decodes, with the scope or without."""
    search = build_search(SEARCHES[search])

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], "int32"), tf.TensorSpec([None], "int32")],
        autograph=False,
    )
    @without_gradients()
    def plain(ids, lengths):
        source, limits = decoding_inputs(model, search, ids, lengths)
        return search(model, source, limits, SPECIALS)

    if not scope:
        return plain
    return tf.function(
        lambda ids, lengths: decode_batch(model, search, ids, lengths, SPECIALS),
        input_signature=plain.input_signature,
        autograph=False,
    )


def in_loops(function):
    """The operations within loops and branches of a function, by type."""
    graph = function.get_concrete_function().graph.as_graph_def()
    return [(node.op, node) for one in graph.library.function for node in one.node_def]


@pytest.mark.parametrize(
    "search", ["greedy", *(pytest.param(one, marks=LONG) for one in ("beam", "mask_predict"))]
)
def test_outputs_are_those_of_weights_read_in_each_step(search):
    model = model_for(search)
    found, expected = (searched(model, search, scope)(IDS, LENGTHS) for scope in (True, False))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)


@pytest.mark.parametrize("search", ["greedy", pytest.param("beam", marks=LONG)])
def test_a_step_reads_no_matrix_and_turns_none(search):
    model = model_for(search)
    within, before = (in_loops(searched(model, search, scope)) for scope in (True, False))

    def count(found, *names):
        return sum(op in names for op, _ in found)

    kernels = 2 * 6 * 2  # of two blocks six kernels with their biases
    assert count(before, "ReadVariableOp") >= kernels
    assert count(within, "ReadVariableOp") == 1  # the table of embeddings, of which it takes rows
    turned = [node for op, node in within if op == "MatMul" and node.attr["transpose_b"].b]
    assert not turned


@LONG
def test_weights_that_change_are_read_anew_by_the_next_call():
    model, search = model_for("beam"), "beam"
    decode = searched(model, search, True)
    decode(IDS, LENGTHS)
    for weight in model.weights:
        weight.assign(-weight.numpy())
    found, expected = decode(IDS, LENGTHS), searched(model, search, False)(IDS, LENGTHS)
    np.testing.assert_array_equal(found.ids, expected.ids)


@LONG
def test_half_types_and_rounded_products_are_made_once():
    for policy, kind in (("mixed_bfloat16", None), ("float32", "int8")):
        model = model_for("greedy", policy)
        fake_quantize(model, kind)
        decode = searched(model, "greedy", True)
        expected = searched(model, "greedy", False)(IDS, LENGTHS)
        np.testing.assert_array_equal(decode(IDS, LENGTHS).ids, expected.ids)
        casts = [node.input[0] for op, node in in_loops(decode) if op == "Cast"]
        assert not [one for one in casts if "ReadVariable" in one]


def test_outside_of_the_scope_and_in_other_graphs_nothing_is_kept():
    layer, calls = Dense(3), []

    def make():
        calls.append(1)
        return tf.constant(2.0)

    assert once(layer, "a", make) is not once(layer, "a", make)
    other = tf.function(lambda: (kept_here(), once(layer, "a", make)), autograph=False)
    with weights_once():
        first = once(layer, "a", make)
        assert once(layer, "a", make) is first
        assert once(layer, "b", make) is not first
        with weights_once():
            assert once(layer, "a", make) is first
        assert not other()[0]
    assert len(calls) == 5
    assert not kept_here()


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 5, 300])
def test_rows_times_the_matrix_of_a_head(kept, rows):
    head = model_for("beam").head
    given = np.random.default_rng(3).normal(size=(rows, 16)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 16])], autograph=False)
    def product(rows):
        if not kept:
            return times_matrix(rows, head)
        with weights_once():
            return times_matrix(rows, head)

    matrix = head.matrix().numpy().astype(np.float64)
    np.testing.assert_allclose(product(given), given.astype(np.float64) @ matrix.T, atol=1e-4)
