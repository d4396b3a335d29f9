"""One Transformer block: self-attention, cross-attention if asked for, feed-forward, adapters."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers import hooks
from tfkd.layers.attention import CrossAttention, SelfAttention
from tfkd.layers.dropout import Dropout
from tfkd.layers.feed_forward import FeedForward
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm


def _on(part: str, adapters: dict[str, Any], **projections: str) -> dict[str, Any]:
    """Picks the adapters on the projections of one part: {projection: adapter}."""
    places = {name: f"on_{part}_{place}" for name, place in projections.items()}
    return {name: adapters[place] for name, place in places.items() if place in adapters}


@keras.saving.register_keras_serializable(package="tfkd")
class TransformerBlock(keras.layers.Layer):
    """A block of an encoder or a decoder.

    With F a sub-layer: post-norm computes LN(x + dropout(F(x))) (Vaswani et al.; BERT), pre-norm
    x + dropout(F(LN(x))).

    Args:
        width: Size of the hidden vectors.
        heads: Attention heads.
        feed_forward: Inner size of the feed-forward network; None: 4 * width.
        cross_attention: Whether the block attends to the memory "encoder" after itself.
        memory_width: Size of that memory's vectors; None: `width`.
        norm: "post" or "pre".
        norm_epsilon: Epsilon of the normalizations.
        activation: See `tfkd.layers.activation`.
        dropout: Rate on each sub-layer's output.
        attention_dropout: Rate on attention weights; None: `dropout`.
        activation_dropout: Rate inside the feed-forward network.
        kernel_initializer: Keras initializer of all kernels.
        output_initializer: Of each sub-layer's last kernel; None: `kernel_initializer`.
        seed: Seed of all weights.
        adapters: Layer by place, see `tfkd.layers.hooks`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        feed_forward: int | None = None,
        cross_attention: bool = False,
        memory_width: int | None = None,
        norm: str = "post",
        norm_epsilon: float = 1e-6,
        activation: str = "relu",
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        activation_dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        output_initializer: Any = None,
        seed: int | None = None,
        adapters: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if norm not in ("post", "pre"):
            raise ValueError(
                "Invalid value for argument `norm`. Expected 'post' or 'pre'. "
                f"Received: norm={norm!r}"
            )
        self._options = {
            "width": width,
            "heads": heads,
            "feed_forward": feed_forward,
            "cross_attention": cross_attention,
            "memory_width": memory_width,
            "norm": norm,
            "norm_epsilon": norm_epsilon,
            "activation": activation,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation_dropout": activation_dropout,
            "seed": seed,
        }
        self.width = width
        self.norm = norm
        self.memory_width = memory_width or width
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)
        self.adapters = hooks.checked(adapters)
        shared = {
            "kernel_initializer": self.kernel_initializer,
            "output_initializer": self.output_initializer,
            "dtype": self.dtype_policy,
        }
        attention = {
            **shared,
            "dropout": dropout if attention_dropout is None else attention_dropout,
        }
        self.self_attention = SelfAttention(
            width,
            heads,
            seed=derive_seed(seed, "self_attention"),
            adapters=_on(
                "self_attention",
                self.adapters,
                query_key_value="query_key_value",
                output_projection="output",
            ),
            name="self_attention",
            **attention,
        )
        self.cross_attention = None
        if cross_attention:
            self.cross_attention = CrossAttention(
                width,
                heads,
                memory_width=memory_width,
                seed=derive_seed(seed, "cross_attention"),
                adapters=_on(
                    "cross_attention",
                    self.adapters,
                    query="query",
                    key_value="key_value",
                    output_projection="output",
                ),
                name="cross_attention",
                **attention,
            )
        self.feed_forward = FeedForward(
            width,
            feed_forward or 4 * width,
            activation=activation,
            dropout=activation_dropout,
            seed=derive_seed(seed, "feed_forward"),
            adapters=_on("feed_forward", self.adapters, inner="inner", outer="outer"),
            name="feed_forward",
            **shared,
        )
        self.parts = ["self_attention", "feed_forward"]
        if cross_attention:
            self.parts.insert(1, "cross_attention")
        for part in self.parts:
            norm_layer = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name=f"{part}_norm")
            setattr(self, f"{part}_norm", norm_layer)
            layer = Dropout(dropout, dtype=self.dtype_policy, name=f"{part}_dropout")
            setattr(self, f"{part}_dropout", layer)

    def build(self, input_shape: Any) -> None:
        for part in self.parts:
            getattr(self, part).build(input_shape)
            getattr(self, f"{part}_norm").build(input_shape)
            getattr(self, f"{part}_dropout").build()
        for place, adapter in self.adapters.items():
            if not place.startswith("on_") and not adapter.built:
                adapter.build(input_shape)

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor | None = None,
        memories: dict[str, Any] | None = None,
        cache: dict[str, Any] | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, dict[str, Any] | None]:
        """Runs the block.

        Args:
            hidden: `[batch, length, width]`.
            penalty: What the self-attention may not see (see `tfkd.layers.masks`).
            memories: By name, see `tfkd.layers.hooks`; "encoder" for the cross-attention.
            cache: From `start` or the step before; None: no cache.

        Returns:
            `[batch, length, width]` and the new cache (None without one).
        """
        memories = memories or {}
        new_cache: dict[str, Any] = {}

        def read(name: str) -> Any:
            return None if cache is None else cache.get(name)

        def beside(part: str, inputs: tf.Tensor, branch: tf.Tensor) -> tf.Tensor:
            return self._adapt(
                f"beside_{part}", inputs, branch, memories, read, new_cache, training
            )

        inputs, residual = self._before("self_attention", hidden)
        branch, new_cache["self_attention"] = self.self_attention(
            inputs, penalty, memories=memories, cache=read("self_attention"), training=training
        )
        hidden = self._after("self_attention", residual, beside(
            "self_attention", inputs, branch), training)  # fmt: skip
        if self.cross_attention is not None:
            inputs, residual = self._before("cross_attention", hidden)
            branch, new_cache["cross_attention"] = self.cross_attention(
                inputs,
                memories["encoder"],
                memories=memories,
                cache=read("cross_attention"),
                training=training,
            )
            hidden = self._after("cross_attention", residual, beside(
                "cross_attention", inputs, branch), training)  # fmt: skip
        inputs, residual = self._before("feed_forward", hidden)
        branch = self.feed_forward(inputs, memories, training=training)
        hidden = self._after("feed_forward", residual, beside(
            "feed_forward", inputs, branch), training)  # fmt: skip
        hidden = self._adapt("after_block", hidden, None, memories, read, new_cache, training)
        return hidden, (None if cache is None else new_cache)

    def start(self, batch: int | tf.Tensor, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the cache of step 0: empty keys and values, and the projected memory."""
        return {"self_attention": self.self_attention.start(batch), **self.project(memories)}

    def project(self, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the part of the cache that the memories alone give: their keys and values."""
        cache: dict[str, Any] = {}
        if self.cross_attention is not None:
            cache["cross_attention"] = self.cross_attention.start(memories["encoder"], memories)
        for place, adapter in self.adapters.items():
            if hasattr(adapter, "start"):
                cache[place] = adapter.start(memories)
        return cache

    def _before(self, part: str, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.norm == "pre":
            return getattr(self, f"{part}_norm")(hidden), hidden
        return hidden, hidden

    def _after(
        self, part: str, residual: tf.Tensor, branch: tf.Tensor, training: bool
    ) -> tf.Tensor:
        hidden = getattr(self, f"{part}_dropout")(branch, residual=residual, training=training)
        return getattr(self, f"{part}_norm")(hidden) if self.norm == "post" else hidden

    def _adapt(
        self,
        place: str,
        hidden: tf.Tensor,
        branch: tf.Tensor | None,
        memories: dict[str, Any],
        read: Any,
        new_cache: dict[str, Any],
        training: bool,
    ) -> tf.Tensor:
        if place not in self.adapters:
            return hidden if branch is None else branch
        result, state = hooks.apply(
            self.adapters[place],
            hidden,
            memories,
            branch=branch,
            cache=read(place),
            training=training,
        )
        if state is not None:
            new_cache[place] = state
        return result

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self._options,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": self.output_initializer
            and keras.initializers.serialize(self.output_initializer),
            "adapters": {place: hooks.store(layer) for place, layer in self.adapters.items()},
        }
