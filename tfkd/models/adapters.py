"""From options to adapters, by side, layer and place."""

import inspect
from typing import Any

import keras

from tfkd.layers.initializers import derive_seed
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

Adapters = dict[str, dict[str, dict[str, keras.layers.Layer]]]
_ELSEWHERE = ("kind", "layers", "place")


def build_adapters(options: Any, policy: str, seed: int | None) -> Adapters:
    """The adapters of a model, new layers for each block.

    An adapter's class is made with its own options, `seed` and `dtype`, and with `memory_width`
    where it takes that: the size of the states of the encoder that a decoder's adapter reads.

    Args:
        options: The model's.
        policy: Keras dtype policy.
        seed: Seed of the weights; each adapter's is derived from it and its place.

    Returns:
        `{"encoder": {"layer_N": {place: layer}}, "decoder": ...}`.
    """
    register_builtins()  # options may have been made without a spec
    found: Adapters = {}
    for side, adapter in options.adapters.items():
        stack = options.stacks[side]
        made = registry.load(registry.lookup("adapter", adapter.kind))
        settings = {
            name: None if value == "none" else value
            for name, value in adapter
            if name not in _ELSEWHERE
        }
        if "memory_width" in inspect.signature(made.__init__).parameters:
            settings["memory_width"] = stack.memory
        found[side] = {
            f"layer_{number}": {
                adapter.place: made(
                    **settings,
                    seed=derive_seed(seed, "adapters", side, str(number)),
                    dtype=policy,
                )
            }
            for number in adapter.numbers(stack.layers)
        }
    return found
