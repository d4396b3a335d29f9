"""Causal self-attention with rotary positions, in which several queries share a key and a value."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.attention import Cache, merge_heads, split_heads
from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed
from tfkd.layers.rms_norm import RmsNorm
from tfkd.layers.rotary import Angles, rotated


@keras.saving.register_keras_serializable(package="tfkd")
class GroupedAttention(keras.layers.Layer):
    """softmax(cap(scale q k^T) - penalty) v, with `heads / key_value_heads` queries a key.

    cap(x) is c tanh(x / c), or x without one. Queries and keys are turned by rotary positions,
    after a norm of each where they have one.

    Args:
        width: Size of the input and the output.
        heads: Number of queries a token.
        key_value_heads: Number of keys and values a token; divides `heads`.
        head_width: Size of each.
        bias: Whether query, key and value have a bias.
        output_bias: Whether the output has one.
        norm_epsilon: Of a norm of each query and key; None: without.
        scale: Of the products; None: head_width^-0.5.
        cap: c; None: without.
        dropout: Rate on the attention weights.
        kernel_initializer: Keras initializer of the matrices.
        seed: Seed of the weights.

    Reference: Ainslie et al. 2023, GQA, section 2; Gemma Team 2024, Gemma 2, section 2 (cap).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_value_heads: int,
        head_width: int,
        *,
        bias: bool = False,
        output_bias: bool = False,
        norm_epsilon: float | None = None,
        scale: float | None = None,
        cap: float | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if heads % key_value_heads:
            raise ValueError(
                "Invalid value for argument `key_value_heads`. Expected a divisor of `heads`. "
                f"Received: key_value_heads={key_value_heads}, heads={heads}"
            )
        self.width, self.heads, self.key_value_heads = width, heads, key_value_heads
        self.head_width = head_width
        self.scale = head_width**-0.5 if scale is None else scale
        self.cap = cap
        self._options = {
            "width": width,
            "heads": heads,
            "key_value_heads": key_value_heads,
            "head_width": head_width,
            "bias": bias,
            "output_bias": output_bias,
            "norm_epsilon": norm_epsilon,
            "scale": scale,
            "cap": cap,
            "dropout": dropout,
            "seed": seed,
        }
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        def projection(name: str, units: int, with_bias: bool) -> Dense:
            return Dense(
                units,
                use_bias=with_bias,
                kernel_initializer=self.kernel_initializer,
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )

        self.query = projection("query", heads * head_width, bias)
        self.key_value = projection("key_value", 2 * key_value_heads * head_width, bias)
        self.output_projection = projection("output_projection", width, output_bias)
        self.query_norm = self.key_norm = None
        if norm_epsilon is not None:
            self.query_norm, self.key_norm = (
                RmsNorm(norm_epsilon, dtype=self.dtype_policy, name=name)
                for name in ("query_norm", "key_norm")
            )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Any) -> None:
        self.query.build(input_shape)
        self.key_value.build(input_shape)
        self.output_projection.build((None, None, self.heads * self.head_width))
        for norm in (self.query_norm, self.key_norm):
            if norm is not None:
                norm.build((None, self.head_width))
        self.dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor,
        angles: Angles | None = None,
        cache: Cache | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Cache | None]:
        """Attends.

        Args:
            hidden: `[batch, length, width]`.
            penalty: `[batch or 1, 1, length or 1, keys]`, see `tfkd.layers.masks`.
            angles: Of the positions, see `rotary_angles`; None: nothing is turned.
            cache: Keys and values of earlier steps, as turned; those of `hidden` are joined to
                them. None: no cache.

        Returns:
            `[batch, length, width]` and the new cache (None without one).
        """
        (query,) = split_heads(self.query(hidden), 1, self.heads)
        key, value = split_heads(self.key_value(hidden), 2, self.key_value_heads)
        if self.query_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        if angles is not None:
            query, key = rotated(query, angles), rotated(key, angles)
        if cache is not None:
            key = tf.concat([cache["key"], key], axis=2)
            value = tf.concat([cache["value"], value], axis=2)
            cache = {"key": key, "value": value}
        # All queries of a key are rows of one product.
        shape, groups = tf.shape(query), self.heads // self.key_value_heads
        rows = [shape[0], self.key_value_heads, groups * shape[2], self.head_width]
        query = tf.reshape(query * tf.cast(self.scale, query.dtype), rows)
        logits = tf.matmul(query, key, transpose_b=True)
        apart = [shape[0], self.key_value_heads, groups, shape[2], tf.shape(key)[2]]
        logits = tf.reshape(logits, apart)
        if self.cap is not None:
            logits = self.cap * tf.tanh(tf.cast(logits, tf.float32) / self.cap)
        logits -= tf.cast(penalty, logits.dtype)[:, :, None]
        weights = tf.nn.softmax(tf.cast(logits, tf.float32))
        weights = self.dropout(tf.cast(weights, value.dtype), training=training)
        weights = tf.reshape(weights, [*rows[:3], tf.shape(key)[2]])
        attended = tf.reshape(tf.matmul(weights, value), shape)
        attended = tf.ensure_shape(attended, [None, self.heads, None, self.head_width])
        return self.output_projection(merge_heads(attended)), cache

    def start(self, batch: int | tf.Tensor) -> Cache:
        """Returns an empty cache, its time axis statically unknown so that loops may grow it."""
        steps = tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])
        shape = [batch, self.key_value_heads, steps, self.head_width]
        empty = tf.zeros(shape, self.compute_dtype)
        return {"key": empty, "value": empty}

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **self._options, "kernel_initializer": initializer}
