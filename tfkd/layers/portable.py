"""Graphs for engines other than TensorFlow, whose operations are fewer and whose shapes are fixed.

Inside `portable()` layers are made of operations that LiteRT and ONNX have, too, and in forms that
their optimizers know. What they compute is the same but for rounding. Sizes come from the shapes of
inputs alone: a size that is computed in the graph makes all that follows it dynamic, which LiteRT
runs several times slower.
"""

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

_scope = threading.local()


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Inside the scope, layers are traced for other engines; nothing there has a gradient of its
    own (`tfkd.layers.custom_gradient.without_gradients`)."""
    # Here: what it wraps imports this module.
    from tfkd.layers.custom_gradient import without_gradients

    previous = is_portable()
    _scope.on = True
    try:
        with without_gradients():
            yield
    finally:
        _scope.on = previous


def is_portable() -> bool:
    """Whether the scope is open in this thread."""
    return getattr(_scope, "on", False)


def places_of(rows: tf.Tensor) -> tf.Tensor:
    """0, 1, 2, ... in each row: int32 `[batch, length]` of any tensor of that shape."""
    if is_portable():
        return tf.cumsum(tf.ones_like(rows, tf.int32), axis=1) - 1
    return tf.range(tf.shape(rows)[1])[None, :]
