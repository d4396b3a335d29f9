"""Published BERT checkpoints: folders with `config.json` and `model.safetensors`."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import numpy as safetensors_numpy

from tfkd.data.files import write_atomically
from tfkd.models.bert import Bert
from tfkd.models.published_config import (
    BERT_ACTIVATIONS,
    BERT_SIZES,
    bert_config,
    refuse_headless,
    weight_files,
)
from tfkd.models.published_layout import assign_published, canonical, to_published
from tfkd.models.safetensors_files import read_tensors
from tfkd.spec.errors import UserError


def load_published(
    folder: str | PathLike,
    *,
    masked_lm: bool = True,
    pooler: bool = False,
    dtype: Any = "float32",
    seed: int | None = 1,
) -> Bert:
    """Builds a BERT from a published folder and loads its weights.

    Args:
        folder: Holds `config.json` and `model.safetensors` (or its numbered parts).
        masked_lm: Whether the word-prediction head is needed.
        pooler: Whether the pooler is needed.
        dtype: Keras policy of the model.
        seed: Seed of the model's configuration; all its weights come from the folder.

    Raises:
        UserError: the folder holds no BERT, only pickled weights, or not the parts asked for.
    """
    folder = Path(folder)
    config = bert_config(folder)
    tied = config.pop("tied")
    tensors = canonical(read_safetensors(folder))
    output_heads: dict[str, Any] = {"masked_lm": {}} if masked_lm else {}
    if masked_lm and not tied:
        output_heads["masked_lm"] = {"tied": False}
    model = Bert(**config, output_heads=output_heads, pooler=pooler, dtype=dtype, seed=seed)
    if masked_lm:
        refuse_headless(folder, tensors)
    if complaints := assign_published(model, tensors):
        raise UserError(f"{folder}: the weights do not fit config.json: {'; '.join(complaints)}.")
    return model


def save_published(model: Bert, folder: str | PathLike) -> None:
    """Writes a BERT as a published folder, which other libraries load.

    Raises:
        ValueError: the model has what the layout cannot say: adapters, a vocabulary of the head's
            own, positions that count anew in the second segment. Nothing is written then.
    """
    tensors = to_published(model)
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
    names = {ours: theirs for theirs, ours in BERT_ACTIVATIONS.items() if theirs != "gelu_new"}
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
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if head is not None:
        tensors.setdefault(
            "cls.predictions.decoder.weight", tensors["bert.embeddings.word_embeddings.weight"]
        )
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    else:
        tensors = {name.removeprefix("bert."): value for name, value in tensors.items()}
    data = safetensors_numpy.save(tensors, metadata={"format": "pt"})
    write_atomically(folder / "model.safetensors", data)
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")


def read_safetensors(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of a folder's `model.safetensors`, or of its numbered parts, by name."""
    tensors: dict[str, np.ndarray] = {}
    for file in weight_files(folder):
        tensors.update(read_tensors(file))
    return tensors
