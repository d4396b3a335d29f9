"""The largest numbers by blocks are those of one pass, with ties, to the bit."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import few

from tfkd.layers.largest import largest


def drawn(kind, rows, size, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, size)).astype(np.float32)
    if kind == "ties":  # each row has a few numbers, again and again
        values = rng.integers(-2, 2, (rows, size)).astype(np.float32)
    elif kind == "impossible":  # as a search has it: nearly all alike
        values = np.where(rng.random((rows, size)) < 1e-3, values, np.float32(-1e9))
    elif kind == "nothing":
        values = np.where(rng.random((rows, size)) < 5e-4, values, np.float32("-inf"))
    elif kind == "equal":
        values = np.full_like(values, -3.5)
    return values


def assert_alike(values, k, known=True):
    spec = tf.TensorSpec([values.shape[0] if known else None, values.shape[1]])
    found = tf.function(lambda x: largest(x, k), input_signature=[spec], autograph=False)(values)
    expected = tf.math.top_k(values, k)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("kind", ["all apart", "ties", "impossible", "nothing", "equal"])
@pytest.mark.parametrize("size", few([5000, 7919], 0))
def test_numbers_and_places(kind, size):
    for rows, k in ((3, 8), (1, 1), (2, 20)):
        assert_alike(drawn(kind, rows, size, size + k), k, known=k != 8)


@settings(deadline=None, max_examples=15)
@given(st.integers(4096, 12000), st.integers(1, 12), st.integers(0, 99))
def test_any_size(size, k, seed):
    values = drawn("ties", 2, size, seed)
    found, expected = largest(tf.constant(values), k), tf.math.top_k(values, k)
    np.testing.assert_array_equal(found[1], expected[1])


def test_no_row_at_all():
    assert_alike(np.zeros((0, 5000), np.float32), 4, known=False)
