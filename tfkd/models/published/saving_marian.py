"""Translators of ours as published Marian folders, with both sides' tokenizers."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.tokenizers.sentence_piece import PLAIN, SentencePiece
from tfkd.models.published.marian import PublishedMarian
from tfkd.models.published.saving import to_published, write_folder
from tfkd.models.transformer import Transformer

# What the format says of no model, and each of its models is.
_SAID = {
    "norm": "post",
    "norm_epsilon": 1e-5,
    "positions": "sinusoidal",
    "share_embeddings": "all",
    "output_bias": True,
    "decoder_attention": "causal",
    "lengths": None,
}
_NAMES = {"end_id": "</s>", "unknown_id": "<unk>", "start_id": "<pad>"}


def save_published_marian(
    model: Transformer, folder: str | PathLike, tokenizers: Mapping[str, SentencePiece]
) -> None:
    """Writes a translator as a published Marian folder: config.json, model.safetensors,
    source.spm, target.spm and vocab.json. A load stage reads it, and other libraries do.

    Ids become the format's: the end first, and last the start, which is padding there. What else
    stands for no text is left out, with its rows of the embedding.

    Args:
        model: The translator.
        folder: Made where it is not there.
        tokenizers: Those of its `source` and `target`: one that was learnt from both, or the two of
            a Marian that was read.

    Raises:
        ValueError: The format cannot say such a model, or such tokenizers. Nothing is written then.

    Example:
        >>> stage = tfkd.open_run("runs/translator").stage("learn")
        >>> save_published_marian(stage.model(), "opus-mt-de-en", stage.tokenizers())
        >>> stage.save_published("opus-mt-de-en")  # the same
    """
    options = model.get_config()
    other = {name: options[name] for name, said in _SAID.items() if options[name] != said}
    if any(options["adapters"].values()):
        other["adapters"] = "some"
    if other:
        said = ", ".join(f"{name}={value!r}" for name, value in _SAID.items() if name in other)
        raise ValueError(
            f"Invalid value for argument `model`. Expected {said or 'no adapters'}, as Marian has "
            f"it. Received: {', '.join(f'{name}={value!r}' for name, value in other.items())}"
        )
    source, target = tokenizers["source"], tokenizers["target"]
    rows = _rows(source, target)
    names = _names(source, rows)
    if len({*names}) != len(rows):
        raise ValueError(
            "Invalid value for argument `tokenizers`. Expected pieces each of a name of its own. "
            "Received: one that is called as a special token of Marian's"
        )
    tensors = to_published(model, PublishedMarian)
    for name in ("model.shared.weight", "final_logits_bias"):
        tensors[name] = tensors[name][rows]
    tensors["final_logits_bias"] = tensors["final_logits_bias"][None]
    end = rows.tolist().index(source.end_id)
    write_folder(folder, tensors, _config(options, len(rows), end))
    folder = Path(folder)
    for file, content in (
        ("vocab.json", {name: place for place, name in enumerate(names)}),
        ("generation_config.json", _generation(len(rows), end)),
        ("tokenizer_config.json", {"tokenizer_class": "MarianTokenizer"}),
    ):
        text = json.dumps(content, ensure_ascii=False, indent=1)
        write_atomically(folder / file, text + "\n")
    for side, tokenizer in (("source", source), ("target", target)):
        write_atomically(folder / f"{side}.spm", tokenizer.model)


def write_translator(
    model: Transformer, folder: Path, tokenizers: Mapping[str, Any], labels: Sequence[str] | None
) -> None:
    """`save_published_marian` for `Reader.write`."""
    del labels  # it has no classes
    save_published_marian(model, folder, tokenizers)


def _rows(source: SentencePiece, target: SentencePiece) -> np.ndarray:
    """Our ids in the order of theirs."""
    pieces = isinstance(source, SentencePiece) and isinstance(target, SentencePiece)
    if pieces and not (source.lower_case or target.lower_case):
        read = [one.style.size is not None for one in (source, target)]
        if all(read) and source.vocabulary == target.vocabulary:
            return np.arange(source.size)
        if source.style == PLAIN and source.fingerprint() == target.fingerprint():
            words = [place for place in range(source.size) if place not in source.special_ids]
            return np.array([source.end_id, source.unknown_id, *words, source.start_id])
    raise ValueError(
        "Invalid value for argument `tokenizers`. Expected one of kind sentencepiece that is "
        "learnt from both sides and does not lower-case, or the two of a Marian's folder. Received "
        "others: the format has no place for them"
    )


def _names(tokenizer: SentencePiece, rows: np.ndarray) -> list[str]:
    special = {getattr(tokenizer, role): name for role, name in _NAMES.items()}
    return [special.get(row, tokenizer.vocabulary[row]) for row in rows.tolist()]


def _config(options: Mapping[str, Any], size: int, end: int) -> dict[str, Any]:
    activations = {ours: theirs for theirs, ours in PublishedMarian.activations.items()}
    attention = options["attention_dropout"]
    inner = options["feed_forward"] or 4 * options["width"]
    return {
        "architectures": ["MarianMTModel"],
        "model_type": "marian",
        "vocab_size": size,
        "decoder_vocab_size": size,
        "d_model": options["width"],
        "encoder_layers": options["encoder_layers"],
        "decoder_layers": options["decoder_layers"],
        "encoder_attention_heads": options["heads"],
        "decoder_attention_heads": options["heads"],
        "encoder_ffn_dim": inner,
        "decoder_ffn_dim": inner,
        "max_position_embeddings": options["max_length"],
        "activation_function": activations[options["activation"]],
        "dropout": options["dropout"],
        "attention_dropout": options["dropout"] if attention is None else attention,
        "activation_dropout": options["activation_dropout"],
        "scale_embedding": True,
        **PublishedMarian.plain,
        "is_encoder_decoder": True,
        "pad_token_id": size - 1,
        "decoder_start_token_id": size - 1,
        "eos_token_id": end,
        "forced_eos_token_id": end,
    }


def _generation(size: int, end: int) -> dict[str, Any]:
    """How others decode: padding, which a decoder starts with, is no word."""
    return {
        "bad_words_ids": [[size - 1]],
        "bos_token_id": end,
        "decoder_start_token_id": size - 1,
        "eos_token_id": end,
        "forced_eos_token_id": end,
        "pad_token_id": size - 1,
        "num_beams": 4,
        "max_length": 512,
    }
