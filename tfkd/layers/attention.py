"""Multi-head attention with fused projections and caches."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed
from tfkd.layers.shapes import leading_sizes

Cache = dict[str, tf.Tensor]


def split_heads(fused: tf.Tensor, blocks: int, heads: int) -> list[tf.Tensor]:
    """`[batch, length, blocks * width]` to `blocks` times `[batch, heads, length, size]`.

    One transpose for all of them; the blocks then are slices of it that TensorFlow does not copy.
    One position, as in a step of a search, needs none.
    """
    size = fused.shape[-1] // (blocks * heads)
    if fused.shape[1] == 1:
        return tf.unstack(tf.reshape(fused, [-1, blocks, heads, 1, size]), num=blocks, axis=1)
    parted = tf.reshape(fused, [*leading_sizes(fused, 2), blocks, heads, size])
    return tf.unstack(tf.transpose(parted, [2, 0, 3, 1, 4]), num=blocks)


def merge_heads(parted: tf.Tensor) -> tf.Tensor:
    """`[batch, heads, length, size]` to `[batch, length, heads * size]`."""
    width = parted.shape[1] * parted.shape[3]
    if parted.shape[2] == 1:
        return tf.reshape(parted, [-1, 1, width])
    joined = tf.transpose(parted, [0, 2, 1, 3])
    return tf.reshape(joined, [*leading_sizes(joined, 2), width])


class _Attention(keras.layers.Layer):
    """What self-attention and cross-attention share: options, the output, and the sum itself."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        output_initializer: Any = None,
        seed: int | None = None,
        adapters: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if width % heads:
            raise ValueError(
                "Invalid value for argument `heads`. Expected a divisor of `width`. "
                f"Received: heads={heads}, width={width}"
            )
        self.width = width
        self.heads = heads
        self.rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)
        self.seed = seed
        adapters = adapters or {}
        self._given_adapters = sorted(adapters)
        for name, blocks in self._projections.items():
            own = self.output_initializer if name == "output_projection" else None
            projection = Dense(
                blocks * width,
                blocks=blocks,
                kernel_initializer=own or self.kernel_initializer,
                seed=derive_seed(seed, name),
                adapter=adapters.get(name),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, projection)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    _projections: dict[str, int] = {}  # noqa: RUF012
    # Whether `shown` has the weights of the last call, float32 `[batch, heads, queries, keys]`.
    shows = False
    shown: Any = None

    def attend(
        self,
        query: tf.Tensor,
        key: tf.Tensor,
        value: tf.Tensor,
        penalty: tf.Tensor | None,
        training: bool,
    ) -> tf.Tensor:
        """softmax(q k^T / sqrt(size) - penalty) v, heads merged: `[batch, queries, width]`.

        The soft-max is float32: it costs no more, and bfloat16 would lose a third digit.
        """
        size = query.shape[-1]
        logits = tf.matmul(query * tf.cast(size**-0.5, query.dtype), key, transpose_b=True)
        if penalty is not None:
            # Never an addition: see tfkd.layers.masks.
            logits -= tf.cast(penalty, logits.dtype)
        weights = tf.nn.softmax(tf.cast(logits, tf.float32))
        if self.shows:
            object.__setattr__(self, "shown", weights)  # no state of the layer
        weights = self.dropout(tf.cast(weights, query.dtype), training=training)
        return merge_heads(tf.matmul(weights, value))

    def get_config(self) -> dict[str, Any]:
        adapters = {n: getattr(self, n).get_config()["adapter"] for n in self._given_adapters}
        return {
            **super().get_config(),
            "width": self.width,
            "heads": self.heads,
            "dropout": self.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": self.output_initializer
            and keras.initializers.serialize(self.output_initializer),
            "seed": self.seed,
            "adapters": adapters,
        }


@keras.saving.register_keras_serializable(package="tfkd")
class SelfAttention(_Attention):
    """Attention of a sequence to itself; query, key and value come from one product.

    Args:
        width: Size of the input and the output.
        heads: Number of heads; divides `width`.
        dropout: Rate on the attention weights.
        kernel_initializer: Keras initializer of each `[width, width]` matrix.
        output_initializer: Of the output's matrix; None: `kernel_initializer`.
        seed: Seed of the weights.
        adapters: Layers on the projections, by name: `query_key_value`, `output_projection`.

    Reference: Vaswani et al. 2017, Attention Is All You Need, section 3.2.
    """

    _projections = {"query_key_value": 3, "output_projection": 1}  # noqa: RUF012

    def build(self, input_shape: Any) -> None:
        self.query_key_value.build(input_shape)
        self.output_projection.build((*input_shape[:-1], self.width))
        self.dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor | None = None,
        memories: dict[str, Any] | None = None,
        cache: Cache | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Cache | None]:
        """Attends.

        Args:
            hidden: `[batch, length, width]`.
            penalty: Broadcast to `[batch, heads, length, keys]` (see `tfkd.layers.masks`).
            memories: Handed on to adapters on the projections.
            cache: Keys and values of earlier steps, `[batch, heads, steps, size]` each; those of
                `hidden` are joined to them. None: no cache.

        Returns:
            `[batch, length, width]` and the new cache (None without one).
        """
        fused = self.query_key_value(hidden, memories, training=training)
        query, key, value = split_heads(fused, 3, self.heads)
        if cache is not None:
            key = tf.concat([cache["key"], key], axis=2)
            value = tf.concat([cache["value"], value], axis=2)
            cache = {"key": key, "value": value}
        attended = self.attend(query, key, value, penalty, training)
        return self.output_projection(attended, memories, training=training), cache

    def start(self, batch: int | tf.Tensor) -> Cache:
        """Returns an empty cache, its time axis statically unknown so that loops may grow it."""
        steps = tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])
        empty = tf.zeros([batch, self.heads, steps, self.width // self.heads], self.compute_dtype)
        return {"key": empty, "value": empty}


@keras.saving.register_keras_serializable(package="tfkd")
class CrossAttention(_Attention):
    """Attention of a sequence to a memory; key and value come from one product.

    Args: as `SelfAttention`; the projections are `query`, `key_value` and `output_projection`.
        memory_width: Size of the memory's vectors; None: `width`.
    """

    _projections = {"query": 1, "key_value": 2, "output_projection": 1}  # noqa: RUF012

    def __init__(self, width: int, heads: int, *, memory_width: int | None = None, **kwargs: Any):
        super().__init__(width, heads, **kwargs)
        self.memory_width = memory_width or width

    def build(self, input_shape: Any) -> None:
        self.query.build(input_shape)
        self.key_value.build((*input_shape[:-1], self.memory_width))
        self.output_projection.build((*input_shape[:-1], self.width))
        self.dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        memory: dict[str, tf.Tensor],
        memories: dict[str, Any] | None = None,
        cache: Cache | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Cache | None]:
        """Attends to `memory["hidden"]` `[batch, keys, memory_width]` under `memory["mask"]`.

        With a cache from `start` the memory's keys and values are read there, not computed.
        """
        (query,) = split_heads(self.query(hidden, memories, training=training), 1, self.heads)
        read = self.start(memory, memories, training) if cache is None else cache
        attended = self.attend(query, read["key"], read["value"], memory["mask"], training)
        return self.output_projection(attended, memories, training=training), cache

    def start(
        self,
        memory: dict[str, tf.Tensor],
        memories: dict[str, Any] | None = None,
        training: bool = False,
    ) -> Cache:
        """Projects a memory to keys and values, once for all steps of a decoding."""
        fused = self.key_value(memory["hidden"], memories, training=training)
        key, value = split_heads(fused, 2, self.heads)
        return {"key": key, "value": value}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "memory_width": self.memory_width}
