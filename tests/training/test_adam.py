"""Adam against its algorithm in NumPy, float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.training import Adam
from tfkd.training.optimization.gradients import clipped, dense, global_norm
from tfkd.training.optimization.parameters import Parameter, named_parameters


def reference(weight, gradients, *, rate, beta_1, beta_2, epsilon, decay, correct):
    """Kingma and Ba, algorithm 1, with decoupled decay."""
    weight = weight.astype(np.float64)
    m = v = np.zeros_like(weight)
    for t, gradient in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        m_hat = m / (1 - beta_1**t) if correct else m
        v_hat = v / (1 - beta_2**t) if correct else v
        weight = weight - rate * decay * weight - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return weight


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("epsilon", [1e-9, 1e-2])
def test_equals_the_algorithm(correct, decay, epsilon):
    draw = np.random.default_rng(0)
    start = draw.normal(size=(4, 3)).astype(np.float32)
    gradients = draw.normal(size=(6, 4, 3)) * np.logspace(-3, 1, 6)[:, None, None]
    kernel = keras.Variable(start, name="kernel")
    bias = keras.Variable(start[0], name="bias")
    adam = Adam(0.8, 0.97, epsilon, weight_decay=decay, bias_correction=correct)
    adam.build([Parameter("layer/kernel", kernel), Parameter("layer/bias", bias)])
    for step, gradient in enumerate(gradients.astype(np.float32), 1):
        adam.apply([tf.constant(gradient), tf.constant(gradient[0])], tf.constant(0.05), step)
    options = {"rate": 0.05, "beta_1": 0.8, "beta_2": 0.97, "epsilon": epsilon, "correct": correct}
    expected = reference(start, gradients, decay=decay, **options)
    np.testing.assert_allclose(kernel.value.numpy(), expected, rtol=2e-5, atol=2e-6)
    # Weight decay leaves biases alone.
    expected = reference(start[0], gradients[:, 0], decay=0.0, **options)
    np.testing.assert_allclose(bias.value.numpy(), expected, rtol=2e-5, atol=2e-6)


def test_no_gradient_no_change():
    variable = keras.Variable(np.ones((2, 2), np.float32), name="kernel")
    adam = Adam(weight_decay=0.5)
    adam.build([Parameter("kernel", variable)])
    adam.apply([None], tf.constant(0.1), 1)
    assert (variable.value.numpy() == 1).all()


def test_rows_touched_twice_count_as_their_sum():
    """Adam and the norm see the dense gradient of an embedding, not each touch of a row."""
    table = tf.Variable(np.ones((5, 2), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, [3, 3, 3, 1]))
    gradient = tape.gradient(loss, table)
    assert isinstance(gradient, tf.IndexedSlices)
    gradient = dense(gradient, table.shape)
    expected = np.zeros((5, 2))
    expected[3], expected[1] = 3, 1
    np.testing.assert_array_equal(gradient, expected)
    np.testing.assert_allclose(global_norm([gradient]), np.sqrt(2 * 9 + 2), rtol=1e-6)


def test_clipping_is_of_the_norm_over_all():
    gradients = [tf.constant([3.0, 0.0]), None, tf.constant([[4.0]])]
    norm = global_norm(gradients)
    assert norm == 5.0
    kept = clipped(gradients, norm, 10.0)
    np.testing.assert_array_equal(kept[0], [3.0, 0.0])
    cut = clipped(gradients, norm, 1.0)
    np.testing.assert_allclose(global_norm(cut), 1.0, rtol=1e-6)
    assert cut[1] is None
    assert clipped(gradients, norm, None) is gradients


def test_what_decays_by_name_and_rank():
    layer = keras.Sequential(
        [keras.layers.Dense(3, name="dense"), keras.layers.LayerNormalization(name="norm")]
    )
    layer.build((None, 2))
    decayed = {p.path: p.decayed for p in named_parameters(layer)}
    assert decayed == {
        "dense/kernel": True,
        "dense/bias": False,
        "norm/gamma": False,
        "norm/beta": False,
    }


def test_frozen_weights_have_no_slots_and_low_precision_is_refused():
    model = keras.Sequential([keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")])
    model.build((None, 2))
    model.get_layer("a").trainable = False
    adam = Adam()
    adam.build(named_parameters(model))
    assert sorted(adam.slots) == ["b/bias/m", "b/bias/v", "b/kernel/m", "b/kernel/v"]
    low = keras.Sequential([keras.layers.Dense(2, dtype="bfloat16", name="a")])
    low.build((None, 2))
    with pytest.raises(ValueError, match=r"float32.*Received: a/kernel in bfloat16"):
        named_parameters(low)
