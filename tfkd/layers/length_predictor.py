"""The length of an output, from its source: a token in front of it, and a table of lengths."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import Blocks
from tfkd.layers.portable import is_portable
from tfkd.layers.quantization import Product

# Class 0 is no length: the row stands for [LENGTH] itself.
_IMPOSSIBLE = -1e9


@keras.saving.register_keras_serializable(package="tfkd")
class LengthPredictor(Product, keras.layers.Layer):
    """log p(L | x) = log softmax(E s)_L, with s the encoder's state at [LENGTH] and E a table.

    Row 0 of the table is [LENGTH] itself: it goes in front of the embedded source, without a
    position or a normalization; its state is cut off before anything attends to the source.

    Args:
        lengths: Rows of the table: lengths 1 to `lengths` - 1 can be predicted.
        width: Size of the encoder's states.
        seed: Seed of the table, which starts as N(0, 0.02).

    Reference: Ghazvininejad et al. 2019, Mask-Predict, section 3.3; P3, section 3.3.
    """

    def __init__(self, lengths: int, width: int, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if lengths < 2:
            raise ValueError(
                "Invalid value for argument `lengths`. Expected 2 or more, since row 0 is no "
                f"length. Received: lengths={lengths}"
            )
        self.lengths = lengths
        self.width = width
        self.seed = seed

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: logits of lengths."""
        return (None, self.lengths)

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            (self.lengths, self.width),
            initializer=Blocks(keras.initializers.RandomNormal(stddev=0.02), seed=self.seed),
            name="table",
            autocast=False,
        )

    def prepend(self, embedded: tf.Tensor) -> tf.Tensor:
        """Puts [LENGTH] in front: `[batch, length, width]` to `[batch, 1 + length, width]`."""
        row = tf.cast(tf.convert_to_tensor(self.table)[:1], embedded.dtype)
        if is_portable():
            return tf.concat([row[None] + tf.zeros_like(embedded[:, :1]), embedded], axis=1)
        first = tf.tile(row[None], [tf.shape(embedded)[0], 1, 1])
        return tf.concat([first, embedded], axis=1)

    def call(self, state: tf.Tensor) -> tf.Tensor:
        """Logits float32 `[batch, lengths]` of the states `[batch, width]` at [LENGTH]."""
        table = tf.cast(self.operand(self.table), self.compute_dtype)
        state = self.operand(tf.cast(state, self.compute_dtype))
        logits = tf.cast(tf.matmul(state, table, transpose_b=True), tf.float32)
        if is_portable():
            none = tf.zeros_like(logits[:, :1]) + _IMPOSSIBLE
            return tf.concat([none, logits[:, 1:]], axis=1)
        return tf.concat([tf.fill([tf.shape(logits)[0], 1], _IMPOSSIBLE), logits[:, 1:]], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "lengths": self.lengths,
            "width": self.width,
            "seed": self.seed,
        }
