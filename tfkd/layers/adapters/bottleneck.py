"""The bottleneck adapter: two small products beside what a frozen block has computed."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.activations import activate
from tfkd.layers.activations import activation as find_activation
from tfkd.layers.dense import Dense
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm


@keras.saving.register_keras_serializable(package="tfkd")
class BottleneckAdapter(keras.layers.Layer):
    """h + W2 activation(W1 LN(h)), without biases; after a block or beside a sub-layer.

    Beside a sub-layer, h is what the sub-layer computed.

    Args:
        width: Inner size (512 for IWSLT and 2048 for WMT in P3).
        activation: See `tfkd.layers.activation`.
        norm_epsilon: Epsilon of the normalization.
        kernel_initializer: Keras initializer of W1 and W2. Not zeros: a W2 of zeros starts from the
            block as it is, but P3 starts from xavier.
        seed: Seed of the weights.

    Reference: P3, Incorporating BERT into Parallel Sequence Decoding with Adapters, equation 4;
    Bapna and Firat 2019, Simple, Scalable Adaptation for Neural Machine Translation.
    """

    def __init__(
        self,
        width: int,
        *,
        activation: str = "relu",
        norm_epsilon: float = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if width < 1:
            raise ValueError(
                f"Invalid value for argument `width`. Expected 1 or more. Received: width={width}"
            )
        find_activation(activation)  # refuses unknown names
        self.width = width
        self.activation = activation
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.norm = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name="norm")

    def build(self, input_shape: Any) -> None:
        outer = input_shape[-1]
        self.norm.build(input_shape)
        for name, units in (("inner", self.width), ("outer", outer)):
            projection = Dense(
                units,
                use_bias=False,
                kernel_initializer=self.kernel_initializer,
                seed=derive_seed(self.seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, projection)
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.width))

    def call(
        self,
        hidden: tf.Tensor,
        memories: dict[str, Any] | None = None,
        *,
        branch: tf.Tensor | None = None,
        cache: Any = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Maps `[batch, length, width]` to the same shape; see `tfkd.layers.hooks`."""
        del memories, cache
        states = hidden if branch is None else branch
        inner = activate(self.inner(self.norm(states)), self.activation, None)
        return states + self.outer(inner, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "activation": self.activation,
            "norm_epsilon": self.norm.epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
        }
