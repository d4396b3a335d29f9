"""Embeddings of tokens alone, where positions come with attention."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed


@keras.saving.register_keras_serializable(package="tfkd")
class TokenEmbedding(keras.layers.Layer):
    """Tokens alone, times a factor: positions come with attention."""

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        factor: float,
        initializer: Any,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "width": width,
            "factor": factor,
            "initializer": initializer,
            "seed": seed,
        }
        self.tokens = Embedding(
            vocabulary_size,
            width,
            factor=factor,
            initializer=initializer,
            seed=derive_seed(seed, "tokens"),
            dtype=self.dtype_policy,
            name="tokens",
        )

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.tokens.width)

    def build(self, input_shape: Any = None) -> None:
        self.tokens.build()

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        return self.tokens(ids)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
