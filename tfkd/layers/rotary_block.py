"""A block of a decoder with rotary positions: attention and a gated feed-forward network."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.attention import Cache
from tfkd.layers.dropout import Dropout
from tfkd.layers.gated_feed_forward import GatedFeedForward
from tfkd.layers.grouped_attention import GroupedAttention
from tfkd.layers.initializers import derive_seed
from tfkd.layers.rms_norm import RmsNorm
from tfkd.layers.rotary import Angles


@keras.saving.register_keras_serializable(package="tfkd")
class RotaryBlock(keras.layers.Layer):
    """x + s(attention(n(x))), then y + s(feed_forward(n(y))).

    n is an `RmsNorm` of its own each time; s is dropout, of another such norm where `norms` is
    "around".

    Args:
        width: Size of the states.
        norm_epsilon: Of all norms.
        norms: "before" the sub-layers, or "around": behind them, too.
        dropout: Rate on the sub-layers.
        attention: Arguments of `GroupedAttention`.
        feed_forward: Arguments of `GatedFeedForward`.
        kernel_initializer: Keras initializer of the matrices.
        seed: Seed of the weights.
    """

    def __init__(
        self,
        width: int,
        *,
        norm_epsilon: float,
        norms: str = "before",
        dropout: float = 0.0,
        attention: Mapping[str, Any],
        feed_forward: Mapping[str, Any],
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "width": width,
            "norm_epsilon": norm_epsilon,
            "norms": norms,
            "dropout": dropout,
            "attention": dict(attention),
            "feed_forward": dict(feed_forward),
            "seed": seed,
        }
        self.width = width
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        shared = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        self.self_attention = GroupedAttention(
            width, **attention, **shared, seed=derive_seed(seed, "self_attention"),
            name="self_attention",
        )  # fmt: skip
        self.feed_forward = GatedFeedForward(
            width, **feed_forward, **shared, seed=derive_seed(seed, "feed_forward"),
            name="feed_forward",
        )  # fmt: skip
        names = ["self_attention_norm", "feed_forward_norm"]
        if norms == "around":
            names += ["self_attention_out_norm", "feed_forward_out_norm"]
        for name in names:
            setattr(self, name, RmsNorm(norm_epsilon, dtype=self.dtype_policy, name=name))
        self._norms = [getattr(self, name) for name in names]
        self.self_attention_dropout, self.feed_forward_dropout = (
            Dropout(dropout, dtype=self.dtype_policy, name=f"{name}_dropout")
            for name in ("self_attention", "feed_forward")
        )

    def build(self, input_shape: Any) -> None:
        for layer in (self.self_attention, self.feed_forward, *self._norms):
            layer.build((None, None, self.width))
        self.self_attention_dropout.build()
        self.feed_forward_dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor,
        angles: Angles | None = None,
        cache: Cache | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Cache | None]:
        """Maps `[batch, length, width]` to the same shape; see `GroupedAttention.call`."""
        around = len(self._norms) > 2
        attended, cache = self.self_attention(
            self.self_attention_norm(hidden),
            penalty,
            angles=angles,
            cache=cache,
            training=training,
        )
        if around:
            attended = self.self_attention_out_norm(attended)
        hidden = self.self_attention_dropout(attended, residual=hidden, training=training)
        made = self.feed_forward(self.feed_forward_norm(hidden), training=training)
        if around:
            made = self.feed_forward_out_norm(made)
        return self.feed_forward_dropout(made, residual=hidden, training=training), cache

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **self._options, "kernel_initializer": initializer}
