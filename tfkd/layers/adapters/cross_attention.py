"""The cross-attention adapter: what makes a frozen BERT read a source."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.attention import CrossAttention
from tfkd.layers.dropout import Dropout
from tfkd.layers.feed_forward import FeedForward
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm


def _dense_initializer() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02)


def _attention_initializer() -> keras.initializers.Initializer:
    """Xavier's of query, key and value as one matrix [3d, d]: U(-a, a), a = sqrt(6 / 4d)."""
    return keras.initializers.VarianceScaling(scale=0.5, mode="fan_avg", distribution="uniform")


@keras.saving.register_keras_serializable(package="tfkd")
class CrossAttentionAdapter(keras.layers.Layer):
    """a = LN(h + dropout(attention(h, memory))), then LN(a + dropout(FF(a))) with a feed-forward.

    P3 has the attention alone; its official code adds the feed-forward network.

    Args:
        heads: Attention heads; they divide the width of the block.
        feed_forward: Inner size of the feed-forward network (relu); None: no such network.
        dropout: Rate on both outputs. It stays on where a frozen block's is turned off.
        attention_dropout: Rate on the attention weights.
        norm_epsilon: Epsilon of the normalizations.
        memory_width: Size of the memory's vectors; None: the block's width.
        memory: The memory's name, see `tfkd.layers.hooks`.
        seed: Seed of the weights.

    Reference: P3, Incorporating BERT into Parallel Sequence Decoding with Adapters, equation 6.
    """

    def __init__(
        self,
        heads: int,
        *,
        feed_forward: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        norm_epsilon: float = 1e-5,
        memory_width: int | None = None,
        memory: str = "encoder",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "heads": heads,
            "feed_forward": feed_forward,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "norm_epsilon": norm_epsilon,
            "memory_width": memory_width,
            "memory": memory,
            "seed": seed,
        }
        self.memory = memory
        self.parts = ["attention"] if feed_forward is None else ["attention", "feed_forward"]
        for part in self.parts:
            norm = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name=f"{part}_norm")
            setattr(self, f"{part}_norm", norm)
            drop = Dropout(dropout, dtype=self.dtype_policy, name=f"{part}_dropout")
            setattr(self, f"{part}_dropout", drop)

    def build(self, input_shape: Any) -> None:
        width, options = input_shape[-1], self._options
        self.attention = CrossAttention(
            width,
            options["heads"],
            memory_width=options["memory_width"],
            dropout=options["attention_dropout"],
            kernel_initializer=_attention_initializer(),
            output_initializer=_dense_initializer(),
            seed=derive_seed(options["seed"], "attention"),
            dtype=self.dtype_policy,
            name="attention",
        )
        if "feed_forward" in self.parts:
            self.feed_forward = FeedForward(
                width,
                options["feed_forward"],
                activation="relu",
                kernel_initializer=_dense_initializer(),
                seed=derive_seed(options["seed"], "feed_forward"),
                dtype=self.dtype_policy,
                name="feed_forward",
            )
        for part in self.parts:
            getattr(self, part).build(input_shape)
            getattr(self, f"{part}_norm").build(input_shape)
            getattr(self, f"{part}_dropout").build()

    def call(
        self,
        hidden: tf.Tensor,
        memories: dict[str, Any],
        *,
        branch: tf.Tensor | None = None,
        cache: Any = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Any]:
        """Maps `[batch, length, width]` to the same shape; see `tfkd.layers.hooks`."""
        states = hidden if branch is None else branch
        attended, cache = self.attention(
            states, memories[self.memory], cache=cache, training=training
        )
        states = self._joined("attention", states, attended, training)
        if "feed_forward" in self.parts:
            inner = self.feed_forward(states, training=training)
            states = self._joined("feed_forward", states, inner, training)
        return states, cache

    def _joined(
        self, part: str, residual: tf.Tensor, branch: tf.Tensor, training: bool
    ) -> tf.Tensor:
        joined = getattr(self, f"{part}_dropout")(branch, residual=residual, training=training)
        return getattr(self, f"{part}_norm")(joined)

    def start(self, memories: dict[str, Any]) -> dict[str, tf.Tensor]:
        """Projects the memory to keys and values, once for all steps or passes of a decoding."""
        return self.attention.start(memories[self.memory])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
