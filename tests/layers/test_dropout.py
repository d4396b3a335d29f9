import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers import Dropout, dropout_key
from tfkd.layers.dropout import draw_mask


def drop(layer, inputs, key):
    with dropout_key(key):
        return layer(inputs, training=True).numpy()


def test_frequency_and_scale():
    layer = Dropout(0.3, name="one")
    output = drop(layer, tf.ones([400, 501]), [1, 2])
    kept = output != 0
    dropped = 256 * (1 - 1 / output[kept][0])
    assert round(dropped) in (76, 77)  # 256 * 0.3 = 76.8, rounded up or down
    assert abs(dropped - round(dropped)) < 1e-3
    rate, count = round(dropped) / 256, output.size
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / count)
    assert np.ptp(output[kept]) == 0


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 1e-3, 0.999])
def test_over_many_draws_the_rate_is_what_was_asked_for(rate):
    """What a draw rounds away comes back in others, in the right share."""

    def drawn(key):
        return draw_mask(tf.constant([1]), rate, tf.stack([7, key])).threshold

    @tf.function(autograph=False)  # a loop of the graph's, for it is long
    def all_drawn():
        return tf.map_fn(drawn, tf.range(2000), fn_output_signature=tf.uint8)

    thresholds = all_drawn().numpy()
    expected = min(256 * rate, 255)
    assert set(thresholds) <= {int(expected), int(np.ceil(expected))}
    assert abs(thresholds.mean() - expected) < 5 * 0.5 / np.sqrt(2000) + 1e-9


def test_neighbours_are_independent():
    """Four masks come from one 32-bit draw: they must not know of each other."""
    kept = drop(Dropout(0.5, name="one"), tf.ones([1, 400_000]), [3, 4])[0] != 0
    codes = kept.reshape(-1, 4) @ np.array([8, 4, 2, 1])
    counts, expected = np.bincount(codes, minlength=16), len(kept) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 45  # chi-square, 15 degrees, p = 1e-4


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

    @tf.function(
        input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([2], tf.int32)], autograph=False
    )
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


def test_any_number_of_elements_has_its_own_draws():
    for count in (0, 1, 2, 3, 5, 4099):
        mask = draw_mask([count], 0.5, [1, 2])
        assert mask.draws.shape == [count]
    kept = draw_mask([4099], 0.5, [1, 2]).factor().numpy() > 0
    assert abs(kept.mean() - 0.5) < 5 * 0.5 / np.sqrt(4099)
