"""Gradients of one's own that live as long as their graph."""

import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

_REGISTER = gradient_registry._registry
_scope = threading.local()


@contextlib.contextmanager
def without_gradients() -> Iterator[None]:
    """Inside the scope, functions of `custom_gradient` are their operations alone.

    For what nobody differentiates, as decoding: a gradient of one's own takes time to trace, and a
    SavedModel would keep a function for each. A gradient that is asked for all the same is that of
    the operations, and zero where they stop it.
    """
    previous = getattr(_scope, "off", False)
    _scope.off = True
    try:
        yield
    finally:
        _scope.off = previous


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
        if getattr(_scope, "off", False):
            return function(*tf.nest.map_structure(tf.convert_to_tensor, arguments))[0]
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
