"""Models of stages: built from their options, with weights from other stages."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views import View
from tfkd.decoding import Shortlist
from tfkd.layers.initializers import values_follow
from tfkd.layers.quantization import fake_quantize
from tfkd.models import build_model, rows_of_pieces
from tfkd.models.builder import start_head
from tfkd.models.freezing import frozen_parts, in_adapter
from tfkd.models.mean_of import MeanOf
from tfkd.models.pieces import HEAD_MATRIX, HEAD_ROWS
from tfkd.models.weights import under, variables_by_path
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.made import named_tokenizers
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.inputs.stage_weights import Shared, load_stage, weight_names
from tfkd.pipeline.inputs.text_stages import classes_of, open_tokenizer, place
from tfkd.spec.errors import UserError

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
# What validation and evaluation pad widths to, as batches do unless a spec says otherwise.
PAD_TO = 4
# What a model's decoding goes by, of a stage that leaves it.
SHORTLIST = "shortlist.safetensors"


def heads_of(node: Node) -> tuple[str, ...]:
    """The kinds of heads that a training stage's terms need, or that a checkpoint has."""
    trained = node.trained
    return trained.model.heads_needed(trained.options, trained.spec.views)


@dataclass(frozen=True)
class Started:
    """A model as a training starts with it.

    Attributes:
        model: The model.
        origins: By the role of each stage of `from:`, the path of each weight that is that stage's
            in this model, and what it is called there.
    """

    model: keras.Model
    origins: Shared


def started(node: Node, context: Context) -> Started:
    """The model of a training stage as it starts: its seed's weights, then those of `from:`.

    A head with a matrix of its own that no stage of `from:` has starts from the input embeddings
    that were loaded (P1), where its options say so. Parts that stay frozen have their weights in
    the precision of the products. With `fake_quantize` its products are those of an engine in 8
    bits, in training and in validations; what is read of the stage later is not quantized.

    Raises:
        UserError: The weights of `from:` are another model's, or of another vocabulary's pieces.
    """
    options = node.options
    model_of = node.model
    model = build_model(
        model_of,
        named_tokenizers(node, context),
        policy=POLICIES[options.products],
        seed=options.seed,
        heads_needed=heads_of(node),
        frozen=frozen_parts(model_of.part_names or (), options.trainable),
    )
    origins: Shared = {}
    for part, origin in node.inputs_of(Role.FROM).items():
        try:
            found = _start_from(model, origin, None if part == "all" else part, node, context)
        except ValueError as error:
            raise UserError(f"stages.{node.label}.from: {error}") from error
        for names in origins.values():  # a later stage's weights replace an earlier one's
            for name in found:
                names.pop(name, None)
        origins[Role.FROM.of(part)] = found
    loaded = {name for names in origins.values() for name in names}
    if model_of.has_own_matrix and loaded and HEAD_MATRIX not in loaded:
        start_head(model, model_of, named_tokenizers(node, context))
    if options.fake_quantize is not None:
        try:
            fake_quantize(model, options.fake_quantize)
        except ValueError as error:  # a plugin's layers
            raise UserError(f"stages.{node.label}.precision.fake_quantize: {error}") from error
    return Started(model, origins)


def _start_from(
    model: keras.Model, origin: Node, part: str | None, node: Node, context: Context
) -> dict[str, str]:
    """Loads a stage's weights into a model, or into a part of it; returns their paths, here and
    there.

    The rows of a head with a matrix of its own are loaded where the stage has that very head.
    """
    rows = {
        name: sides
        for name, sides in rows_of_pieces(model).items()
        if part is None or under(name, part)
    }
    without: tuple[str, ...] = ()
    if node.model.has_own_matrix and not (
        HEAD_MATRIX in weight_names(origin, context)
        and not _difference("head", node, origin, context)
    ):
        without = HEAD_ROWS
    without += heads_apart(model, node, origin, context)
    for name, sides in rows.items():
        for side in () if name in without else sides:
            if difference := _difference(side, node, origin, context):
                raise UserError(
                    f"{name} has a row for each piece, and {difference}: a row would stand for "
                    "another piece. Give both models one tokenizer, or name the parts to start "
                    "from, without this one"
                )
    parts: Any = None if part is None else [part]
    whole, _, below = (part or "").partition("/")
    if whole in node.model.whole_parts and (origin.model.kind != node.model.kind):
        parts = {part: below}
        without += tuple(name for name in variables_by_path(model) if in_adapter(name))
    return load_stage(model, origin, context, parts, without=without).sources


def heads_apart(model: Any, node: Node, origin: Node, context: Context) -> tuple[str, ...]:
    """Heads that a stage does not take from the one it starts from: in pre-training a BERT has one
    over words, tuned one over classes, which starts anew where the classes are other ones."""
    one, other = node.model, origin.model
    if not one.encoder_only or one.kind != other.kind:
        return ()
    ours, theirs = (heads_of(one) for one in (node, origin))
    if "classifier" not in (*ours, *theirs):
        return ()
    apart = () if {"masked_lm"} <= {*ours} & {*theirs} else ("head",)
    classes = [classes_of(one, context) for one in (node, origin)]
    if None in classes:
        return (*apart, "classifier")
    prints = {one.fingerprint() for one in classes}
    return apart if len(prints) == 1 else (*apart, "classifier")


def _difference(side: str, node: Node, origin: Node, context: Context) -> str:
    """How the pieces of one side differ between a stage and the one it starts from; "" if not."""
    ours, theirs = _tokenizer_of(side, node), _tokenizer_of(side, origin)
    if ours is None or theirs is None:
        return ""
    prints = [open_tokenizer(one, context).fingerprint()[:12] for one in (ours, theirs)]
    if prints[0] == prints[1]:
        return ""
    return (
        f"{origin.label} has those of tokenizer {theirs.label} ({prints[1]}), this stage those of "
        f"tokenizer {ours.label} ({prints[0]})"
    )


def _tokenizer_of(side: str, node: Node) -> Node | None:
    """The stage of the tokenizer whose pieces a side has; see `models.pieces.rows_of_pieces`."""
    # A model of one sequence has one side's pieces, whichever it is a part for.
    names = ("head", "text", "target") if side == "head" else (side, "text")
    found = [node.trained.inputs.get(Role.TOKENIZER.of(name)) for name in names]
    return next((one for one in found if one is not None), None)


def trained_model(
    node: Node, context: Context, *, precision: str = "float32"
) -> keras.Model | MeanOf:
    """The model that a finished stage left; of one with folds the mean of its models.

    Raises:
        UserError: A checkpoint lacks the model's head, which a training stage has to teach.
    """
    if folds := folds_of(node):
        return MeanOf([trained_model(one, context, precision=precision) for one in folds])
    options = node.model
    trained = node.trained
    if trained.kind == "load" and not heads_of(node):
        options = options.without_head()
    if trained.kind == "load" and options.has_own_matrix:
        head = options.own_vocabulary
        if head is not None or HEAD_MATRIX not in weight_names(node, context):
            raise UserError(
                f"stages.{node.label}: {trained.options.train} has a head of its own (over "
                f"tokenizer {head or options.tokenizer}), which the checkpoint lacks: it predicts "
                f"nothing yet. Expected a stage that trains it, `from: {node.label}`, or a model "
                "without `head:`"
            )
    policy = POLICIES[precision]
    if trained.kind == "load" and trained.options.precision is not None:
        policy = trained.options.precision  # weights and products alike
    with values_follow():  # every weight is loaded
        model = build_model(
            options,
            named_tokenizers(node, context),
            policy=policy,
            seed=1,
            heads_needed=heads_of(node),
        )
    load_stage(model, node, context)
    shortlist = place(node, context).path / SHORTLIST
    if shortlist.exists():
        model.shortlist = Shortlist.load(shortlist)
    return model


def check_lengths(model: Any, name: str, examples: ExampleSet, view: View, where: str) -> None:
    """Refuses rows that a model has no positions for, or whose target's length it does not know.

    Args:
        model: The model's options.
        name: The model's name in the spec.
        examples: What it is to read, whole.
        view: How.
        where: The spec's path, for the message.

    Raises:
        UserError: There are such rows.
    """
    limits = model.side_limits(PAD_TO)
    if not limits:
        return
    lengths = view.lengths(examples)
    for side, limit in limits.items():
        longer = np.flatnonzero(lengths[side] > limit) if side in lengths else []
        if not len(longer):
            continue
        if side == "target" and limit + 1 == getattr(model, "lengths", None):
            has, mend = "knows lengths of", f"give it lengths: {int(lengths[side].max()) + 1}"
        else:
            has = "has positions for"
            mend = "raise the model's max_length, or give it sinusoidal positions"
        raise UserError(
            f"{where}: {len(longer):,} rows, the first of them row {longer[0] + 1}, have a {side} "
            f"longer than the {limit} tokens that {name} {has} (the longest has "
            f"{int(lengths[side].max())}). Leave them out by the corpus's max_characters, or {mend}"
        )
