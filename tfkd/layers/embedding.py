"""A table of vectors by id."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import Blocks
from tfkd.layers.quantization import Product


@keras.saving.register_keras_serializable(package="tfkd")
class Embedding(Product, keras.layers.Layer):
    """Looks up rows of a table, times a factor.

    Rows are read from the float32 table and cast afterwards, so that the gradient of repeated ids
    is summed in float32 under every policy.

    Args:
        size: Number of rows (ids).
        width: Size of a vector.
        factor: Multiplies what is looked up (sqrt(width) in Vaswani et al.), not the table.
        initializer: Keras initializer of the table.
        seed: Seed of the table.
    """

    def __init__(
        self,
        size: int,
        width: int,
        *,
        factor: float = 1.0,
        initializer: Any = "random_normal",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = size
        self.width = width
        self.factor = float(factor)
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            (self.size, self.width),
            initializer=Blocks(self.initializer, seed=self.seed),
            name="table",
            autocast=False,
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Maps int `[...]` to `[..., width]` of the compute type."""
        rows = self.operand(tf.gather(self.table, ids))
        if self.factor != 1:
            rows *= self.factor
        return tf.cast(rows, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "width": self.width,
            "factor": self.factor,
            "initializer": keras.initializers.serialize(self.initializer),
            "seed": self.seed,
        }
