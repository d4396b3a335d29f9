"""Models of ours as published folders, which other libraries load."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import numpy as safetensors_numpy

from tfkd.data.files import write_atomically
from tfkd.data.tokenizers.byte_bpe import ByteBpe, write_published
from tfkd.data.tokenizers.byte_rules import GPT2
from tfkd.data.tokenizers.wordpiece import WordPiece
from tfkd.models.bert import Bert
from tfkd.models.gpt2 import Gpt2
from tfkd.models.published.architecture import (
    ACTIVATIONS,
    CLASSIFIER,
    MASKED_LM,
    PublishedModel,
    place_in,
)
from tfkd.models.published.bert import BERT_SIZES, PublishedBert
from tfkd.models.published.encoders import SEQUENCES, TOKEN_HEAD, TOKENS
from tfkd.models.published.gpt2 import GPT2_ACTIVATIONS, GPT2_PLAIN, GPT2_SIZES, PublishedGpt2
from tfkd.models.weights import variables_by_path


def save_published(
    model: Bert,
    folder: str | PathLike,
    *,
    labels: Sequence[str] | None = None,
    tokenizer: WordPiece | None = None,
) -> None:
    """Writes a BERT as a published folder, which other libraries load.

    Its head over classes becomes that of a sequence classifier where a layer by tanh lies before
    the classes, and of a token classifier without one.

    Args:
        model: The model: with a head over words, or over classes, or with none.
        folder: Made where it is not there.
        labels: The names of its classes, in the order of its head; default: LABEL_0, LABEL_1, ...
        tokenizer: Its tokenizer, written as `vocab.txt` beside it; None: it is left out.

    Raises:
        ValueError: the model has what the layout cannot say: adapters, two heads, a vocabulary of
            the head's own, positions that count anew in the second segment, embeddings of another
            width, another activation before its classes. Nothing is written then.
    """
    options = model.get_config()
    words, classes = (options["output_heads"].get(one) for one in (MASKED_LM, CLASSIFIER))
    if classes is not None and (words is not None or options["pooler"]):
        raise ValueError(
            "Invalid value for argument `model`. The published layout has one head: over words or "
            "over classes. Received: a head over classes beside another, or beside a pooler"
        )
    ending, head = _class_head(classes)
    tensors = to_published(model, PublishedBert, head)
    if options["positions"] != "sequence":
        raise ValueError(
            "Invalid value for argument `model`. The published layout knows no positions but those "
            "counted through the sequence: another library would compute another model. Received: "
            f"positions={options['positions']!r}"
        )
    if tokenizer is not None and tokenizer.size != options["vocabulary_size"]:
        raise ValueError(
            "Invalid value for argument `tokenizer`. Expected as many pieces as the model has "
            f"rows, {options['vocabulary_size']:,}. Received: {tokenizer.size:,} pieces"
        )
    predicted = tensors.get("cls.predictions.bias")
    if predicted is not None and len(predicted) != options["vocabulary_size"]:
        raise ValueError("the published layout has one vocabulary for input and output")
    names = {ours: theirs for theirs, ours in ACTIVATIONS.items() if theirs != "gelu_new"}
    dropout = options["dropout"]
    attention = options["attention_dropout"]
    config = {
        "architectures": [f"Bert{ending if words is None else 'ForMaskedLM'}"],
        "model_type": "bert",
        **{theirs: options[ours] for ours, theirs in BERT_SIZES.items()},
        "intermediate_size": options["feed_forward"] or 4 * options["width"],
        "hidden_act": names[options["activation"]],
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout if attention is None else attention,
        "layer_norm_eps": options["norm_epsilon"],
        "tie_word_embeddings": bool(words is None or words.get("tied", True)),
        "pad_token_id": 0 if tokenizer is None else tokenizer.pad_id,
    }
    if classes is not None:
        config |= _class_names(labels, classes["classes"])
    if words is not None:
        tensors.setdefault(
            "cls.predictions.decoder.weight", tensors["bert.embeddings.word_embeddings.weight"]
        )
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    elif classes is None:
        tensors = {name.removeprefix("bert."): value for name, value in tensors.items()}
    write_folder(folder, tensors, config)
    if tokenizer is not None:
        _write_word_pieces(Path(folder), tokenizer, options["max_length"])


def _class_head(classes: Mapping[str, Any] | None) -> tuple[str, Mapping[str, str]]:
    """The ending of the class that a head over classes is of, and where its weights stand."""
    if classes is None:
        return "Model", {}
    activation = classes.get("activation", "tanh")
    if activation == "tanh":
        return SEQUENCES, PublishedBert.sequence_head
    if activation == "none":
        return TOKENS, TOKEN_HEAD
    raise ValueError(
        "Invalid value for argument `model`. The published layout has tanh before the classes of a "
        f"text, and nothing before those of tokens. Received: activation={activation!r}"
    )


def _class_names(labels: Sequence[str] | None, count: int) -> dict[str, Any]:
    names = [f"LABEL_{number}" for number in range(count)] if labels is None else list(labels)
    if len(names) != count or len({*names}) != count:
        raise ValueError(
            f"Invalid value for argument `labels`. Expected {count} names, each another. "
            f"Received: {names}"
        )
    return {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
    }


def _write_word_pieces(folder: Path, tokenizer: WordPiece, length: int) -> None:
    said = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
        "model_max_length": length,
    }
    write_atomically(folder / "vocab.txt", "".join(f"{one}\n" for one in tokenizer.vocabulary))
    write_atomically(folder / "tokenizer_config.json", json.dumps(said, indent=2) + "\n")


def save_published_gpt2(
    model: Gpt2,
    folder: str | PathLike,
    *,
    end_id: int | None = None,
    tokenizer: ByteBpe | None = None,
) -> None:
    """Writes a GPT-2 as a published folder, which other libraries load.

    Args:
        model: The model.
        folder: Made where it is not there.
        end_id: The id that starts and ends a text, for generation elsewhere; default: the
            tokenizer's.
        tokenizer: Its tokenizer, written as `vocab.json` and `merges.txt` beside it; None: it is
            left out.

    Raises:
        ValueError: the model has adapters, or the tokenizer other rules than GPT-2's, which the
            layout cannot say. Nothing is written then.
    """
    if tokenizer is not None and tokenizer.rules != GPT2:
        raise ValueError(
            "Invalid value for argument `tokenizer`. Expected one that cuts text by GPT-2's rules: "
            "vocab.json and merges.txt say no others. Received: one with rules of its own"
        )
    tensors = {
        f"transformer.{name}": value for name, value in to_published(model, PublishedGpt2).items()
    }
    options = model.get_config()
    names = {ours: theirs for theirs, ours in reversed(GPT2_ACTIVATIONS.items())}
    dropout, attention = options["dropout"], options["attention_dropout"]
    end_id = tokenizer.end_id if end_id is None and tokenizer is not None else end_id
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
    write_folder(folder, tensors, config)
    if tokenizer is not None:
        write_published(tokenizer, Path(folder))


def write_encoder(
    model: Bert, folder: Path, tokenizers: Mapping[str, Any], labels: Sequence[str] | None
) -> None:
    """`save_published` for `Reader.write`."""
    tokenizer = tokenizers["text"]
    if not isinstance(tokenizer, WordPiece):
        raise ValueError("the published layout of a BERT has a tokenizer of kind wordpiece")
    save_published(model, folder, labels=labels, tokenizer=tokenizer)


def write_decoder(
    model: Gpt2, folder: Path, tokenizers: Mapping[str, Any], labels: Sequence[str] | None
) -> None:
    """`save_published_gpt2` for `Reader.write`."""
    del labels  # it has no classes
    tokenizer = tokenizers["text"]
    if not isinstance(tokenizer, ByteBpe):
        raise ValueError("the published layout of a GPT-2 has a tokenizer of kind byte_bpe")
    save_published_gpt2(model, folder, tokenizer=tokenizer)


def to_published(
    model: keras.Model,
    layout: type[PublishedModel] = PublishedBert,
    head: Mapping[str, str] | None = None,
) -> dict[str, np.ndarray]:
    """The weights of a model by published name, float32.

    Args:
        model: The model.
        layout: What says the names.
        head: Those of its head over classes, as in `PublishedModel.parts`.

    Raises:
        ValueError: One has no place there.
    """
    tensors = {}
    for path, variable in variables_by_path(model).items():
        found = place_in(head or {}, path, layout.kernels_transposed)
        place = found or layout.usual_place(path)
        value = variable.value.numpy().astype(np.float32)
        for name, piece in zip(
            place.names, np.split(value, len(place.names), axis=-1), strict=True
        ):
            tensors[name] = np.ascontiguousarray(piece.T if place.transposed else piece)
    return tensors


def write_folder(
    folder: str | PathLike, tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> None:
    """Writes `model.safetensors` and `config.json`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = safetensors_numpy.save(dict(tensors), metadata={"format": "pt"})
    write_atomically(folder / "model.safetensors", data)
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")
