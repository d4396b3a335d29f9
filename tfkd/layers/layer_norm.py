"""Layer normalization in float32."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfkd")
class LayerNorm(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset over the last axis.

    Everything is computed in float32 whatever the policy; the output has the compute type.

    Args:
        epsilon: Added to the variance. BERT's is 1e-12.

    Reference: Ba, Kiros and Hinton 2016, Layer Normalization, section 3.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Any) -> None:
        width = (input_shape[-1],)
        self.scale = self.add_weight(width, initializer="ones", name="scale", autocast=False)
        self.offset = self.add_weight(width, initializer="zeros", name="offset", autocast=False)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(x, -1, keepdims=True)
        centred = x - mean
        variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
        normed = centred * tf.math.rsqrt(variance + self.epsilon)
        scale, offset = tf.cast(self.scale, tf.float32), tf.cast(self.offset, tf.float32)
        return tf.cast(normed * scale + offset, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
