"""A model's weights as the tensors that papers name: query, key and value are three."""

import keras

from tfkd.layers.dense import Dense
from tfkd.models.weights import variables_by_path


def blocks_by_path(model: keras.Model) -> dict[str, int]:
    """How many named tensors each weight of a model holds, by its path.

    The projections of attention are fused, side by side along the last axis of kernel and bias
    (`Dense.blocks`); any other weight is one tensor.
    """
    fused = {
        id(weight): layer.blocks
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, Dense)
        for weight in (layer.kernel, layer.bias)
        if weight is not None
    }
    return {path: fused.get(id(variable), 1) for path, variable in variables_by_path(model).items()}
