"""Shapes for a reshape: right for every tensor, and numbers alone where one size is unknown."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers.shapes import shape_of

pytestmark = pytest.mark.tensorflow
SIZES = [(2, 1, 6), (1, 3, 6), (0, 1, 6), (2, 0, 6)]


@pytest.mark.parametrize("known", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_the_shape_with_other_last_sizes(sizes, known):
    wanted = [*(size if told else None for size, told in zip(sizes, known, strict=False)), 6]
    found = {}

    @tf.function(input_signature=[tf.TensorSpec(wanted)])
    def graph(tensor):
        found["same"], found["other"] = shape_of(tensor), shape_of(tensor, 3)
        flat = tf.reshape(tensor, [-1, 6])
        return tf.reshape(flat, found["same"]), tf.reshape(flat[:, :3], found["other"])

    rows = np.random.default_rng(0).standard_normal(sizes).astype(np.float32)
    same, other = graph(tf.constant(rows))
    np.testing.assert_array_equal(same, rows)
    np.testing.assert_array_equal(other, rows[..., :3])
    numbers = wanted.count(None) <= 1 and 0 not in wanted
    assert (isinstance(found["same"], list), isinstance(found["other"], list)) == (numbers, numbers)
