"""Attention to a frozen BERT beside a block's own attention, averaged with it."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.attention import CrossAttention
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed


@keras.saving.register_keras_serializable(package="tfkd")
class BertFusion(keras.layers.Layer):
    """(own + attention(h, BERT)) / 2, beside the self-attention of an encoder's block or the
    cross-attention of a decoder's.

    In training the drop-net takes one of the two alone: with u drawn from U(0, 1) for each
    sentence, own where u < drop_net / 2, BERT's where u >= 1 - drop_net / 2, their mean between.

    Args:
        heads: Attention heads; they divide the width of the block.
        memory_width: Size of BERT's vectors.
        drop_net: Probability that one of the two stands alone, 0 to 1.
        dropout: Rate on the attention weights.
        memory: The memory's name, see `tfkd.layers.hooks`.
        seed: Seed of the weights.

    Reference: Zhu et al. 2020, Incorporating BERT into Neural Machine Translation, section 4.
    """

    def __init__(
        self,
        heads: int,
        *,
        memory_width: int | None = None,
        drop_net: float = 1.0,
        dropout: float = 0.0,
        memory: str = "bert",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= drop_net <= 1:
            raise ValueError(
                "Invalid value for argument `drop_net`. Expected 0 to 1. "
                f"Received: drop_net={drop_net}"
            )
        self._options = {
            "heads": heads,
            "memory_width": memory_width,
            "drop_net": float(drop_net),
            "dropout": dropout,
            "memory": memory,
            "seed": seed,
        }
        self.memory = memory
        self.drop_net = float(drop_net)
        # It draws nothing by rate; it lends its place, which keys the draw of each sentence.
        self.choice = Dropout(0.0, dtype=self.dtype_policy, name="drop_net")

    def build(self, input_shape: Any) -> None:
        options = self._options
        self.attention = CrossAttention(
            input_shape[-1],
            options["heads"],
            memory_width=options["memory_width"],
            dropout=options["dropout"],
            seed=derive_seed(options["seed"], "attention"),
            dtype=self.dtype_policy,
            name="attention",
        )
        self.attention.build(input_shape)
        self.choice.build()

    def call(
        self,
        hidden: tf.Tensor,
        memories: dict[str, Any],
        *,
        branch: tf.Tensor | None = None,
        cache: Any = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Any]:
        """Mixes `branch` `[batch, length, width]` with the attention; see `tfkd.layers.hooks`."""
        fused, cache = self.attention(hidden, memories[self.memory], cache=cache, training=training)
        if branch is None:
            return fused, cache
        share = 0.5
        if training and self.drop_net > 0:
            drawn = self.choice.uniform([tf.shape(hidden)[0], 1, 1])
            half = self.drop_net / 2
            share = tf.where(drawn < half, 1.0, tf.where(drawn >= 1 - half, 0.0, 0.5))
        share = tf.cast(share, branch.dtype)
        return share * branch + (1 - share) * fused, cache

    def start(self, memories: dict[str, Any]) -> dict[str, tf.Tensor]:
        """Projects the memory to keys and values, once for all steps or passes of a decoding."""
        return self.attention.start(memories[self.memory])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
