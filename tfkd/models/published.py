"""Published BERT checkpoints: folders with `config.json` and `model.safetensors`."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import numpy as safetensors_numpy

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.models.bert import Bert
from tfkd.models.published_layout import assign_published, canonical, to_published
from tfkd.models.weights import read_tensors
from tfkd.spec.errors import UserError

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
_SIZES = {
    "vocabulary_size": "vocab_size",
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "max_length": "max_position_embeddings",
    "types": "type_vocab_size",
}


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
    config = _read_config(folder)
    tensors = canonical(read_safetensors(folder))
    output_heads: dict[str, Any] = {"masked_lm": {}} if masked_lm else {}
    if masked_lm and not config.get("tie_word_embeddings", True):
        output_heads["masked_lm"] = {"tied": False}
    model = Bert(
        **_sizes(folder, config),
        dropout=config.get("hidden_dropout_prob", 0.1),
        attention_dropout=config.get("attention_probs_dropout_prob", 0.1),
        activation=_activation(folder, config),
        norm_epsilon=config.get("layer_norm_eps", 1e-12),
        output_heads=output_heads,
        pooler=pooler,
        dtype=dtype,
        seed=seed,
    )
    if masked_lm and not any(name.startswith("cls.predictions.") for name in tensors):
        raise UserError(
            f"{folder}: this checkpoint has no word-prediction head (cls.predictions). Models such "
            "as SpanBERT were published without theirs: load it without, and train a head."
        )
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
    if options["positions"] != "stream":
        raise ValueError(
            "Invalid value for argument `model`. The published layout knows no positions but those "
            "counted through the stream: another library would compute another model. Received: "
            f"positions={options['positions']!r}"
        )
    predicted = tensors.get("cls.predictions.bias")
    if predicted is not None and len(predicted) != options["vocabulary_size"]:
        raise ValueError("the published layout has one vocabulary for input and output")
    names = {ours: theirs for theirs, ours in _ACTIVATIONS.items() if theirs != "gelu_new"}
    head = options["output_heads"].get("masked_lm")
    dropout = options["dropout"]
    attention = options["attention_dropout"]
    config = {
        "architectures": ["BertModel" if head is None else "BertForMaskedLM"],
        "model_type": "bert",
        **{theirs: options[ours] for ours, theirs in _SIZES.items()},
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


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = read_json(path)
    except FileNotFoundError:
        raise UserError(f"{folder}: no config.json; expected a published BERT folder.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    if not isinstance(config, dict) or config.get("model_type", "bert") != "bert":
        raise UserError(f"{path}: not a BERT; expected model_type: bert.")
    for key, plain in (("position_embedding_type", "absolute"), ("is_decoder", False)):
        if config.get(key, plain) != plain:
            raise UserError(f"{path}: {key} is {config[key]!r}; only {plain!r} is known.")
    return config


def _sizes(folder: Path, config: dict[str, Any]) -> dict[str, int]:
    lacking = [theirs for theirs in _SIZES.values() if not isinstance(config.get(theirs), int)]
    if lacking:
        raise UserError(f"{folder / 'config.json'}: {', '.join(lacking)} must be whole numbers.")
    return {ours: config[theirs] for ours, theirs in _SIZES.items()}


def _activation(folder: Path, config: dict[str, Any]) -> str:
    name = config.get("hidden_act", "gelu")
    if name not in _ACTIVATIONS:
        raise UserError(
            f"{folder / 'config.json'}: hidden_act is {name!r}; "
            f"known are {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


def read_safetensors(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of a folder's `model.safetensors`, or of its numbered parts, by name."""
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        pickled = sorted(p.name for p in folder.glob("*.bin")) + sorted(
            p.name for p in folder.glob("*.pt")
        )
        if pickled:
            raise UserError(
                f"{folder}: the weights are pickled ({', '.join(pickled)}), and reading a pickle "
                "runs code from it. Convert it once where you trust it, with "
                "`save_pretrained(FOLDER)` of transformers, which writes model.safetensors."
            )
        raise UserError(f"{folder}: no model.safetensors.")
    tensors: dict[str, np.ndarray] = {}
    for file in files:
        tensors.update(read_tensors(file))
    return tensors
