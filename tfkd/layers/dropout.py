"""Dropout whose masks are a pure function of a key and of the layer's place."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_scope = threading.local()


@contextlib.contextmanager
def dropout_key(key: Any) -> Iterator[None]:
    """Keys every dropout mask drawn inside the scope.

    The mask of a layer depends on (key, path of the layer in its model, shape) alone: a resumed
    run, or a second pass with the same key, draws the same masks. Give each (step, replica,
    micro-batch, view) a key of its own. Scopes nest; the innermost counts.

    Args:
        key: int32 `[2]`, a tensor or two Python integers.
    """
    previous = getattr(_scope, "key", None)
    _scope.key = tf.cast(tf.convert_to_tensor(key), tf.int32)
    try:
        yield
    finally:
        _scope.key = previous


@contextlib.contextmanager
def dropout_pass(number: int) -> Iterator[None]:
    """Tells apart the passes that one model makes in one step, within `dropout_key`.

    Pass 0 draws what the step's key alone gives. Outside of `dropout_key` nothing changes: there
    every call draws afresh.

    Args:
        number: The pass (a step's views in order), 0 or more.
    """
    key = getattr(_scope, "key", None)
    if key is None or number == 0:
        yield
        return
    with dropout_key(tf.bitwise.bitwise_xor(key, tf.constant([number, 0], tf.int32))):
        yield


def _salt_of(path: str) -> tuple[int, int]:
    digest = hashlib.sha256(path.encode()).digest()
    first = int.from_bytes(digest[:4], "big", signed=True)
    return first, int.from_bytes(digest[4:8], "big", signed=True)


def keep_mask(shape: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Draws a boolean mask that is True with probability 1 - rate, to the nearest 1/65536.

    One 32-bit draw decides two elements: Philox is what dropout costs on a CPU, and 16 bits tell
    rates apart to 1.5e-5.

    Args:
        shape: int32 `[rank]`.
        rate: Probability of False.
        key: int32 `[2]`.
    """
    count = tf.reduce_prod(shape)
    draws = tf.random.stateless_uniform(
        [(count + 1) // 2], key, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    halves = tf.reshape(tf.bitcast(draws, tf.uint16), [-1])[:count]
    return tf.reshape(halves >= tf.constant(_threshold(rate), tf.uint16), shape)


def _threshold(rate: float) -> int:
    return min(round(rate * 65536), 65535)


@keras.saving.register_keras_serializable(package="tfkd")
class Dropout(keras.layers.Layer):
    """Sets each element to zero with probability `rate`, and divides the others by 1 - rate.

    Inside `dropout_key` the mask is keyed by (key, place); outside of it, with `training=True`, the
    key is drawn by TensorFlow's stateful generator (steered by `keras.utils.set_random_seed`), so
    that `compile` and `fit` need nothing else. There is no seed variable: nothing to save, nothing
    that replicas could share by mistake.

    Args:
        rate: Probability of dropping, 0 <= rate < 1, used to the nearest 1/65536.

    Attributes:
        place: The name that keys the masks; a model sets it to the layer's path in the model.
        enabled: False turns the layer off also in training (frozen parts).
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                f"Invalid value for argument `rate`. Expected 0 <= rate < 1. Received: rate={rate}"
            )
        self.rate = float(rate)
        self.place: str | None = None
        self.enabled = True

    def build(self, input_shape: Any = None) -> None:
        """Makes no weights; a parent calls it so that the layer learns its path."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.enabled or self.rate == 0:
            return inputs
        key = getattr(_scope, "key", None)
        if key is None:
            key = tf.random.uniform([2], minval=-(2**31), maxval=2**31 - 1, dtype=tf.int32)
        key = tf.bitwise.bitwise_xor(key, tf.constant(_salt_of(self.place or self.name), tf.int32))
        keep = keep_mask(tf.shape(inputs), self.rate, key)
        scale = 65536 / (65536 - _threshold(self.rate))
        return inputs * (tf.cast(keep, inputs.dtype) * tf.cast(scale, inputs.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
