"""Models of ours as published folders, which other libraries load."""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import numpy as safetensors_numpy

from tfkd.data.files import write_atomically
from tfkd.models.bert import Bert
from tfkd.models.gpt2 import Gpt2
from tfkd.models.published.architecture import ACTIVATIONS, PublishedModel
from tfkd.models.published.bert import BERT_SIZES, PublishedBert
from tfkd.models.published.gpt2 import GPT2_ACTIVATIONS, GPT2_PLAIN, GPT2_SIZES, PublishedGpt2
from tfkd.models.weights import variables_by_path


def save_published(model: Bert, folder: str | PathLike) -> None:
    """Writes a BERT as a published folder, which other libraries load.

    Raises:
        ValueError: the model has what the layout cannot say: adapters, a vocabulary of the head's
            own, positions that count anew in the second segment, embeddings of another width.
            Nothing is written then.
    """
    tensors = to_published(model, PublishedBert)
    options = model.get_config()
    if options["positions"] != "sequence":
        raise ValueError(
            "Invalid value for argument `model`. The published layout knows no positions but those "
            "counted through the sequence: another library would compute another model. Received: "
            f"positions={options['positions']!r}"
        )
    predicted = tensors.get("cls.predictions.bias")
    if predicted is not None and len(predicted) != options["vocabulary_size"]:
        raise ValueError("the published layout has one vocabulary for input and output")
    names = {ours: theirs for theirs, ours in ACTIVATIONS.items() if theirs != "gelu_new"}
    head = options["output_heads"].get("masked_lm")
    dropout = options["dropout"]
    attention = options["attention_dropout"]
    config = {
        "architectures": ["BertModel" if head is None else "BertForMaskedLM"],
        "model_type": "bert",
        **{theirs: options[ours] for ours, theirs in BERT_SIZES.items()},
        "intermediate_size": options["feed_forward"] or 4 * options["width"],
        "hidden_act": names[options["activation"]],
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout if attention is None else attention,
        "layer_norm_eps": options["norm_epsilon"],
        "tie_word_embeddings": bool(head is None or head.get("tied", True)),
        "pad_token_id": 0,
    }
    if head is not None:
        tensors.setdefault(
            "cls.predictions.decoder.weight", tensors["bert.embeddings.word_embeddings.weight"]
        )
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    else:
        tensors = {name.removeprefix("bert."): value for name, value in tensors.items()}
    _write(folder, tensors, config)


def save_published_gpt2(model: Gpt2, folder: str | PathLike, *, end_id: int | None = None) -> None:
    """Writes a GPT-2 as a published folder, which other libraries load.

    A byte-level tokenizer's `save` puts its `vocab.json` and `merges.txt` beside them.

    Args:
        model: The model.
        folder: Made where it is not there.
        end_id: The id that starts and ends a text, for generation elsewhere.

    Raises:
        ValueError: the model has adapters, which the layout cannot say. Nothing is written then.
    """
    tensors = {
        f"transformer.{name}": value for name, value in to_published(model, PublishedGpt2).items()
    }
    options = model.get_config()
    names = {ours: theirs for theirs, ours in reversed(GPT2_ACTIVATIONS.items())}
    dropout, attention = options["dropout"], options["attention_dropout"]
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{theirs: options[ours] for ours, theirs in GPT2_SIZES.items()},
        "n_inner": options["feed_forward"],
        "activation_function": names[options["activation"]],
        "embd_pdrop": dropout,
        "resid_pdrop": dropout,
        "attn_pdrop": dropout if attention is None else attention,
        "layer_norm_epsilon": options["norm_epsilon"],
        "initializer_range": options["initializer_range"],
        **GPT2_PLAIN,
        "bos_token_id": end_id,
        "eos_token_id": end_id,
    }
    _write(folder, tensors, config)


def to_published(
    model: keras.Model, layout: type[PublishedModel] = PublishedBert
) -> dict[str, np.ndarray]:
    """The weights of a model by published name, float32.

    Raises:
        ValueError: One has no place there.
    """
    tensors = {}
    for path, variable in variables_by_path(model).items():
        place = layout.usual_place(path)
        value = variable.value.numpy().astype(np.float32)
        for name, piece in zip(
            place.names, np.split(value, len(place.names), axis=-1), strict=True
        ):
            tensors[name] = np.ascontiguousarray(piece.T if place.transposed else piece)
    return tensors


def _write(
    folder: str | PathLike, tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> None:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = safetensors_numpy.save(dict(tensors), metadata={"format": "pt"})
    write_atomically(folder / "model.safetensors", data)
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")
