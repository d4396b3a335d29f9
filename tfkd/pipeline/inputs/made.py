"""From finished stages to what models read: tokenizers, example sets, views."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.chosen_rows import ChosenRows
from tfkd.data.encoded import EncodedField
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.noise.noisy_rows import ROWS, NoisyRows
from tfkd.data.packed import Packed
from tfkd.data.row_weights import weights_of
from tfkd.data.tokenizers import Separated, Tokenizer
from tfkd.data.views import View, build_view
from tfkd.data.views.relabelled import Relabelled, vocabulary_map
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.parts import left_out
from tfkd.pipeline.inputs.text_stages import classes_of, open_text, open_tokenizer, place
from tfkd.spec.errors import UserError
from tfkd.spec.options import PackOptions
from tfkd.spec.options.parts import CLASSES
from tfkd.spec.options.stages import DataPart

PLAIN = "plain"


def side_tokenizers(node: Node, context: Context) -> dict[str, Tokenizer]:
    """A model's tokenizers by side: `source` and `target`, or `text` (and `head`)."""
    tokenizers = node.trained.inputs_of(Role.TOKENIZER)
    return {side: open_tokenizer(child, context) for side, child in tokenizers.items()}


def named_tokenizers(node: Node, context: Context) -> dict[str, Tokenizer]:
    """A training stage's tokenizers by the names they have in the spec."""
    by_side = side_tokenizers(node, context)
    model = node.model
    named = {name: by_side[side] for side, name in model.tokenizers.items()}
    if "head" in by_side:
        named[model.own_vocabulary] = by_side["head"]
    if (classes := classes_of(node, context)) is not None:
        named[CLASSES] = classes
    return named


def text_tokenizer(node: Node, context: Context) -> Tokenizer:
    """How a stage's language model reads a text by itself: between newlines, where documents stood
    between newlines in its training."""
    return _separated(node, side_tokenizers(node, context)["text"])


def _separated(node: Node, tokenizer: Tokenizer) -> Tokenizer:
    if not (node.model.is_causal and getattr(node.trained.options, "newlines", False)):
        return tokenizer
    newline = newline_piece(tokenizer)
    return tokenizer if newline is None else Separated(tokenizer, newline)


def label_map(node: Node, context: Context) -> np.ndarray | None:
    """From ids that a model reads to ids that it predicts; None where they are the same."""
    by_side = side_tokenizers(node, context)
    if "head" not in by_side:
        return None
    read, predicted = by_side["text"], by_side["head"]
    return vocabulary_map(
        read.vocabulary, predicted.vocabulary, predicted.vocabulary[predicted.unknown_id]
    )


def part_of(
    node: Node,
    role: str,
    name: str,
    context: Context,
    *,
    weight: float = 1.0,
    swap: bool = False,
    pack: PackOptions | None = None,
    left_out: np.ndarray | None = None,
    row_weights: np.ndarray | None = None,
    noisy: int = 0,
) -> Part:
    """One corpus of a stage in ids.

    Args:
        node: The stage.
        role: Its inputs' role: `data.I`, `data` or `validate`.
        name: The corpus.
        context: The run's surroundings.
        weight: How often an epoch goes through it.
        swap: Source and target change places.
        pack: How its documents are packed into blocks.
        left_out: bool `[rows]`, documents that are not packed.
        row_weights: float32 `[rows]`: what each counts; None: as much.
        noisy: How many variants with noise its rows have.
    """
    fields = _fields(node, f"{role}.{Role.IDS}", context)
    variants = [_variant(node, f"{role}.{Role.NOISY}.{i}", fields, context) for i in range(noisy)]
    if pack is not None:
        if left_out is not None:
            kept = np.flatnonzero(~left_out)
            fields = {key: ChosenRows(rows, kept) for key, rows in fields.items()}
        fields = _packed(node, fields, pack, context)
    rows = len(next(iter(fields.values())))
    return Part(
        name, fields, rows, weight=weight, swap=swap, packed=pack is not None,
        row_weights=row_weights, variants=tuple(variants),
    )  # fmt: skip


def _fields(node: Node, role: str, context: Context) -> dict[tuple[str, str], EncodedField]:
    """The ids of a corpus by field and tokenizer."""
    return {
        (child.options.field, child.options.tokenizer): EncodedField.open(
            place(child, context).path
        )
        for child in node.inputs_of(role).values()
    }


def _variant(
    node: Node, role: str, clean: Mapping[tuple[str, str], EncodedField], context: Context
) -> dict[tuple[str, str], NoisyRows]:
    """The fields of a corpus some of whose rows have noise, in one of its variants."""
    rows = np.load(place(node.inputs[f"{role}.{Role.TEXT}"], context).path / ROWS)
    noisy = _fields(node, f"{role}.{Role.IDS}", context)
    return {key: NoisyRows(clean[key], ids, rows) for key, ids in noisy.items()}


def _packed(
    node: Node, fields: Mapping[tuple[str, str], EncodedField], pack: PackOptions, context: Context
) -> dict[tuple[str, str], Packed]:
    """A corpus's text in blocks, as the stage's model reads it.

    One that predicts each next token reads N of them, and the one before as its start; another has
    [CLS] and [SEP] around a block, which take two places.

    Raises:
        UserError: The separator is a newline, and the tokenizer has no piece for it.
    """
    (tokenizer,) = side_tokenizers(node, context).values()
    separator = tokenizer.end_id
    if pack.separator == "newline":
        separator = newline_piece(tokenizer)
        if separator is None:
            raise UserError(
                f"stages.{node.label}.data: pack: separator: newline, and the tokenizer has no "
                "piece for a newline. Expected separator: end, or a tokenizer of kind byte_bpe"
            )
    causal = node.model.is_causal
    block, overlap = (pack.length, 1) if causal else (pack.length - 2, 0)
    return {
        key: Packed(rows, block, separator, overlap)
        for key, rows in fields.items()
        if key[0] == "text"
    }


def newline_piece(tokenizer: Tokenizer) -> int | None:
    """The id of a newline's piece; None of a tokenizer that has none."""
    found = tokenizer.encode(["\n"]).values
    known = len(found) == 1 and int(found[0]) not in tokenizer.special_ids
    return int(found[0]) if known else None


def training_set(node: Node, context: Context) -> ExampleSet:
    """The rows that a training or scoring stage reads."""
    return ExampleSet(
        [
            part_of(
                node,
                Role.DATA.of(i),
                part.of,
                context,
                weight=part.weight,
                swap=part.swap,
                pack=part.packing,
                left_out=left_out(node, node.corpora[i], context) if part.packing else None,
                row_weights=_row_weights(node.corpora[i], part, context),
                noisy=variants_of(node, part),
            )
            for i, part in enumerate(node.options.data)
        ]
    )


def variants_of(node: Node, part: DataPart) -> int:
    """How many variants with noise the rows of a stage's corpus have."""
    view = getattr(part, "view", None)
    return 0 if view is None else node.spec.views[view].forms


def _row_weights(corpus: Node, part: DataPart, context: Context) -> np.ndarray | None:
    """What each row of a stage's data counts; None: as much."""
    if part.weighing is None:
        return None
    return weights_of(open_text(corpus, context), part.of, part.weighing.temperature)


def views_of(trained: Node, names: set[str | None], context: Context) -> dict[str, View]:
    """The views that a training stage's terms read; None stands for the plain one."""
    trained = trained.trained
    sides = trained.model.tokenizers
    tokenizers = named_tokenizers(trained, context)
    if "text" in sides:
        tokenizers[sides["text"]] = _separated(trained, tokenizers[sides["text"]])
    views: dict[str, View] = {}
    read = tokenizers.get(sides.get("text"))
    for name in sorted(names, key=lambda name: name or ""):
        options, key = None if name is None else trained.spec.views[name], name or PLAIN
        view = trained.task.own_view(trained, options, read, key, context)
        if view is None:
            kind = "none" if options is None else options.kind
            settings = {} if options is None else options.model_dump(exclude={"kind"})
            view = build_view(kind, sides, tokenizers, name=key, **settings)
        views[key] = view
    table = label_map(trained, context)
    if table is not None:
        views = {name: Relabelled(view, table) for name, view in views.items()}
    return views


def readable(trained: Node) -> int:
    """The most tokens of a sequence that a model and its online teachers have positions for."""
    teachers = trained.inputs_of(Role.TEACHER).values()
    asked = [child for child in teachers if "targets" not in child.gives]
    return min(node.model.max_length for node in (trained, *asked))
