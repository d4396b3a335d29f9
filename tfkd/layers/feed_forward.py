"""The position-wise feed-forward network."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.activations import activate
from tfkd.layers.activations import activation as find_activation
from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed


@keras.saving.register_keras_serializable(package="tfkd")
class FeedForward(keras.layers.Layer):
    """activation(x W1 + b1) W2 + b2.

    Args:
        width: Size of the output.
        inner: Size between the two products.
        activation: Name, see `tfkd.layers.activation`.
        dropout: Rate between the two products. Vaswani et al. and BERT have none; OpenNMT and
            PyTorch's `nn.Transformer` use the rate of the sub-layers.
        kernel_initializer: Keras initializer of both kernels.
        output_initializer: Of the second kernel; None: `kernel_initializer`.
        seed: Seed of the weights.
        adapters: Layers on the projections, by name: `inner`, `outer`.

    Reference: Vaswani et al. 2017, Attention Is All You Need, section 3.3.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        output_initializer: Any = None,
        seed: int | None = None,
        adapters: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.inner_width = inner
        self.activation = activation
        self.rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)
        self.seed = seed
        adapters = adapters or {}
        self._given_adapters = sorted(adapters)
        find_activation(activation)  # refuses unknown names
        for name, units in (("inner", inner), ("outer", width)):
            own = self.output_initializer if name == "outer" else None
            projection = Dense(
                units,
                kernel_initializer=own or self.kernel_initializer,
                seed=derive_seed(seed, name),
                adapter=adapters.get(name),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, projection)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Any) -> None:
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.inner_width))
        self.dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        memories: dict[str, Any] | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Maps `[batch, length, width]` to the same shape."""
        inner = self.inner(hidden, memories, training=training)
        inner = activate(inner, self.activation, self.dropout.draw(inner, training))
        return self.outer(inner, memories, training=training)

    def get_config(self) -> dict[str, Any]:
        adapters = {n: getattr(self, n).get_config()["adapter"] for n in self._given_adapters}
        return {
            **super().get_config(),
            "width": self.width,
            "inner": self.inner_width,
            "activation": self.activation,
            "dropout": self.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": self.output_initializer
            and keras.initializers.serialize(self.output_initializer),
            "seed": self.seed,
            "adapters": adapters,
        }
