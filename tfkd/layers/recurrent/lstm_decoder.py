"""A stack of LSTMs that writes a target, with attention to a source and input feeding."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dense import Dense, affine
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed
from tfkd.layers.masks import HIDDEN
from tfkd.layers.recurrent.attentive_scan import (
    Fed,
    Memory,
    Weights,
    attentive_scan,
    attentive_step,
)
from tfkd.layers.recurrent.lstm import Lstm, project
from tfkd.layers.recurrent.lstm_encoder import Last


@keras.saving.register_keras_serializable(package="tfkd")
class LstmDecoder(keras.layers.Layer):
    """Layers named layer_1, layer_2, ..., as `tfkd.layers.recurrent.attentive_scan` computes them.

    Args:
        layers: Number of layers.
        width: Size of the hidden vectors, of the tokens' and of the memory's.
        dropout: Rate on what a layer hands to the next, and on attentional vectors.
        seed: Seed of all weights.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        *,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        # Keras would cast cells and the penalty to the compute type.
        super().__init__(autocast=False, **kwargs)
        self.width = width
        self.rate = dropout
        self.seed = seed
        self.blocks = [
            Lstm(
                width,
                seed=derive_seed(seed, f"layer_{number}"),
                dtype=self.dtype_policy,
                name=f"layer_{number}",
            )
            for number in range(1, layers + 1)
        ]
        self.keys, self.combine = (
            Dense(
                width,
                use_bias=False,
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            for name in ("keys", "combine")
        )
        self.dropouts = [
            Dropout(dropout, dtype=self.dtype_policy, name=f"dropout_{number}")
            for number in range(1, layers + 1)
        ]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    def build(self, input_shape: Any = None) -> None:
        inputs = 2 * self.width  # a token and the attentional vector of the step before
        for block in self.blocks:
            block.build((None, None, inputs))
            inputs = self.width
        self.keys.build((None, None, self.width))
        self.combine.build((None, 2 * self.width))
        for dropout in self.dropouts:
            dropout.build()

    def attended(self, states: tf.Tensor, seen: tf.Tensor | None) -> Memory:
        """What a source's states are to the decoder.

        Args:
            states: `[rows, length, width]`.
            seen: bool `[rows, length]`; None: all.
        """
        if seen is None:
            seen = tf.ones(tf.shape(states)[:2], tf.bool)
        penalty = tf.where(seen, 0.0, HIDDEN)
        return Memory(states, self.keys(states), penalty)

    def first(self, last: list[Last]) -> Fed:
        """The state before the first token: each layer's is that of the encoder's layer."""
        feed = tf.zeros_like(last[0].hidden)
        return Fed([one.hidden for one in last], [one.cells for one in last], feed)

    def call(
        self, tokens: tf.Tensor, start: Fed, memory: Memory, training: bool = False
    ) -> tf.Tensor:
        """The attentional vectors of whole targets.

        Args:
            tokens: `[rows, time, width]`: embedded.
            start: From `first`.
            memory: From `attended`.
            training: Whether dropout is on.

        Returns:
            `[rows, time, width]`; what comes later changes nothing before it.
        """
        tokens = tf.transpose(tokens, [1, 0, 2])
        kernel, bias, weights = self._weights()
        masks = [self._factor(dropout, tokens, training) for dropout in self.dropouts]
        on = masks[-1] is not None
        vectors = attentive_scan(
            project(tokens, kernel, bias), start, memory, weights, masks[:-1] if on else [],
            masks[-1],
        )  # fmt: skip
        return tf.transpose(vectors, [1, 0, 2])

    def step(self, token: tf.Tensor, state: Fed, memory: Memory) -> Fed:
        """The state after one more token, `[rows, width]`; its `feed` is what a head reads."""
        kernel, bias, weights = self._weights()
        state, _ = attentive_step(affine(token, kernel, bias), state, memory, weights)
        return state

    def _weights(self) -> tuple[tf.Tensor, tf.Tensor, Weights]:
        """The first layer's rows of the token and its bias, and all else."""
        kernels, recurrent, biases = zip(*(block.matrices() for block in self.blocks), strict=True)
        token, feed = tf.split(kernels[0], 2)
        layers = [tf.concat(pair, 0) for pair in zip([feed, *kernels[1:]], recurrent, strict=True)]
        combine = tf.cast(self.combine.kernel, self.compute_dtype)
        return token, biases[0], Weights(layers, list(biases[1:]), combine)

    def _factor(self, dropout: Dropout, like: tf.Tensor, training: bool) -> tf.Tensor | None:
        mask = dropout.draw(like, training)
        return None if mask is None else tf.cast(mask.factor(), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": len(self.blocks),
            "width": self.width,
            "dropout": self.rate,
            "seed": self.seed,
        }
