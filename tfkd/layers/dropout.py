"""Dropout whose masks are a pure function of a key and of the layer's place."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient
from tfkd.layers.fusion import compiled, is_fusing

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


class Mask(NamedTuple):
    """What dropout draws for one tensor.

    Attributes:
        draws: uint8, the tensor's shape: an element is kept where it is not below `threshold`.
        threshold: uint8 scalar, 256 times the rate, rounded up or down by chance.
        scale: float32 scalar, 256 / (256 - threshold): what kept elements are multiplied by.
    """

    draws: tf.Tensor
    threshold: tf.Tensor
    scale: tf.Tensor

    def factor(self) -> tf.Tensor:
        """float32, the tensor's shape: `scale` where an element is kept, else 0."""
        return tf.where(self.draws >= self.threshold, self.scale, 0.0)


def draw_mask(shape: tf.Tensor, rate: float, key: tf.Tensor) -> Mask:
    """Draws which elements are dropped: each with probability `rate`.

    Philox is what dropout costs on a CPU, so that one 32-bit draw decides four elements. Eight bits
    know rates to 1/256 only: the threshold is rounded up or down by a draw of its own, such that
    its mean is the rate, and the scale follows the threshold, such that the mean of what comes out
    is what went in, draw by draw.

    Args:
        shape: int32 `[rank]`.
        rate: Probability that an element is dropped, below 1; above 255/256 it counts as that.
        key: int32 `[2]`.
    """
    count = tf.reduce_prod(shape)
    words = (count + 3) // 4
    draws = tf.random.stateless_uniform(
        [words + 1], key, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    whole, part = divmod(min(256 * rate, 255.0), 1.0)
    up = tf.cast(draws[words], tf.float32) < part * 2.0**32
    threshold = int(whole) + tf.cast(up, tf.int32)
    return Mask(
        tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint8), [-1])[:count], shape),
        tf.cast(threshold, tf.uint8),
        256.0 / tf.cast(256 - threshold, tf.float32),
    )


def _dropped(inputs: tf.Tensor, *mask: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.cast(inputs, tf.float32) * Mask(*mask).factor(), inputs.dtype)


def _added(residual: tf.Tensor, inputs: tf.Tensor, *mask: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(inputs, tf.float32) * Mask(*mask).factor()
    return tf.cast(tf.cast(residual, tf.float32) + wide, inputs.dtype)


_dropped_in_one, _added_in_one = compiled(_dropped), compiled(_added)


def drop(inputs: tf.Tensor, mask: Mask, residual: tf.Tensor | None = None) -> tf.Tensor:
    """inputs * mask, and the residual added where there is one.

    Within `tfkd.layers.fusion.fusing` it is one pass each way, and the draws are all it keeps.
    """
    if not is_fusing():
        factor = tf.cast(mask.draws >= mask.threshold, inputs.dtype)
        dropped = inputs * (factor * tf.cast(mask.scale, inputs.dtype))
        return dropped if residual is None else residual + dropped

    @custom_gradient
    def alone(inputs):
        return _dropped_in_one(inputs, *mask), lambda g: _dropped_in_one(g, *mask)

    @custom_gradient
    def with_residual(residual, inputs):
        return _added_in_one(residual, inputs, *mask), lambda g: (g, _dropped_in_one(g, *mask))

    return alone(inputs) if residual is None else with_residual(residual, inputs)


@keras.saving.register_keras_serializable(package="tfkd")
class Dropout(keras.layers.Layer):
    """Sets each element to zero with probability `rate`, and divides the others by 1 - rate.

    Inside `dropout_key` the mask is keyed by (key, place); outside of it, with `training=True`, the
    key is drawn by TensorFlow's stateful generator (steered by `keras.utils.set_random_seed`), so
    that `compile` and `fit` need nothing else. There is no seed variable: nothing to save, nothing
    that replicas could share by mistake.

    Args:
        rate: Probability of dropping, 0 <= rate < 1; see `draw_mask`.

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

    def draw(self, inputs: tf.Tensor, training: bool) -> Mask | None:
        """The mask of this place for a tensor of this shape, or None where nothing is dropped."""
        if not training or not self.enabled or self.rate == 0:
            return None
        return draw_mask(tf.shape(inputs), self.rate, self._key())

    def uniform(self, shape: Sequence[Any]) -> tf.Tensor:
        """Uniform numbers on [0, 1) keyed as this place's masks are, float32 of the shape given."""
        return tf.random.stateless_uniform(shape, self._key(), alg="philox")

    def _key(self) -> tf.Tensor:
        key = getattr(_scope, "key", None)
        if key is None:
            key = tf.random.uniform([2], minval=-(2**31), maxval=2**31 - 1, dtype=tf.int32)
        return tf.bitwise.bitwise_xor(key, tf.constant(_salt_of(self.place or self.name), tf.int32))

    def call(
        self, inputs: tf.Tensor, residual: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """dropout(inputs), or residual + dropout(inputs)."""
        mask = self.draw(inputs, training)
        if mask is None:
            return inputs if residual is None else residual + inputs
        return drop(inputs, mask, residual)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
