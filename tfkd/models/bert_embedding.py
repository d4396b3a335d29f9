"""BERT's embedding of tokens, types and positions."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm
from tfkd.layers.positions import Positions


def bert_initializer(std: float = 0.02) -> keras.initializers.Initializer:
    """Returns BERT's truncated normal, of standard deviation 0.02 unless another is given."""
    return keras.initializers.TruncatedNormal(stddev=std)


@keras.saving.register_keras_serializable(package="tfkd")
class BertEmbedding(keras.layers.Layer):
    """dropout(LN(token + type + position))."""

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        max_length: int,
        types: int,
        dropout: float,
        norm_epsilon: float,
        initializer_range: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "width": width,
            "max_length": max_length,
            "types": types,
            "dropout": dropout,
            "norm_epsilon": norm_epsilon,
            "initializer_range": initializer_range,
            "seed": seed,
        }

        def shared(name: str) -> dict[str, Any]:
            return {
                "initializer": bert_initializer(initializer_range),
                "seed": derive_seed(seed, name),
                "dtype": self.dtype_policy,
                "name": name,
            }

        self.tokens = Embedding(vocabulary_size, width, **shared("tokens"))
        self.types = Embedding(types, width, **shared("types"))
        self.positions = Positions("learned", width, max_length=max_length, **shared("positions"))
        self.norm = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name="norm")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.tokens.width)

    def build(self, input_shape: Any = None) -> None:
        self.tokens.build()
        self.types.build()
        self.positions.build()
        self.norm.build((None, None, self.tokens.width))
        self.dropout.build()

    def call(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        ids = record["ids"]
        types = record.get("types")
        hidden = self.tokens(ids) + self.types(tf.zeros_like(ids) if types is None else types)
        hidden = self.positions(hidden, record.get("positions"))
        return self.dropout(self.norm(hidden), training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
