"""A float32 twin of a model that was trained in mixed precision."""

from typing import Any

import keras
import numpy as np


def in_float32(model: keras.Model) -> keras.Model:
    """Returns the model itself if it computes in float32, else a twin with the same weights.

    A model's policy is fixed when it is built, so it is built again from its configuration.
    """
    policy = model.dtype_policy
    if policy.compute_dtype == policy.variable_dtype == "float32":
        return model
    twin = type(model).from_config(_float32(model.get_config()))
    if len(twin.weights) != len(model.weights):
        raise ValueError(
            "Invalid value for argument `model`. Expected get_config() to rebuild all "
            f"{len(model.weights)} weights. Received: a twin with {len(twin.weights)}"
        )
    for weight, mixed in zip(twin.weights, model.weights, strict=True):
        if weight.shape != mixed.shape or weight.path.split("/")[1:] != mixed.path.split("/")[1:]:
            raise ValueError(
                "Invalid value for argument `model`. Expected get_config() to rebuild the same "
                f"weights. Received: {mixed.path} became {weight.path}"
            )
        weight.assign(np.asarray(mixed.value).astype(np.float32))
    if getattr(model, "shortlist", None) is not None:
        twin.shortlist = model.shortlist
    return twin


def _float32(config: Any) -> Any:
    """The configuration with every data type policy in it, however deep, set to float32."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" else _float32(value) for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32(value) for value in config)
    return config
