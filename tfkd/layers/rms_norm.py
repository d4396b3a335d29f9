"""Normalization by the root of the mean square."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfkd")
class RmsNorm(keras.layers.Layer):
    """x / sqrt(mean(x^2) + epsilon) * scale over the last axis: no mean is taken off, and there is
    no offset.

    Everything is computed in float32 whatever the policy; the output has the compute type.

    Args:
        epsilon: Added to the mean square.

    Reference: Zhang and Sennrich 2019, Root Mean Square Layer Normalization, section 4.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(
            (input_shape[-1],), initializer="ones", name="scale", dtype="float32", autocast=False
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(tf.square(x), -1, keepdims=True)
        normed = x * tf.math.rsqrt(mean + self.epsilon) * tf.cast(self.scale, tf.float32)
        return tf.cast(normed, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
