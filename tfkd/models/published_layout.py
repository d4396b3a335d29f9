"""BERT's weights under the names and shapes of the published checkpoints.

A published kernel is `[output, input]`, the transpose of Keras's; query, key and value are three
matrices there and one here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from tfkd.models.weights import variables_by_path

_EMBEDDING = {
    "embedding/tokens/table": "embeddings.word_embeddings.weight",
    "embedding/types/table": "embeddings.token_type_embeddings.weight",
    "embedding/positions/table": "embeddings.position_embeddings.weight",
    "embedding/norm/scale": "embeddings.LayerNorm.weight",
    "embedding/norm/offset": "embeddings.LayerNorm.bias",
    "pooler/kernel": "pooler.dense.weight",
    "pooler/bias": "pooler.dense.bias",
}
_HEAD = {
    "head/transform/kernel": "cls.predictions.transform.dense.weight",
    "head/transform/bias": "cls.predictions.transform.dense.bias",
    "head/transform_norm/scale": "cls.predictions.transform.LayerNorm.weight",
    "head/transform_norm/offset": "cls.predictions.transform.LayerNorm.bias",
    "head/matrix": "cls.predictions.decoder.weight",
    "head/bias": "cls.predictions.bias",
}
_LAYER = {
    "self_attention/output_projection/kernel": "attention.output.dense.weight",
    "self_attention/output_projection/bias": "attention.output.dense.bias",
    "self_attention_norm/scale": "attention.output.LayerNorm.weight",
    "self_attention_norm/offset": "attention.output.LayerNorm.bias",
    "feed_forward/inner/kernel": "intermediate.dense.weight",
    "feed_forward/inner/bias": "intermediate.dense.bias",
    "feed_forward/outer/kernel": "output.dense.weight",
    "feed_forward/outer/bias": "output.dense.bias",
    "feed_forward_norm/scale": "output.LayerNorm.weight",
    "feed_forward_norm/offset": "output.LayerNorm.bias",
}
_FUSED = {"kernel": "weight", "bias": "bias"}


@dataclass(frozen=True)
class Published:
    """Where one weight stands in a published checkpoint: one tensor, or three that are fused."""

    names: tuple[str, ...]
    transposed: bool


def published_places(model: keras.Model) -> dict[str, Published]:
    """Returns the published place of each weight of a `Bert`, by path in the model."""
    places = {}
    for path in variables_by_path(model):
        transposed = path.endswith("/kernel")
        if path in _EMBEDDING:
            names = (f"bert.{_EMBEDDING[path]}",)
        elif path in _HEAD:
            names = (_HEAD[path],)
        else:
            _, layer, rest = path.split("/", 2)
            prefix = f"bert.encoder.layer.{int(layer.removeprefix('layer_')) - 1}"
            if rest in _LAYER:
                names = (f"{prefix}.{_LAYER[rest]}",)
            elif rest.startswith("self_attention/query_key_value/"):
                suffix = _FUSED[rest.rpartition("/")[2]]
                names = tuple(
                    f"{prefix}.attention.self.{one}.{suffix}" for one in ("query", "key", "value")
                )
            else:
                raise ValueError(f"weight {path!r} has no place in a published BERT")
        places[path] = Published(names, transposed)
    return places


def to_published(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the weights of a `Bert` by published name, float32."""
    variables = variables_by_path(model)
    tensors = {}
    for path, place in published_places(model).items():
        value = variables[path].value.numpy().astype(np.float32)
        for name, piece in zip(
            place.names, np.split(value, len(place.names), axis=-1), strict=True
        ):
            tensors[name] = np.ascontiguousarray(piece.T if place.transposed else piece)
    return tensors


def canonical(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Brings older spellings of published names to today's.

    Bare encoders leave the prefix `bert.` out, checkpoints that came from TensorFlow 1 say gamma
    and beta. Where the decoder's bias is stored too, it is the one that transformers adds: a tied
    head repeats `cls.predictions.bias` there, an untied one leaves the latter unused.
    """
    renamed = {}
    for name, value in tensors.items():
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
        name = name.replace("LayerNorm.beta", "LayerNorm.bias")
        if name.startswith(("embeddings.", "encoder.", "pooler.")):
            name = f"bert.{name}"
        renamed[name] = value
    if "cls.predictions.decoder.bias" in renamed:
        renamed["cls.predictions.bias"] = renamed.pop("cls.predictions.decoder.bias")
    return renamed


def assign_published(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> list[str]:
    """Assigns published tensors to a `Bert` and returns what does not fit, in words.

    Nothing is assigned unless everything fits.
    """
    variables = variables_by_path(model)
    values, complaints = {}, []
    for path, place in published_places(model).items():
        lacking = [name for name in place.names if name not in tensors]
        if lacking:
            complaints.append(f"{', '.join(lacking)} is not there")
            continue
        pieces = [np.asarray(tensors[name], np.float32) for name in place.names]
        value = np.concatenate([p.T if place.transposed else p for p in pieces], axis=-1)
        if value.shape != tuple(variables[path].shape):
            shapes = ", ".join(str(piece.shape) for piece in pieces)
            complaints.append(
                f"{place.names[0]} {shapes} does not fit {path} {tuple(variables[path].shape)}"
            )
        values[path] = value
    if not complaints:
        for path, value in values.items():
            variables[path].assign(value)
    return complaints
