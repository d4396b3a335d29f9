"""The feed-forward network whose inner states are gated."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.activations import activation as find_activation
from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed


@keras.saving.register_keras_serializable(package="tfkd")
class GatedFeedForward(keras.layers.Layer):
    """(activation(x G) * (x U)) D, with biases or without; G and U come from one product.

    Args:
        width: Size of the output.
        inner: Size between the products.
        activation: Name, see `tfkd.layers.activation`.
        bias: Whether all three have a bias.
        dropout: Rate before D.
        kernel_initializer: Keras initializer of the matrices.
        seed: Seed of the weights.

    Reference: Shazeer 2020, GLU Variants Improve Transformer, section 2.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        *,
        activation: str = "silu",
        bias: bool = False,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "width": width,
            "inner": inner,
            "activation": activation,
            "bias": bias,
            "dropout": dropout,
            "seed": seed,
        }
        self.inner_width = inner
        self._activate = find_activation(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        for name, units, blocks in (("gate_up", 2 * inner, 2), ("down", width, 1)):
            projection = Dense(
                units,
                blocks=blocks,
                use_bias=bias,
                kernel_initializer=self.kernel_initializer,
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, projection)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Any) -> None:
        self.gate_up.build(input_shape)
        self.down.build((*input_shape[:-1], self.inner_width))
        self.dropout.build()

    def call(self, hidden: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps `[batch, length, width]` to the same shape."""
        gate, up = tf.split(self.gate_up(hidden), 2, axis=-1)
        return self.down(self.dropout(self._activate(gate) * up, training=training))

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **self._options, "kernel_initializer": initializer}
