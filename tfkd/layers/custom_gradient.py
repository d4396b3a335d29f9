"""Gradients of one's own that live as long as their graph."""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

_REGISTER = gradient_registry._registry


def custom_gradient(function: Callable) -> Callable:
    """`tf.custom_gradient` for processes that trace many graphs.

    TensorFlow registers the gradient of each call that it traces by a name, for the life of the
    process; the gradient holds its graph, and so every graph stays in memory, and slows what is
    traced later. Here the graph itself keeps the gradient, and the register a weak reference.

    Args:
        function: From tensors to their results, a tensor or several, and the function that gives
            the inputs' gradients from the results'; see `tf.custom_gradient`.
    """
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        results = decorated(*arguments)
        if not tf.executing_eagerly():
            _leave_to_the_graph(tf.nest.flatten(results)[0])
        return results

    return call


def _leave_to_the_graph(result: tf.Tensor) -> None:
    name = result.op.get_attr("_gradient_op_type").decode()
    entry = _REGISTER[name]
    gradient = entry["type"]
    kept = weakref.ref(gradient, lambda _: _REGISTER.pop(name, None))
    if not hasattr(result.graph, "_tfkd_gradients"):
        result.graph._tfkd_gradients = []
    result.graph._tfkd_gradients.append(gradient)
    entry["type"] = lambda op, *by_results: kept()(op, *by_results)
