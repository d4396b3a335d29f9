"""T5's block: attention without biases and without a scale, gated or plain feed-forward."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.activations import activation as find_activation
from tfkd.layers.attention import Cache, merge_heads, split_heads
from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed
from tfkd.layers.rms_norm import RmsNorm
from tfkd.layers.stack import Stack


def _normal(deviation: float) -> Any:
    return keras.initializers.RandomNormal(stddev=deviation)


@keras.saving.register_keras_serializable(package="tfkd")
class T5Attention(keras.layers.Layer):
    """softmax(q k^T - penalty) v: the scale stands in the weights, positions in the penalty.

    Args:
        width: Size of input and output.
        heads: Number of heads.
        size: Size of a head.
        dropout: Rate on the attention weights.
        seed: Seed of the weights.

    Reference: Raffel et al. 2020, Exploring the Limits of Transfer Learning, section 2.1.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        size: int,
        *,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.heads = heads
        self.size = size
        self.rate = dropout
        self.seed = seed
        inner = heads * size
        for name, units, blocks, deviation in (
            ("query", inner, 1, (width * size) ** -0.5),
            ("key_value", 2 * inner, 2, width**-0.5),
            ("output_projection", width, 1, inner**-0.5),
        ):
            projection = Dense(
                units,
                blocks=blocks,
                use_bias=False,
                kernel_initializer=_normal(deviation),
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, projection)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Any) -> None:
        self.query.build(input_shape)
        self.key_value.build(input_shape)
        self.output_projection.build((*input_shape[:-1], self.heads * self.size))
        self.dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor | None = None,
        cache: Cache | None = None,
        grows: bool = True,
        training: bool = False,
    ) -> tuple[tf.Tensor, Cache | None]:
        """Attends from `[batch, length, width]`.

        Args:
            hidden: What attends.
            penalty: See `tfkd.layers.masks`.
            cache: Keys and values; None: those of `hidden`.
            grows: Whether those of `hidden` are joined to it: a sequence's own.

        Returns:
            `[batch, length, width]` and the cache (None without one).
        """
        (query,) = split_heads(self.query(hidden), 1, self.heads)
        if cache is None:
            read = self.project(hidden)
        elif grows:
            new = self.project(hidden)
            read = cache = {name: tf.concat([cache[name], new[name]], 2) for name in new}
        else:
            read = cache
        logits = tf.matmul(query, read["key"], transpose_b=True)
        if penalty is not None:
            logits -= tf.cast(penalty, logits.dtype)
        weights = tf.cast(tf.nn.softmax(tf.cast(logits, tf.float32)), query.dtype)
        weights = self.dropout(weights, training=training)
        return self.output_projection(merge_heads(tf.matmul(weights, read["value"]))), cache

    def project(self, hidden: tf.Tensor) -> Cache:
        """Keys and values of states, `[batch, heads, length, size]` each."""
        key, value = split_heads(self.key_value(hidden), 2, self.heads)
        return {"key": key, "value": value}

    def start(self, batch: int | tf.Tensor) -> Cache:
        """An empty cache, its time axis statically unknown so that loops may grow it."""
        steps = tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])
        empty = tf.zeros([batch, self.heads, steps, self.size], self.compute_dtype)
        return {"key": empty, "value": empty}

    def get_config(self) -> dict[str, Any]:
        own = {"width": self.width, "heads": self.heads, "size": self.size}
        return {**super().get_config(), **own, "dropout": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="tfkd")
class T5Block(keras.layers.Layer):
    """x + dropout(F(RMS norm(x))) for attention, cross-attention if asked for, and f(x W) V, or,
    gated, (f(x W) * x U) V.

    Args:
        width: Size of the hidden vectors.
        heads: Attention heads.
        size: Size of a head.
        feed_forward: Inner size of the feed-forward network.
        gated: Whether it has a gate (Shazeer, 2020).
        cross_attention: Whether the block attends to the memory "encoder" after itself.
        norm_epsilon: Epsilon of the normalizations.
        activation: f, see `tfkd.layers.activation`.
        dropout: Rate on sub-layers, attention weights and inside the feed-forward network.
        seed: Seed of all weights.
    """

    adapters: dict[str, Any] = {}  # noqa: RUF012

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        size: int,
        feed_forward: int,
        gated: bool = False,
        cross_attention: bool = False,
        norm_epsilon: float = 1e-6,
        activation: str = "relu",
        dropout: float = 0.1,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "width": width,
            "heads": heads,
            "size": size,
            "feed_forward": feed_forward,
            "gated": gated,
            "cross_attention": cross_attention,
            "norm_epsilon": norm_epsilon,
            "activation": activation,
            "dropout": dropout,
            "seed": seed,
        }
        self.gated = gated
        self.inner_width = feed_forward
        self.parts = ["self_attention", *(["cross_attention"] * cross_attention), "feed_forward"]
        self._activate = find_activation(activation)
        for name in self.parts[:-1]:
            layer = T5Attention(
                width, heads, size, dropout=dropout, seed=derive_seed(seed, name),
                dtype=self.dtype_policy, name=name,
            )  # fmt: skip
            setattr(self, name, layer)
        shared = {"use_bias": False, "dtype": self.dtype_policy}
        self.inner = Dense(
            (1 + gated) * feed_forward,
            blocks=1 + gated,
            kernel_initializer=_normal(width**-0.5),
            seed=derive_seed(seed, "inner"),
            name="inner",
            **shared,
        )
        self.outer = Dense(
            width,
            kernel_initializer=_normal(feed_forward**-0.5),
            seed=derive_seed(seed, "outer"),
            name="outer",
            **shared,
        )
        for part in self.parts:
            norm = RmsNorm(norm_epsilon, dtype=self.dtype_policy, name=f"{part}_norm")
            setattr(self, f"{part}_norm", norm)
            drop = Dropout(dropout, dtype=self.dtype_policy, name=f"{part}_dropout")
            setattr(self, f"{part}_dropout", drop)
        self.inner_dropout = Dropout(dropout, dtype=self.dtype_policy, name="inner_dropout")

    def build(self, input_shape: Any) -> None:
        for part in self.parts:
            if part != "feed_forward":
                getattr(self, part).build(input_shape)
            getattr(self, f"{part}_norm").build(input_shape)
            getattr(self, f"{part}_dropout").build()
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.inner_width))
        self.inner_dropout.build()

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor | None = None,
        memories: dict[str, Any] | None = None,
        cache: dict[str, Any] | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, dict[str, Any] | None]:
        """Arguments and results as those of `TransformerBlock`."""
        new_cache: dict[str, Any] = {}
        own = None if cache is None else cache["self_attention"]
        branch, new_cache["self_attention"] = self.self_attention(
            self.self_attention_norm(hidden), penalty, own, training=training
        )
        hidden = self.self_attention_dropout(branch, residual=hidden, training=training)
        if "cross_attention" in self.parts:
            memory = (memories or {})["encoder"]
            given = cache or self.project({"encoder": memory})
            read = new_cache["cross_attention"] = given["cross_attention"]
            branch, _ = self.cross_attention(
                self.cross_attention_norm(hidden),
                memory["mask"],
                read,
                grows=False,
                training=training,
            )
            hidden = self.cross_attention_dropout(branch, residual=hidden, training=training)
        inner = self.inner(self.feed_forward_norm(hidden))
        if self.gated:
            opened, value = tf.split(inner, 2, -1)
            inner = self._activate(opened) * value
        else:
            inner = self._activate(inner)
        branch = self.outer(self.inner_dropout(inner, training=training))
        hidden = self.feed_forward_dropout(branch, residual=hidden, training=training)
        return hidden, (None if cache is None else new_cache)

    def start(self, batch: int | tf.Tensor, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the cache of step 0: empty keys and values, and the projected memory."""
        return {"self_attention": self.self_attention.start(batch), **self.project(memories)}

    def project(self, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the part of the cache that the memories alone give: their keys and values."""
        if "cross_attention" not in self.parts:
            return {}
        return {"cross_attention": self.cross_attention.project(memories["encoder"]["hidden"])}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}


@keras.saving.register_keras_serializable(package="tfkd")
class T5Stack(Stack):
    """T5's blocks, and an RMS norm behind the last; arguments as of `Stack`."""

    block_class = T5Block
    norm_class = RmsNorm

    def _of_block(self, name: str, adapters: dict[str, Any]) -> dict[str, Any]:
        return {}

    @property
    def stored_adapters(self) -> dict[str, Any]:
        """None: its blocks have no places for adapters."""
        return {}
