"""Vectors that tell positions apart: sinusoidal or learned."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import Blocks
from tfkd.layers.portable import is_portable, places_of


def sinusoidal(positions: tf.Tensor, width: int) -> tf.Tensor:
    """sin(p / 10000^(2i / width)) in the first half, the cosines in the second.

    Args:
        positions: int `[...]`.
        width: Even size of the vectors.

    Returns:
        float32 `[..., width]`.

    Reference: Vaswani et al. 2017, Attention Is All You Need, section 3.5 (there sines and cosines
    alternate; tensor2tensor, its code, has them in halves).
    """
    half = width // 2
    rates = 10000.0 ** (-tf.range(half, dtype=tf.float32) / half)
    angles = tf.cast(positions, tf.float32)[..., None] * rates
    return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)


@keras.saving.register_keras_serializable(package="tfkd")
class Positions(keras.layers.Layer):
    """Adds a vector of each position to the embedded tokens.

    Args:
        kind: "sinusoidal" (no weights, no limit) or "learned".
        width: Size of the vectors; even if sinusoidal.
        max_length: Rows of the learned table: positions beyond it are an error of the lookup.
        initializer: Keras initializer of the learned table.
        seed: Seed of the learned table.
    """

    multiplies = False  # its table is added; see tfkd.layers.quantization

    def __init__(
        self,
        kind: str,
        width: int,
        *,
        max_length: int = 512,
        initializer: Any = "random_normal",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if kind not in ("sinusoidal", "learned"):
            raise ValueError(
                "Invalid value for argument `kind`. Expected 'sinusoidal' or 'learned'. "
                f"Received: kind={kind!r}"
            )
        if kind == "sinusoidal" and width % 2:
            raise ValueError(
                "Invalid value for argument `width`. Expected an even number with sinusoidal "
                f"positions. Received: width={width}"
            )
        self.kind = kind
        self.width = width
        self.max_length = max_length
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    def build(self, input_shape: Any = None) -> None:
        if self.kind == "learned":
            self.table = self.add_weight(
                (self.max_length, self.width),
                initializer=Blocks(self.initializer, seed=self.seed),
                name="table",
                autocast=False,
            )

    def call(self, inputs: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """Adds positions 0, 1, ... or those given.

        Args:
            inputs: `[batch, length, width]`.
            positions: int32 `[length]` or `[batch, length]`; None: counted from 0.
        """
        if positions is None and is_portable():
            positions = places_of(inputs[..., 0])
        if self.kind == "sinusoidal":
            places = tf.range(tf.shape(inputs)[1]) if positions is None else positions
            vectors = sinusoidal(places, self.width)
        elif positions is None:
            vectors = tf.convert_to_tensor(self.table)[: tf.shape(inputs)[1]]
        else:
            vectors = tf.gather(self.table, positions)
        return inputs + tf.cast(vectors, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kind": self.kind,
            "width": self.width,
            "max_length": self.max_length,
            "initializer": keras.initializers.serialize(self.initializer),
            "seed": self.seed,
        }
