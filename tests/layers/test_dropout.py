import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers import Dropout, dropout_key


def drop(layer, inputs, key):
    with dropout_key(key):
        return layer(inputs, training=True).numpy()


def test_frequency_and_scale():
    layer = Dropout(0.3, name="one")
    output = drop(layer, tf.ones([400, 501]), [1, 2])
    kept = output != 0
    count = output.size
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / count)
    np.testing.assert_allclose(output[kept], 1 / 0.7, rtol=1e-4)


def test_neighbours_are_independent():
    """Two masks come from one 32-bit draw: they must not know of each other."""
    kept = drop(Dropout(0.5, name="one"), tf.ones([1, 200_000]), [3, 4])[0] != 0
    pairs = np.bincount(kept[0::2] * 2 + kept[1::2], minlength=4)
    expected = len(kept) / 8
    assert ((pairs - expected) ** 2 / expected).sum() < 21  # chi-square, 3 degrees, p = 1e-4


def test_masks_are_a_function_of_key_and_place():
    ones = tf.ones([20, 20])
    layer, other = Dropout(0.5, name="one"), Dropout(0.5, name="other")
    first = drop(layer, ones, [1, 2])
    np.testing.assert_array_equal(first, drop(layer, ones, [1, 2]))
    assert (first != drop(layer, ones, [1, 3])).any()
    assert (first != drop(layer, ones, [2, 2])).any()
    assert (first != drop(other, ones, [1, 2])).any()
    other.place = "one"
    np.testing.assert_array_equal(first, drop(other, ones, [1, 2]))


def test_graph_equals_eager_and_keys_are_arguments():
    layer = Dropout(0.5, name="one")

    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([2], tf.int32)])
    def call(inputs, key):
        with dropout_key(key):
            return layer(inputs, training=True)

    ones = tf.ones([7, 9])
    for key in ([1, 2], [5, 6]):
        np.testing.assert_array_equal(call(ones, tf.constant(key)), drop(layer, ones, key))


def test_the_innermost_scope_counts():
    layer, ones = Dropout(0.5, name="one"), tf.ones([9, 9])
    with dropout_key([1, 1]):
        before = layer(ones, training=True)
        with dropout_key([2, 2]):
            inner = layer(ones, training=True)
        after = layer(ones, training=True)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(inner, drop(layer, ones, [2, 2]))


def test_without_a_scope_it_follows_the_global_seed():
    layer, ones = Dropout(0.5, name="one"), tf.ones([9, 9])
    keras.utils.set_random_seed(7)
    first, second = layer(ones, training=True), layer(ones, training=True)
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(first, layer(ones, training=True))
    assert (first.numpy() != second.numpy()).any()
    assert not layer.variables


def test_off_means_identity():
    ones = tf.ones([3, 3])
    layer = Dropout(0.5)
    assert layer(ones, training=False) is ones
    layer.enabled = False
    np.testing.assert_array_equal(layer(ones, training=True), ones)
    np.testing.assert_array_equal(Dropout(0.0)(ones, training=True), ones)


def test_the_gradient_is_the_mask():
    layer, inputs = Dropout(0.4, name="one"), tf.random.stateless_normal([5, 6], [1, 2])
    with dropout_key([1, 2]), tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs, training=True)
    gradient = tape.gradient(output, inputs)
    np.testing.assert_allclose(gradient * inputs, output, atol=1e-6)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_outside_the_range_are_refused(rate):
    with pytest.raises(ValueError, match="0 <= rate < 1"):
        Dropout(rate)
