"""A Transformer decoder by itself: what reads the states of an encoder of another kind."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.positions import Positions
from tfkd.layers.stack import Stack
from tfkd.models.heads import VocabularyHead


@keras.saving.register_keras_serializable(package="tfkd")
class TransformerDecoder(keras.layers.Layer):
    """Embedding, blocks with cross-attention to the memory "encoder", and a tied head.

    Args:
        vocabulary_size: Number of target ids.
        layers: Number of blocks.
        width: Size of the hidden vectors.
        heads: Attention heads of each block.
        memory_width: Size of the encoder's states; None: `width`.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        dropout: Rate on the embedding and sub-layers.
        attention_dropout: Rate on attention weights; None: `dropout`.
        activation: "relu", "gelu" or "gelu_tanh".
        norm: "post" or "pre".
        norm_epsilon: Epsilon of all normalizations.
        positions: "sinusoidal" or "learned".
        max_length: Positions that learned tables have.
        output_bias: Whether the output has a bias.
        adapters: `{"layer_N": {place: layer}}`, see `tfkd.layers.hooks`.
        seed: Seed of all weights.

    Reference: Vaswani et al. 2017, Attention Is All You Need, section 3.1.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        width: int,
        heads: int,
        memory_width: int | None = None,
        feed_forward: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        activation: str = "relu",
        norm: str = "post",
        norm_epsilon: float = 1e-6,
        positions: str = "sinusoidal",
        max_length: int = 512,
        output_bias: bool = True,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        seed: int | None = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "layers": layers,
            "width": width,
            "heads": heads,
            "memory_width": memory_width,
            "feed_forward": feed_forward,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation": activation,
            "norm": norm,
            "norm_epsilon": norm_epsilon,
            "positions": positions,
            "max_length": max_length,
            "output_bias": output_bias,
            "seed": seed,
        }
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.max_length = max_length
        table = keras.initializers.RandomNormal(stddev=width**-0.5)
        self.tokens = Embedding(
            vocabulary_size,
            width,
            factor=width**0.5,
            initializer=table,
            seed=derive_seed(seed, "embedding"),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.positions = Positions(
            positions,
            width,
            max_length=max_length,
            initializer=table,
            seed=derive_seed(seed, "positions"),
            dtype=self.dtype_policy,
            name="positions",
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.stack = Stack(
            layers,
            width,
            heads,
            norm=norm,
            norm_epsilon=norm_epsilon,
            adapters={key: dict(value) for key, value in (adapters or {}).items()},
            seed=derive_seed(seed, "stack"),
            options={
                "feed_forward": feed_forward,
                "activation": activation,
                "dropout": dropout,
                "attention_dropout": attention_dropout,
                "cross_attention": True,
                "memory_width": memory_width,
            },
            dtype=self.dtype_policy,
            name="stack",
        )
        tokens = self.tokens
        self.head = VocabularyHead(
            vocabulary_size,
            width,
            tied_matrix=lambda: tokens.table,
            use_bias=output_bias,
            seed=derive_seed(seed, "head"),
            dtype=self.dtype_policy,
            name="head",
        )

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    def build(self, input_shape: Any = None) -> None:
        self.tokens.build()
        self.positions.build()
        self.dropout.build()
        self.stack.build((None, None, self.width))
        self.head.build()

    def embed(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """dropout(sqrt(width) * token + position): `[batch, length, width]`."""
        hidden = self.positions(self.tokens(record["ids"]), record.get("positions"))
        return self.dropout(hidden, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options, "adapters": self.stack.stored_adapters}
