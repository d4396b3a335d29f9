"""What models read: records, and the ids alone that Keras's users have."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf


def record_of(model: Any, inputs: Any) -> Any:
    """What a model is called with as a record: ids alone are one in which every position is text.

    Args:
        model: A `LanguageModel`.
        inputs: A record; or int `[batch, length]` of a model over one sequence; or of an
            encoder-decoder `(source, target)`, or a mapping of these, of ids or records.

    Raises:
        ValueError: It is neither.
    """
    layout = getattr(model, "input_layout", None)
    if layout == "encoder_decoder":
        sides = inputs
        if isinstance(inputs, tuple | list) and len(inputs) == 2:
            sides = dict(zip(("source", "target"), inputs, strict=True))
        if not isinstance(sides, Mapping):
            raise ValueError(
                f"Invalid value for argument `inputs`. Model {model.name!r} reads a source and a "
                "target: expected a record of both, or (source_ids, target_ids). Received: "
                f"{type(inputs).__name__}"
            )
        return {
            name: _of_ids(side) if name in ("source", "target") else side
            for name, side in sides.items()
        }
    return _of_ids(inputs) if layout == "sequence" else inputs


def _of_ids(inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return inputs
    known = tf.is_tensor(inputs) or keras.utils.is_keras_tensor(inputs)
    return {"ids": inputs if known else tf.convert_to_tensor(inputs, tf.int32)}
