"""From options to adapters, by side, layer and place."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from tfkd.layers.initializers import derive_seed
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

Adapters = dict[str, dict[str, dict[str, keras.layers.Layer]]]
_ELSEWHERE = ("kind", "layers", "place")


def build_adapters(
    adapters: Mapping[str, Any],
    sides: Mapping[str, Any],
    policy: str,
    seed: int | None,
    *,
    memory_width: int | None = None,
) -> Adapters:
    """The adapters of a model, new layers for each block.

    An adapter's class is made with its own options, `seed` and `dtype`, and with `memory_width`
    where it takes that: the size of the states of the encoder that a decoder's adapter reads.

    Args:
        adapters: Options by side, see `tfkd.spec.options.AdapterOptions`.
        sides: Options of each side's stack, with `layers`, or `SIDE_layers`.
        policy: Keras dtype policy.
        seed: Seed of the weights; each adapter's is derived from it and its place.
        memory_width: Size of the encoder's states; None: the block's width.

    Returns:
        `{"encoder": {"layer_N": {place: layer}}, "decoder": ...}`.
    """
    register_builtins()  # options may have been made without a spec
    found: Adapters = {}
    for side, options in adapters.items():
        stack = sides[side]
        layers = getattr(stack, f"{side}_layers", None) or stack.layers
        made = registry.load(registry.lookup("adapter", options.kind))
        settings = {
            name: None if value == "none" else value
            for name, value in options
            if name not in _ELSEWHERE
        }
        if "memory_width" in inspect.signature(made.__init__).parameters:
            settings["memory_width"] = memory_width
        found[side] = {
            f"layer_{number}": {
                options.place: made(
                    **settings,
                    seed=derive_seed(seed, "adapters", side, str(number)),
                    dtype=policy,
                )
            }
            for number in options.numbers(layers)
        }
    return found
