"""What a published folder is, in words: `tfkd inspect`."""

from collections.abc import Iterator
from os import PathLike
from typing import Any

from tfkd.data.tokenizers.published_files import lower_cased, tokenizer_files
from tfkd.models.published.architecture import CLASSIFIER, MASKED_LM, PublishedModel
from tfkd.models.published.architectures import open_published
from tfkd.outside.flow_style import flow
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


def in_short(folder: str | PathLike) -> str:
    """What `described` says, in some sentences, for an error about a folder; empty of a folder that
    nothing is to be said of."""
    try:
        published = open_published(folder)
        heads = "; ".join(_heads(published)) or "none"
        teaches = " ".join(_teaches(published, whole=False))
        try:
            tokenizer = f"{published.tokenizer} ({', '.join(_tokenizer(published))})"
        except UserError:
            tokenizer = "none that can be read"
    except UserError:
        return ""
    return one_line(
        f"`tfkd inspect {folder}`: {published.title}{_written_by(published)}; heads: {heads}; "
        f"tokenizer: {tokenizer}. {teaches}"
    )


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


def _teaches(published: PublishedModel, whole: bool = True) -> Iterator[str]:
    heads = published.heads()
    if MASKED_LM in heads:
        yield "Teaches words: soft_targets with a view of kind mlm, or stored by a score stage."
    if CLASSIFIER in heads:
        try:
            published.head_options(CLASSIFIER)
        except UserError as error:
            yield f"Its classes teach nothing: {error}" if whole else "Its classes teach nothing."
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
    tokenizers = tokenizer_options(published, name)
    lines = ["tokenizers:", *(f"  {one}: {flow(said)}" for one, said in tokenizers.items())]
    lines += [f"teacher: {flow(model_options(published))}"]
    more: dict[str, Any] = {"load": name, "into": "teacher"}
    if published.kind == "bert" and MASKED_LM not in published.heads():
        more["head"] = CLASSIFIER if _classifies(published) else "none"
    return [*lines, "stages:", f"  checkpoint: {flow(more)}"]


def _classifies(published: PublishedModel) -> bool:
    heads = published.heads()
    return CLASSIFIER in heads and MASKED_LM not in heads


def tokenizer_options(published: PublishedModel, name: str) -> dict[str, dict[str, Any]]:
    """What a spec has to say of the tokenizers, by name.

    Args:
        published: The folder.
        name: How the spec names it.
    """
    found = {}
    for tokenizer, more in published.tokenizers().items():
        found[tokenizer] = {"kind": published.tokenizer, "preset": name, **more}
        if published.tokenizer == "wordpiece" and lower_cased(published.folder):
            found[tokenizer]["lower_case"] = True
    return found


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
