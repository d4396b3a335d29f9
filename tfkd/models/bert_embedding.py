"""BERT's embedding of tokens, types and positions."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dense import Dense
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
    """dropout(LN(token + type + position)), times a matrix where the blocks are of another width.

    A table of one type has its row added to every token, whatever `types` a record has: models
    without segments read pairs, too.
    """

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
        projected: int | None = None,
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
            "projected": projected,
        }
        self.one_type = types == 1

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
        self.projection = None
        if projected is not None:
            self.projection = Dense(
                projected,
                kernel_initializer=bert_initializer(initializer_range),
                seed=derive_seed(seed, "projection"),
                dtype=self.dtype_policy,
                name="projection",
            )

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self._options["projected"] or self.tokens.width)

    def build(self, input_shape: Any = None) -> None:
        self.tokens.build()
        self.types.build()
        self.positions.build()
        self.norm.build((None, None, self.tokens.width))
        self.dropout.build()
        if self.projection is not None:
            self.projection.build((None, self.tokens.width))

    def call(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        ids = record["ids"]
        types = None if self.one_type else record.get("types")
        hidden = self.tokens(ids) + self.types(tf.zeros_like(ids) if types is None else types)
        hidden = self.positions(hidden, record.get("positions"))
        hidden = self.dropout(self.norm(hidden), training=training)
        return hidden if self.projection is None else self.projection(hidden)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
