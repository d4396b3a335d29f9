import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

from tfkd.layers.custom_gradient import custom_gradient, without_gradients


@custom_gradient
def doubled(inputs):
    """The square, with twice its gradient."""
    return inputs * inputs, lambda by: 4.0 * by * inputs


@custom_gradient
def both(inputs, others):
    outer = doubled(inputs)
    return (outer * others, others), lambda by, of: (by * others, by * outer + of)


def registered():
    return {name for name in gradient_registry.list() if name.startswith("CustomGradient")}


def gradient_of(function, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(inputs)
    return tape.gradient(result, inputs)


def looped(inputs):
    return tf.while_loop(
        lambda number, _: number < 2,
        lambda number, value: (number + 1, doubled(value)),
        (0, inputs),
        maximum_iterations=2,
    )[1]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (doubled, lambda x: 4 * x),
        (lambda x: both(x, 3.0 * x)[0], lambda x: 3 * x + 3 * x**2),
        (looped, lambda x: 4 * x**2 * 4 * x),
    ],
    ids=["alone", "nested", "in_a_loop"],
)
def test_it_is_the_gradient_inside_and_outside_of_graphs(function, expected, compiled):
    inputs = tf.constant([1.0, -2.0, 0.5])
    inside = tf.function(lambda x: gradient_of(function, x), autograph=False, jit_compile=compiled)
    around = tf.function(function, autograph=False)
    around(inputs)
    gc.collect()  # the graph that is there keeps its gradients
    for found in (
        gradient_of(function, inputs),
        inside(inputs),
        gradient_of(around, inputs),
    ):
        np.testing.assert_allclose(found, expected(inputs.numpy()), rtol=1e-6)


@pytest.mark.parametrize("function", [doubled, lambda x: both(x, 3.0 * x)[0], looped])
def test_a_graph_that_nobody_needs_goes_with_its_gradients(function):
    gc.collect()
    before = registered()
    traced = tf.function(lambda x: gradient_of(function, x), autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec([3]))
    graph = weakref.ref(concrete.graph)
    assert registered() > before
    del traced, concrete
    gc.collect()
    assert graph() is None
    assert registered() == before


@pytest.mark.parametrize("function", [doubled, lambda x: both(x, 3.0 * x)[0], looped])
def test_without_gradients_it_is_its_operations(function):
    before, inputs = registered(), tf.constant([1.0, -2.0, 0.5])
    scoped = without_gradients()(function)
    traced = tf.function(scoped, autograph=False).get_concrete_function(tf.TensorSpec([3]))
    assert registered() == before
    assert "_gradient_op_type" not in str(traced.graph.as_graph_def())
    np.testing.assert_array_equal(traced(inputs), function(inputs))


def test_gradients_are_back_behind_the_scope():
    inputs = tf.constant([1.0, -2.0, 0.5])

    def failing():
        with without_gradients():
            pass
        np.testing.assert_array_equal(gradient_of(doubled, inputs), 2 * inputs)
        raise KeyError

    with pytest.raises(KeyError):
        without_gradients()(failing)()
    np.testing.assert_array_equal(gradient_of(doubled, inputs), 4 * inputs)
