"""What attention adds by how far a key is from its query."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfkd.layers.initializers import Blocks


def distance_buckets(buckets: int, max_distance: int) -> np.ndarray:
    """The bucket of each distance 0 ... max_distance, int32: half of the buckets have one distance
    each, the others ever more, by its logarithm; the last one has all that is further.

    Args:
        buckets: Their number.
        max_distance: From where on all distances are one.

    Reference: Raffel et al. 2020 (T5), section 2.1.
    """
    exact = buckets // 2
    distance = np.arange(max_distance + 1)
    # In float32, as published models have it: where a bucket begins hangs on its rounding.
    shares = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact))
    shares /= np.float32(math.log(max_distance / exact))
    further = exact + (shares * np.float32(buckets - exact)).astype(np.int32)
    found = np.where(distance < exact, distance, np.minimum(further, buckets - 1))
    return found.astype(np.int32)


@keras.saving.register_keras_serializable(package="tfkd")
class RelativeBias(keras.layers.Layer):
    """A number for each head and bucket of distances, added to the logits of all layers.

    Args:
        heads: Attention heads.
        buckets: Rows of its table; of two directions half of them each.
        max_distance: See `distance_buckets`.
        both_sides: Whether later keys have buckets of their own; else they are as distant as 0.
        seed: Seed of the table.
    """

    multiplies = False  # its table is added; see tfkd.layers.quantization

    def __init__(
        self,
        heads: int,
        *,
        buckets: int = 32,
        max_distance: int = 128,
        both_sides: bool = True,
        initializer: Any = "random_normal",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.buckets = buckets
        self.max_distance = max_distance
        self.both_sides = both_sides
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed
        self._of_distance = distance_buckets(buckets // (1 + both_sides), max_distance)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[1, heads, queries, keys]`."""
        return (1, self.heads, None, None)

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            (self.buckets, self.heads),
            initializer=Blocks(self.initializer, seed=self.seed),
            name="table",
            autocast=False,
        )

    def call(self, queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """`[1, heads, queries, keys]`, of the compute type.

        Args:
            queries: Positions of the queries, int32 `[queries]`.
            keys: Positions of the keys, int32 `[keys]`.
        """
        after = keys[None, :] - queries[:, None]
        distance = tf.abs(after) if self.both_sides else tf.maximum(-after, 0)
        bucket = tf.gather(self._of_distance, tf.minimum(distance, self.max_distance))
        if self.both_sides:
            bucket += tf.cast(after > 0, tf.int32) * (self.buckets // 2)
        values = tf.gather(tf.convert_to_tensor(self.table), bucket)
        return tf.cast(tf.transpose(values, [2, 0, 1])[None], self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "buckets": self.buckets,
            "max_distance": self.max_distance,
            "both_sides": self.both_sides,
            "initializer": keras.initializers.serialize(self.initializer),
            "seed": self.seed,
        }
