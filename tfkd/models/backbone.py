"""BERT's weights to and from keras_hub's BertBackbone."""

from typing import Any

import keras
import numpy as np

from tfkd.models.bert import Bert
from tfkd.models.weights import variables_by_path

_EMBEDDING = {
    "embedding/tokens/table": "token_embedding/embeddings",
    "embedding/types/table": "segment_embedding/embeddings",
    "embedding/positions/table": "position_embedding/embeddings",
    "embedding/norm/scale": "embeddings_layer_norm/gamma",
    "embedding/norm/offset": "embeddings_layer_norm/beta",
    "pooler/kernel": "pooled_dense/kernel",
    "pooler/bias": "pooled_dense/bias",
}
_LAYER = {
    "self_attention/output_projection": "self_attention_layer/attention_output",
    "self_attention_norm": "self_attention_layer_norm",
    "feed_forward/inner": "feedforward_intermediate_dense",
    "feed_forward/outer": "feedforward_output_dense",
    "feed_forward_norm": "feedforward_layer_norm",
}
# What every BertBackbone computes with.
_NORM_EPSILON = 1e-12
_WEIGHT = {"kernel": "kernel", "bias": "bias", "scale": "gamma", "offset": "beta"}


def to_backbone(model: Bert, *, exact_gelu: bool = True) -> keras.Model:
    """Returns a `keras_hub.models.BertBackbone` with the weights of a BERT; heads stay behind.

    Args:
        model: A BERT without adapters, with the options that a backbone has: GELU, positions
            counted through the sequence, epsilon 1e-12, one rate for all dropout. Without a pooler,
            the backbone's own stays at chance.
        exact_gelu: keras-hub computes GELU by tanh, which moves hidden states by some 6e-4. True
            sets erf in this backbone's layers, so that it equals the model. (It is lost when the
            backbone is saved and loaded.)

    Raises:
        ValueError: the model has what no backbone has; it would compute another function.
    """
    import keras_hub

    options = model.get_config()
    _refuse_unknown(options)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=options["vocabulary_size"],
        num_layers=options["layers"],
        num_heads=options["heads"],
        hidden_dim=options["width"],
        intermediate_dim=options["feed_forward"] or 4 * options["width"],
        dropout=options["dropout"],
        max_sequence_length=options["max_length"],
        num_segments=options["types"],
    )
    theirs = {variable.path: variable for variable in backbone.variables}
    for path, variable in variables_by_path(model).items():
        names = _names(path)
        for name, piece in zip(
            names, np.split(variable.value.numpy(), max(len(names), 1), axis=-1), strict=False
        ):
            theirs[name].assign(piece.reshape(theirs[name].shape))
    if exact_gelu and options["activation"] == "gelu":
        for layer in backbone.transformer_layers:
            layer._feedforward_intermediate_dense.activation = _exact_gelu
    return backbone


def from_backbone(backbone: Any, **options: Any) -> Bert:
    """Returns a BERT with the weights of a `keras_hub.models.BertBackbone`.

    Args:
        backbone: The backbone. Its activation is taken for erf GELU, as its checkpoints are.
        options: Further arguments of `Bert`; heads start at chance.
    """
    config = backbone.get_config()
    model = Bert(
        config["vocabulary_size"],
        layers=config["num_layers"],
        width=config["hidden_dim"],
        heads=config["num_heads"],
        feed_forward=config["intermediate_dim"],
        max_length=config["max_sequence_length"],
        types=config["num_segments"],
        **{"dropout": config["dropout"], "pooler": True, **options},
    )
    theirs = {variable.path: variable for variable in backbone.variables}
    for path, variable in variables_by_path(model).items():
        if names := _names(path):
            rows = variable.shape[:-1]
            pieces = [theirs[name].value.numpy() for name in names]
            width = variable.shape[-1] // len(names)
            value = np.concatenate([piece.reshape(*rows, width) for piece in pieces], axis=-1)
            variable.assign(value)
    return model


def _refuse_unknown(options: dict[str, Any]) -> None:
    """Refuses options that a BertBackbone has no argument for."""
    expected = {
        "activation": ("gelu", "gelu_tanh"),
        "positions": ("sequence",),
        "norm_epsilon": (_NORM_EPSILON,),
        "attention_dropout": (None, options["dropout"]),
    }
    for name, known in expected.items():
        if options[name] not in known:
            raise ValueError(
                f"Invalid value for argument `model`. A BertBackbone has no other {name} than "
                f"{' or '.join(repr(value) for value in known if value is not None)}. "
                f"Received: {name}={options[name]!r}"
            )


def _names(path: str) -> list[str]:
    """Returns the backbone's names of a weight: one, three if it is fused, none for heads."""
    if path in _EMBEDDING:
        return [_EMBEDDING[path]]
    if path.startswith("head/"):
        return []
    _, layer, rest = path.split("/", 2)
    prefix = f"transformer_layer_{int(layer.removeprefix('layer_')) - 1}"
    part, _, weight = rest.rpartition("/")
    if part == "self_attention/query_key_value":
        return [
            f"{prefix}/self_attention_layer/{one}/{weight}" for one in ("query", "key", "value")
        ]
    if part not in _LAYER:
        raise ValueError(f"weight {path!r} has no place in a BertBackbone")
    return [f"{prefix}/{_LAYER[part]}/{_WEIGHT[weight]}"]


def _exact_gelu(inputs: Any) -> Any:
    return keras.activations.gelu(inputs, approximate=False)
