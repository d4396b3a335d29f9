"""A stack of blocks with rotary positions, some of which see a window of tokens alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import derive_seed
from tfkd.layers.masks import hidden_penalty
from tfkd.layers.rms_norm import RmsNorm
from tfkd.layers.rotary import rotary_angles, rotary_rates
from tfkd.layers.rotary_block import RotaryBlock


@keras.saving.register_keras_serializable(package="tfkd")
class RotaryDecoder(keras.layers.Layer):
    """Blocks, of which some see a window of tokens alone and some turn nothing, and a norm.

    Args:
        layers: Number of blocks.
        width: Size of the states.
        theta: Base of the angles; of blocks with a window `window_theta`, if that is given.
        scaling: Of the angles, see `rotary_rates`; not of blocks with a window where these have a
            base of their own.
        window: How many tokens the blocks of `window_layers` see, themselves among them.
        window_layers: Numbers of blocks, counted from 1.
        unrotated_layers: Blocks without positions.
        block: Arguments of each `RotaryBlock`.
        seed: Seed of the weights.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        *,
        theta: float,
        window_theta: float | None,
        scaling: Mapping[str, Any] | None,
        window: int | None,
        window_layers: Sequence[int],
        unrotated_layers: Sequence[int],
        block: Mapping[str, Any],
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "layers": layers,
            "width": width,
            "theta": theta,
            "window_theta": window_theta,
            "scaling": None if scaling is None else dict(scaling),
            "window": window,
            "window_layers": list(window_layers),
            "unrotated_layers": list(unrotated_layers),
            "block": dict(block),
            "seed": seed,
        }
        self.window, self._window_layers = window, frozenset(window_layers)
        self._unrotated = frozenset(unrotated_layers)
        size = block["attention"]["head_width"]
        far = rotary_rates(size, theta, scaling)
        near = far if window_theta is None else rotary_rates(size, window_theta)
        self._rates = {False: far, True: near}
        self.blocks = [
            RotaryBlock(
                width,
                **block,
                seed=derive_seed(seed, f"layer_{number}"),
                dtype=self.dtype_policy,
                name=f"layer_{number}",
            )
            for number in range(1, layers + 1)
        ]
        self.width = width
        epsilon = block["norm_epsilon"]
        self.final_norm = RmsNorm(epsilon, dtype=self.dtype_policy, name="final_norm")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    def build(self, input_shape: Any = None) -> None:
        for layer in (*self.blocks, self.final_norm):
            layer.build((None, None, self.width))

    def call(
        self,
        hidden: tf.Tensor,
        positions: tf.Tensor,
        visible: tf.Tensor,
        distance: tf.Tensor,
        caches: dict[str, Any] | None = None,
        training: bool = False,
    ) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """The state after each block by name, "hidden" after the norm; and the caches.

        Args:
            hidden: `[batch, length, width]`.
            positions: int32 `[batch or 1, length]`.
            visible: bool `[batch or 1, length, keys]`.
            distance: int32 alike: how many tokens a key stands before its query.
            caches: By block; None: no cache.
        """
        penalties = {False: hidden_penalty(visible, self.compute_dtype)}
        if self.window is not None:
            near = visible & (distance < self.window)
            penalties[True] = hidden_penalty(near, self.compute_dtype)
        angles = {near: rotary_angles(positions, *rates) for near, rates in self._rates.items()}
        states, kept = {}, {}
        for number, block in enumerate(self.blocks, start=1):
            near = self.window is not None and number in self._window_layers
            hidden, kept[block.name] = block(
                hidden,
                penalties[near],
                angles=None if number in self._unrotated else angles[near],
                cache=None if caches is None else caches[block.name],
                training=training,
            )
            states[block.name] = hidden
        states["hidden"] = self.final_norm(hidden)
        return states, kept

    def start(self, batch: int | tf.Tensor) -> dict[str, Any]:
        """The caches of step 0, by block."""
        return {block.name: block.self_attention.start(batch) for block in self.blocks}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
