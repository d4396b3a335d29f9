"""What a published folder is, in words: `tfkd inspect`."""

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import yaml

from tfkd.data.tokenizers.published_files import lower_cased, tokenizer_files
from tfkd.models.published.architecture import CLASSIFIER, MASKED_LM, PublishedModel
from tfkd.models.published.architectures import open_published
from tfkd.outside.printable import one_line
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.spec.options.heads import ClassifierHeadOptions

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}
_LEFT = 12
# What no result of a loaded model hangs on.
_FREE = {"dropout", "attention_dropout", "initializer_range", "vocabulary_size"}
_HEADS = {
    MASKED_LM: "masked words",
    "causal_lm": "the next word",
    "translation": "the target's words",
}


def described(folder: str | PathLike) -> str:
    """What a folder holds, what it can teach, and a fragment of a spec.

    Raises:
        UserError: It holds nothing that can be read, or its weights are not all there.
    """
    published = open_published(folder)
    lines = [f"{folder}: {published.title}" + _written_by(published), ""]
    for name, said in _facts(published):
        lines.append(f"{name:{_LEFT}}{said}")
    lines += ["", "In a spec:", "", *fragment(published)]
    return "\n".join(one_line(line) for line in lines)


def _written_by(published: PublishedModel) -> str:
    name = published.architecture()
    return f", written as {name}" if name else ""


def _facts(published: PublishedModel) -> Iterator[tuple[str, str]]:
    stored = published.checkpoint.tensors.values()
    types = sorted({one.type for one in stored})
    files = [path.name for path in published.checkpoint.files]
    named = files[0] if len(files) == 1 else f"{len(files)} parts, {files[0]} ..."
    size = sum(path.stat().st_size for path in published.checkpoint.files) / 1e6
    yield (
        "weights",
        (f"{named}: {published.parameters():,} numbers, {', '.join(types)}, {size:,.1f} MB"),
    )
    options = published.options()
    sizes = {name: value for name, value in options.items() if name in published.sizes}
    yield "sizes", ", ".join(f"{name} {value:,}" for name, value in sizes.items())
    yield "heads", "; ".join(_heads(published)) or "none: it has states alone"
    try:
        yield "tokenizer", f"{published.tokenizer}: {', '.join(_tokenizer(published))}"
    except UserError as error:
        yield "tokenizer", f"cannot be read: {error}"
    for said in (*_teaches(published), *published.facts()):
        yield "", said


def _tokenizer(published: PublishedModel) -> tuple[str, ...]:
    return tokenizer_files(published.folder, published.tokenizer)


def _heads(published: PublishedModel) -> Iterator[str]:
    for kind in published.heads():
        if kind != CLASSIFIER:
            yield _HEADS[kind]
            continue
        labels = published.labels() or []
        of = "a text" if published.of_texts() else "each token"
        yield f"{len(labels)} classes of {of}: {', '.join(labels)}"


def _teaches(published: PublishedModel) -> Iterator[str]:
    heads = published.heads()
    if MASKED_LM in heads:
        yield "Teaches words: soft_targets with a view of kind mlm, or stored by a score stage."
    if CLASSIFIER in heads:
        try:
            published.head_options(CLASSIFIER)
        except UserError as error:
            yield f"Its classes teach nothing: {error}"
            return
        if published.of_texts():
            yield "Teaches classes as it is: a load stage with head: classifier, and a score stage."
        else:
            yield "Teaches tags as it is: a load stage with head: classifier into a model whose"
            yield "head is a tagger, and a score stage. A word's tag is that of its first piece."
    if "causal_lm" in heads:
        yield "Teaches the next word: soft_targets of a causal_lm view."
    if "translation" in heads:
        yield "Teaches translations: outputs of a translate stage, or soft_targets in the step."
    if published.kind == "bert":
        yield "Teaches states: hidden_states; parts of it start others (from:)."


def fragment(published: PublishedModel) -> list[str]:
    """The lines of a spec that read the folder."""
    name = str(published.folder)
    lines = ["tokenizers:", *(f"  {one}" for one in _tokenizers(published, name))]
    lines += [f"teacher: {_flow(model_options(published))}"]
    more: dict[str, Any] = {"load": name, "into": "teacher"}
    if published.kind == "bert" and MASKED_LM not in published.heads():
        more["head"] = CLASSIFIER if _classifies(published) else "none"
    return [*lines, "stages:", f"  checkpoint: {_flow(more)}"]


def _classifies(published: PublishedModel) -> bool:
    heads = published.heads()
    return CLASSIFIER in heads and MASKED_LM not in heads


def _tokenizers(published: PublishedModel, name: str) -> Iterator[str]:
    for tokenizer, more in published.tokenizers().items():
        if published.tokenizer == "wordpiece" and lower_cased(published.folder):
            more = {**more, "lower_case": True}
        yield f"{tokenizer}: {_flow({'kind': published.tokenizer, 'preset': name, **more})}"


def model_options(published: PublishedModel) -> dict[str, Any]:
    """What a spec has to say of the model: all that is not its family's default."""
    register_builtins()
    fields = registry.lookup("model", published.kind).options.model_fields
    found: dict[str, Any] = {"kind": published.kind, "tokenizer": published.tokenizer_of()}
    for name, value in published.options().items():
        known = fields.get(name)
        if known is None or name in _FREE or value is None:
            continue
        if known.is_required() or value != known.default:
            found[name] = value
    if _classifies(published):
        kind = CLASSIFIER if published.of_texts() else "tagger"
        head: dict[str, Any] = {"kind": kind, "classes": ["train"]}
        activation = published.head_activation()
        if activation != ClassifierHeadOptions.model_fields["activation"].default:
            head["activation"] = activation
        found["head"] = head
    return found


def _flow(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}" if value >= 1e-3 else _small(value) if value else "0.0"
    if not isinstance(value, str):
        return str(value)
    plain = value.strip("./_-") and all(one.isalnum() or one in "_-./" for one in value)
    # A folder may be called 2024, null or on, which YAML reads as something else.
    plain = plain and isinstance(yaml.safe_load(value), str)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _small(value: float) -> str:
    """A small number as YAML reads it: 1e-5, or 1.5e-5."""
    mantissa, _, exponent = f"{value:.10e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
