"""What a stage's fingerprint is made of: what was chosen, in plain types."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of
from tfkd.data.text.source_files import find_files, shown
from tfkd.data.tokenizers.preset_files import (
    BYTE_BPE_FILES,
    PRESET_FILES,
    SENTENCEPIECE_FILES,
)
from tfkd.data.tokenizers.published_specials import said_beside
from tfkd.outside.regular_files import NOTHING, other_than_file, readable
from tfkd.spec import registry
from tfkd.spec.errors import UserError
from tfkd.spec.options import classifier

_FILES = {"byte_bpe": BYTE_BPE_FILES, "sentencepiece": SENTENCEPIECE_FILES}


def plain(options: Any, without: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """What was chosen, in plain types: values at their defaults are left out, kinds never are.

    So a new option with a default leaves older results valid; whoever changes a default or what a
    class does with it raises the class's revision.
    """
    fields = type(options).model_fields
    return {
        name: _chosen(value)
        for name, value in options
        if name not in without
        and (name == "kind" or fields[name].is_required() or value != fields[name].default)
    }


def _chosen(value: Any) -> Any:
    if hasattr(type(value), "model_fields"):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): _chosen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_chosen(item) for item in value]
    return value


def raised(kind: str, name: str | None) -> dict[str, int]:
    """A class's revision, where it has been raised: the first is in no older fingerprint."""
    revision = 1 if name is None else _revision(kind, name)
    return {} if revision == 1 else {f"{kind}_revision": revision}


def own_identity(given: Any, metrics: Iterable[str]) -> dict[str, Any]:
    """What an identity says of the metrics of plugins among some: options, and raised revisions."""
    options = {name: given.metric_options[name] for name in metrics if name in given.metric_options}
    revisions = {name: revision for name in metrics if (revision := _revision("metric", name)) > 1}
    return {
        key: value
        for key, value in (
            ("metric_options", {name: plain(one) for name, one in options.items()}),
            ("metric_revisions", revisions),
        )
        if value
    }


def _revision(kind: str, name: str) -> int:
    return registry.lookup(kind, name).revision


def between_newlines(model: Any, stage: Any) -> dict[str, str]:
    """What an identity says of texts that a language model reads by themselves: nothing, or that
    they stand between newlines, as the documents of its training did.

    Args:
        model: Its options.
        stage: Those of the stage that it is from.
    """
    newlines = model.is_causal and getattr(stage, "newlines", False)
    return {"between": "newlines"} if newlines else {}


def read_in_windows(model: Any, stage: Any) -> dict[str, int]:
    """What an identity says of a text's windows: nothing where they have the model's length."""
    length = model.window(stage)
    return {} if length == model.max_length else {"window": length}


def repeated(paths: Any, names: list[str], data_dir: Path) -> list[Any]:
    """The places in `names` of the files that are read, where one of them is read twice; else [].

    Where each is read once, their hashes in order say it all.
    """
    sides = paths if isinstance(paths, list) and len(names) < _count(paths, data_dir) else []
    return [
        [names.index(shown(path, data_dir)) for path in find_files(side, data_dir)]
        for side in sides
    ]


def _count(paths: list[Any], data_dir: Path) -> int:
    return sum(len(find_files(side, data_dir)) for side in paths)


def model_identity(model: Any) -> dict[str, Any]:
    """What a model is, whatever its tokenizers and the models that it is made of are called."""
    named = model.named_models() if hasattr(model, "named_models") else {}
    identity = plain(model, without={"tokenizer", *named})
    head = getattr(model, "head", None)
    if getattr(head, "tokenizer", None) not in (None, model.tokenizer):
        identity["head"].pop("tokenizer")
    if classifier(model) is not None:
        identity["head"].pop("classes", None)  # names; what they hold is an input
    for option, name in named.items():
        identity[option] = model_identity(model.parts[name])
    if isinstance(identity.get("decoder"), dict):
        identity["decoder"].pop("tokenizer", None)
    if adapters := getattr(model, "adapters", None):
        identity["adapters"] = {
            side: plain(options) | raised("adapter", options.kind)
            for side, options in adapters.items()
        }
    identity["revision"] = registry.lookup("model", model.kind).revision
    return identity


def vocabulary_identity(name: str, options: Any, data_dir: Path) -> Any:
    """What a vocabulary that is read depends on: its file's bytes, or its preset.

    Args:
        name: The tokenizer's name, for the message.
        options: Its options.
        data_dir: The folder that its paths are relative to.

    Raises:
        UserError: There is no such file.
    """
    if getattr(options, "preset", None) is not None:
        files = _FILES.get(options.kind, PRESET_FILES)
        if options.kind == "byte_bpe" and not (data_dir / options.preset / files[0]).is_file():
            files = ("tokenizer.json",)
        found = _preset(options.preset, data_dir, files, f"tokenizers.{name}.preset")
        beside = options.kind == "sentencepiece" and os.path.isdir(data_dir / options.preset)
        return {"preset": found, **(said_beside(data_dir / options.preset) if beside else {})}
    if getattr(options, "merges", None) is not None:
        paths = [data_dir / options.vocabulary, data_dir / options.merges]
        advice = "a GPT-2's vocab.json and merges.txt, relative to the data folder (--data-dir)"
        return [_hash(path, f"tokenizers.{name}", advice) for path in paths]
    advice = (
        "a SentencePiece model"
        if options.kind == "sentencepiece"
        else "one with a piece a line, relative to the data folder (--data-dir), or a folder as "
        "`preset:`"
    )
    return _hash(data_dir / options.vocabulary, f"tokenizers.{name}.vocabulary", advice)


def _hash(path: Path, place: str, advice: str) -> str:
    what = other_than_file(path)
    if what is not None:
        raise UserError(f"{place}: {path} is no file: it is {what}; name {advice}")
    with readable(path, place):
        return sha256_of(path)


def _preset(name: str, data_dir: Path, files: tuple[str, ...], place: str) -> Any:
    """The bytes of all of a folder's files that say what its tokenizer is, or a name."""
    folder = data_dir / name
    if not os.path.isdir(folder):
        return name
    with readable(folder, place):
        return {
            one: sha256_of(folder / one)
            for one in files
            if other_than_file(folder / one) != NOTHING
        }


def decode_identity(decode: Any) -> dict[str, Any]:
    """What outputs hang on beside their model: how they are made, and by which revision."""
    revision = registry.lookup("decode", decode.kind).revision
    return {"decode": plain(decode), "decode_revision": revision}


def origins(value: str | Mapping[str, str] | None) -> dict[str, str]:
    """The stages of `from:` by part; the whole model's part is `all`."""
    if value is None:
        return {}
    return {"all": value} if isinstance(value, str) else dict(value)
