"""What published checkpoints say of themselves: `config.json`, and which weights lie beside it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.models.safetensors_files import saved_names
from tfkd.spec.errors import UserError

BERT_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
BERT_SIZES = {
    "vocabulary_size": "vocab_size",
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "max_length": "max_position_embeddings",
    "types": "type_vocab_size",
}
GPT2_ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
GPT2_SIZES = {
    "vocabulary_size": "vocab_size",
    "layers": "n_layer",
    "width": "n_embd",
    "heads": "n_head",
    "max_length": "n_positions",
}
# Options that change what is computed, with the value that these models have.
BERT_PLAIN = {"position_embedding_type": "absolute", "is_decoder": False}
GPT2_PLAIN = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
# Spellings of the tensors of a word-prediction head.
_HEAD = "cls.predictions."


def bert_config(folder: Path) -> dict[str, Any]:
    """The options of a published BERT, as `Bert` takes them, and whether its head is `tied`.

    Raises:
        UserError: The folder holds no BERT, or one that computes something else.
    """
    config = _read(folder, "bert", "a BERT", BERT_PLAIN)
    return {
        **_sizes(folder, config, BERT_SIZES),
        "dropout": config.get("hidden_dropout_prob", 0.1),
        "attention_dropout": config.get("attention_probs_dropout_prob", 0.1),
        "activation": _activation(folder, config, "hidden_act", "gelu", BERT_ACTIVATIONS),
        "norm_epsilon": config.get("layer_norm_eps", 1e-12),
        "positions": "sequence",
        "tied": bool(config.get("tie_word_embeddings", True)),
    }


def gpt2_config(folder: Path) -> dict[str, Any]:
    """The options of a published GPT-2, as `Gpt2` takes them.

    Raises:
        UserError: The folder holds no GPT-2, or one that computes something else.
    """
    config = _read(folder, "gpt2", "a GPT-2", GPT2_PLAIN)
    return {
        **_sizes(folder, config, GPT2_SIZES),
        "feed_forward": config.get("n_inner"),
        "dropout": config.get("resid_pdrop", 0.1),
        "attention_dropout": config.get("attn_pdrop", 0.1),
        "activation": _activation(
            folder, config, "activation_function", "gelu_new", GPT2_ACTIVATIONS
        ),
        "norm_epsilon": config.get("layer_norm_epsilon", 1e-5),
        "initializer_range": config.get("initializer_range", 0.02),
    }


def weight_files(folder: Path) -> list[Path]:
    """A folder's `model.safetensors`, or its numbered parts.

    Raises:
        UserError: There is none, or only pickled weights.
    """
    files = sorted(folder.glob("model*.safetensors"))
    if files:
        return files
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    pickled += sorted(path.name for path in folder.glob("*.pt"))
    if pickled:
        raise UserError(
            f"{folder}: the weights are pickled ({', '.join(pickled)}), and reading a pickle "
            "runs code from it. Convert it once where you trust it, with "
            "`save_pretrained(FOLDER)` of transformers, which writes model.safetensors."
        )
    raise UserError(f"{folder}: no model.safetensors.")


def tensor_names(folder: Path) -> set[str]:
    """The names of a folder's weights, none of which is read.

    Raises:
        UserError: There are none, or a file of them is damaged.
    """
    return set().union(*map(saved_names, weight_files(folder)))


def refuse_headless(folder: Path, names: Collection[str]) -> None:
    """Raises where the weights of a BERT have no word-prediction head among their names."""
    if not any(name.startswith(_HEAD) for name in names):
        raise UserError(
            f"{folder}: this checkpoint has no word-prediction head (cls.predictions). Models such "
            "as SpanBERT were published without theirs: load it without, and train a head."
        )


def _read(folder: Path, kind: str, what: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = read_json(path)
    except FileNotFoundError:
        raise UserError(
            f"{folder}: no config.json; expected a published {what.removeprefix('a ')} folder."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}).") from None
    if not isinstance(config, dict) or config.get("model_type", kind) != kind:
        found = config.get("model_type") if isinstance(config, dict) else None
        raise UserError(
            f"{path}: not {what}; expected model_type: {kind}"
            + (f", and it is {found}." if found else ".")
        )
    for key, value in plain.items():
        if config.get(key, value) != value:
            raise UserError(f"{path}: {key} is {config[key]!r}; only {value!r} is known.")
    return config


def _sizes(folder: Path, config: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int]:
    lacking = [theirs for theirs in names.values() if not isinstance(config.get(theirs), int)]
    if lacking:
        raise UserError(f"{folder / 'config.json'}: {', '.join(lacking)} must be whole numbers.")
    return {ours: config[theirs] for ours, theirs in names.items()}


def _activation(
    folder: Path, config: Mapping[str, Any], key: str, default: str, known: Mapping[str, str]
) -> str:
    name = config.get(key, default)
    if not isinstance(name, str) or name not in known:
        raise UserError(
            f"{folder / 'config.json'}: {key} is {name!r}; known are {', '.join(known)}."
        )
    return known[name]
