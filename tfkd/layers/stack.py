"""A stack of Transformer blocks that shows the state after each of them."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.block import TransformerBlock
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm


@keras.saving.register_keras_serializable(package="tfkd")
class Stack(keras.layers.Layer):
    """Blocks named layer_1, layer_2, ..., and a last normalization if they are pre-norm.

    Args:
        layers: Number of blocks.
        width: Size of the hidden vectors.
        heads: Attention heads.
        adapters: `{"layer_N": {place: layer}}`, see `tfkd.layers.hooks`.
        seed: Seed of all weights.
        norm: "post" or "pre".
        norm_epsilon: Epsilon of the normalizations.
        options: The other arguments of `TransformerBlock`.

    Attributes:
        block_class: Its blocks.
        norm_class: Its last normalization.
    """

    block_class: type = TransformerBlock
    norm_class: type = LayerNorm

    def __init__(
        self,
        layers: int,
        width: int,
        heads: int,
        *,
        norm: str = "post",
        norm_epsilon: float = 1e-6,
        adapters: dict[str, dict[str, Any]] | None = None,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.heads = heads
        self.norm = norm
        self.norm_epsilon = norm_epsilon
        self.seed = seed
        self.options = dict(options or {})
        adapters = adapters or {}
        names = [f"layer_{number}" for number in range(1, layers + 1)]
        if unknown := sorted(set(adapters) - set(names)):
            raise ValueError(
                f"Invalid value for argument `adapters`. Expected keys layer_1 to layer_{layers}. "
                f"Received: {unknown}"
            )
        self.blocks = [
            self.block_class(
                width,
                heads,
                norm_epsilon=norm_epsilon,
                seed=derive_seed(seed, name),
                **self._of_block(name, adapters),
                dtype=self.dtype_policy,
                name=name,
                **self.options,
            )
            for name in names
        ]
        self.final_norm = None
        if norm == "pre":
            self.final_norm = self.norm_class(
                norm_epsilon, dtype=self.dtype_policy, name="final_norm"
            )

    def _of_block(self, name: str, adapters: dict[str, Any]) -> dict[str, Any]:
        """What a block of this kind is given beside."""
        return {"norm": self.norm, "adapters": adapters.get(name)}

    def build(self, input_shape: Any) -> None:
        for block in self.blocks:
            block.build(input_shape)
        if self.final_norm is not None:
            self.final_norm.build(input_shape)

    def call(
        self,
        hidden: tf.Tensor,
        penalty: tf.Tensor | None = None,
        memories: dict[str, Any] | None = None,
        projected: dict[str, Any] | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Returns `{"layer_1": .., "layer_N": .., "hidden": ..}`, each `[batch, length, width]`.

        "hidden" is the last state, after the final normalization if there is one. `projected`, from
        `project`, spares the projections of the memories.
        """
        states = {}
        for block in self.blocks:
            cache = None if projected is None else projected[block.name]
            hidden, _ = block(hidden, penalty, memories=memories, cache=cache, training=training)
            states[block.name] = hidden
        states["hidden"] = hidden if self.final_norm is None else self.final_norm(hidden)
        return states

    def start(self, batch: int | tf.Tensor, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the caches of step 0, by block."""
        return {block.name: block.start(batch, memories) for block in self.blocks}

    def project(self, memories: dict[str, Any]) -> dict[str, Any]:
        """Returns the keys and values of the memories by block, for several calls on one source."""
        return {block.name: block.project(memories) for block in self.blocks}

    def step(
        self,
        hidden: tf.Tensor,
        caches: dict[str, Any],
        memories: dict[str, Any],
        penalty: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Runs the newest positions `[batch, new, width]` and returns their states and the caches.

        `penalty` says which of all keys so far the new ones may not see; None: none is hidden.
        """
        new_caches = {}
        for block in self.blocks:
            hidden, new_caches[block.name] = block(
                hidden, penalty, memories=memories, cache=caches[block.name]
            )
        return hidden if self.final_norm is None else self.final_norm(hidden), new_caches

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    @property
    def has_adapters(self) -> bool:
        """Whether any block has an adapter."""
        return any(block.adapters for block in self.blocks)

    @property
    def stored_adapters(self) -> dict[str, dict[str, Any]]:
        """Its adapters as configs, as its own argument takes them."""
        configs = {block.name: block.get_config()["adapters"] for block in self.blocks}
        return {name: config for name, config in configs.items() if config}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": len(self.blocks),
            "width": self.width,
            "heads": self.heads,
            "norm": self.norm,
            "norm_epsilon": self.norm_epsilon,
            "adapters": self.stored_adapters,
            "seed": self.seed,
            "options": dict(self.options),
        }
