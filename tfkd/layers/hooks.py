"""The places in a Transformer block where adapters join.

An adapter is a Keras layer that a block calls as

    adapter(hidden, memories, branch=..., cache=..., training=...) -> tensor or (tensor, cache)

- `hidden` `[batch, length, width]`: the input of the place.
- `memories`: by name, `{"hidden": [batch, length, width], "mask": penalty [batch, 1, 1, length]}`.
  A decoder's blocks find "encoder" there; a caller of the model may add others (a frozen BERT).
- `branch`: what the block computed at that place from `hidden`, or None after the block.
- `cache`: what the adapter returned at the step before in incremental decoding, else None. An
  adapter with a method `start(memories) -> cache` is asked for its first cache; where a decoder
  fills in whole targets, it gets that one at every pass.
- the result takes the place of `branch` (beside a sub-layer, on a projection) or of `hidden`
  (after the block), residual connection and normalization included if the adapter wants them.

Places of a block (see `PLACES`): `after_block`; `beside_self_attention`, `beside_cross_attention`
and `beside_feed_forward`, where a sub-layer's output is averaged or summed with the adapter's
before the residual connection; and `on_...`, the linear projections (low-rank adapters).
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

PLACES = (
    "after_block",
    "beside_self_attention",
    "beside_cross_attention",
    "beside_feed_forward",
    "on_self_attention_query_key_value",
    "on_self_attention_output",
    "on_cross_attention_query",
    "on_cross_attention_key_value",
    "on_cross_attention_output",
    "on_feed_forward_inner",
    "on_feed_forward_outer",
)


def apply(
    adapter: keras.layers.Layer,
    hidden: tf.Tensor,
    memories: dict[str, Any] | None,
    *,
    branch: tf.Tensor | None,
    cache: Any,
    training: bool,
) -> tuple[tf.Tensor, Any]:
    """Calls an adapter at its place and returns (tensor, cache)."""
    result = adapter(hidden, memories or {}, branch=branch, cache=cache, training=training)
    return result if isinstance(result, tuple) else (result, None)


def checked(adapters: Mapping[str, Any] | None) -> dict[str, keras.layers.Layer]:
    """Restores a block's adapters and names each after its place.

    The name makes the paths of its weights stable, and tells `tfkd.models.freeze` which they are.

    Raises:
        ValueError: a place that blocks do not have.
    """
    layers = {}
    for place, adapter in (adapters or {}).items():
        if place not in PLACES:
            raise ValueError(
                f"Invalid value for argument `adapters`. Expected places {', '.join(PLACES)}. "
                f"Received: {place!r}"
            )
        layers[place] = restore(adapter)
        layers[place].name = f"adapter_{place}"
    return layers


def store(adapter: keras.layers.Layer | None) -> dict[str, Any] | None:
    """Returns an adapter as a config that `restore` reads."""
    if adapter is None:
        return None
    config = keras.saving.serialize_keras_object(adapter)
    # Its block builds it: built by itself, its weights' paths would not tell where it stands.
    config.pop("build_config", None)
    return config


def restore(adapter: Any) -> keras.layers.Layer | None:
    """Returns the layer of a config, or a layer as it is."""
    if isinstance(adapter, dict):
        return keras.saving.deserialize_keras_object(adapter)
    return adapter
