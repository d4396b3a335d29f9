"""Adafactor against Keras's own, and against the paper's algorithm in NumPy, float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.training import Adafactor, build_optimizer
from tfkd.training.optimization.parameters import Parameter


def paper(weight, gradients, rate, decay=0.0):
    """Shazeer and Stern 2018, algorithms 4 and 5, with the sums as they stand there."""
    weight = weight.astype(np.float64)
    rows = columns = squares = 0.0
    for t, gradient in enumerate(gradients.astype(np.float64), 1):
        beta = 1 - t**-0.8
        squared = gradient**2 + 1e-30
        if weight.ndim == 2:
            rows = beta * rows + (1 - beta) * squared.sum(1)
            columns = beta * columns + (1 - beta) * squared.sum(0)
            moment = np.outer(rows, columns) / rows.sum()
        else:
            moment = squares = beta * squares + (1 - beta) * squared
        u = gradient / np.sqrt(moment)
        u /= max(1, np.sqrt((u**2).mean()))
        size = max(1e-3, np.sqrt((weight**2).mean()))
        weight = weight - rate * decay * weight - rate * size * u
    return weight


def trained(start, gradients, rate=0.01, path="kernel", **options):
    variable = keras.Variable(start, name=path)
    optimizer = Adafactor(**options)
    optimizer.build([Parameter(path, variable)])
    for update, gradient in enumerate(gradients, 1):
        optimizer.apply([tf.constant(gradient)], tf.constant(rate), tf.constant(update))
    return variable.value.numpy()


def drawn(*shape):
    draw = np.random.default_rng(0)
    gradients = draw.normal(size=(6, *shape)) * np.logspace(-3, 1, 6).reshape(6, *[1] * len(shape))
    return draw.normal(size=shape).astype(np.float32), gradients.astype(np.float32)


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_equals_the_algorithm(shape, decay):
    start, gradients = drawn(*shape)
    found = trained(start, gradients, weight_decay=decay)
    decayed = decay if len(shape) == 2 else 0.0  # not biases
    np.testing.assert_allclose(found, paper(start, gradients, 0.01, decayed), atol=2e-6)


@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 5, 7)])
def test_equals_keras(shape):
    start, gradients = drawn(*shape)
    variable = keras.Variable(start)
    # Keras takes the smaller of its rate and the paper's, which falls below 0.01 at update 10,000.
    keras_own = keras.optimizers.Adafactor(learning_rate=0.01)
    keras_own.build([variable])
    for gradient in gradients:
        keras_own.apply([tf.constant(gradient)], [variable])
    np.testing.assert_allclose(trained(start, gradients), variable.value.numpy(), atol=2e-6)


def test_small_weights_move_all_the_same():
    start = np.zeros((3, 4), np.float32)
    gradients = np.ones((1, 3, 4), np.float32)
    np.testing.assert_allclose(trained(start, gradients, rate=0.5), -0.5e-3, rtol=1e-5)


def test_a_matrix_has_a_row_and_a_column():
    optimizer = build_optimizer({"kind": "adafactor", "clip_norm": 2.0})
    optimizer.build([Parameter("a/kernel", keras.Variable(np.ones((3, 4), np.float32)))])
    assert {path: tuple(slot.shape) for path, slot in optimizer.slots.items()} == {
        "a/kernel/rows": (3,),
        "a/kernel/columns": (4,),
    }
    assert optimizer.clip_norm == 2.0


def test_no_gradient_no_change():
    variable = keras.Variable(np.ones((2, 2), np.float32), name="kernel")
    optimizer = Adafactor(weight_decay=0.5)
    optimizer.build([Parameter("kernel", variable)])
    optimizer.apply([None], tf.constant(0.1), tf.constant(1))
    assert (variable.value.numpy() == 1).all()
