"""Models of stages: built from their options, with weights from other stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfkd.data.buckets import within_limits
from tfkd.data.examples import ExampleSet
from tfkd.data.views import View
from tfkd.models import build_model, load_weights, rows_of_pieces, saved_names
from tfkd.models.builder import start_head
from tfkd.models.pieces import HEAD_MATRIX, HEAD_ROWS
from tfkd.models.weights import under
from tfkd.pipeline.builder import head_tokenizer, model_tokenizers
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, named_tokenizers
from tfkd.pipeline.text_stages import open_tokenizer, place
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

WEIGHTS = "weights.safetensors"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
# What validation and evaluation pad widths to, as batches do unless a spec says otherwise.
PAD_TO = 4


def heads_of(spec: Spec, stage: Any) -> tuple[str, ...]:
    """The kinds of heads that a training stage's terms need, or that a checkpoint has."""
    if getattr(stage, "head", "published") == "none":
        return ()
    return ("masked_lm",) if spec.models[stage.train].kind == "bert" else ()


def has_own_matrix(model: Any) -> bool:
    """Whether a model's options name a head with a matrix of its own."""
    return getattr(getattr(model, "head", None), "tied", True) is False


def fresh_model(node: Node, context: Context, *, precision: str | None = None) -> keras.Model:
    """The model of a training stage as it starts: its seed's weights, then those of `from:`.

    A head with a matrix of its own that no stage of `from:` has starts from the input embeddings
    that were loaded (P1), where its options say so.

    Raises:
        UserError: The weights of `from:` are another model's, or of another vocabulary's pieces.
    """
    options = node.options
    model = build_model(
        model_options(node),
        named_tokenizers(node, context),
        policy=POLICIES[precision or options.precision],
        seed=options.seed,
        heads_needed=heads_of(node.spec, options),
    )
    loaded: set[str] = set()
    for role, origin in node.inputs.items():
        if not role.startswith("from."):
            continue
        part = role.partition(".")[2]
        try:
            loaded |= _start_from(model, origin, None if part == "all" else part, node, context)
        except ValueError as error:
            raise UserError(f"stages.{node.label}.from: {error}") from error
    if has_own_matrix(model_options(node)) and loaded and HEAD_MATRIX not in loaded:
        start_head(model, model_options(node), named_tokenizers(node, context))
    return model


def _start_from(
    model: keras.Model, origin: Node, part: str | None, node: Node, context: Context
) -> set[str]:
    """Loads a stage's weights into a model, or into a part of it; returns the paths.

    The rows of a head with a matrix of its own are loaded where the stage has that very head.
    """
    path = place(origin, context).path / WEIGHTS
    rows = {
        name: sides
        for name, sides in rows_of_pieces(model).items()
        if part is None or under(name, part)
    }
    without: tuple[str, ...] = ()
    if has_own_matrix(model_options(node)) and not (
        HEAD_MATRIX in saved_names(path) and not _difference("head", node, origin, context)
    ):
        without = HEAD_ROWS
    for name, sides in rows.items():
        for side in () if name in without else sides:
            if difference := _difference(side, node, origin, context):
                raise UserError(
                    f"{name} has a row for each piece, and {difference}: a row would stand for "
                    "another piece. Give both models one tokenizer, or name the parts to start "
                    "from, without this one"
                )
    parts = None if part is None else [part]
    return set(load_weights(model, path, parts, without=without).loaded)


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
    names = ("head", "text", "target") if side == "head" else (side,)
    found = [node.inputs.get(f"tokenizer.{name}") for name in names]
    return next((one for one in found if one is not None), None)


def trained_model(node: Node, context: Context, *, precision: str = "float32") -> keras.Model:
    """The model that a finished training stage left, or a load stage.

    Raises:
        UserError: A checkpoint lacks the model's head, which a training stage has to teach.
    """
    path = place(node, context).path / WEIGHTS
    options = model_options(node)
    if node.kind == "load" and not heads_of(node.spec, node.options):
        options = options.model_copy(update={"head": None})
    if node.kind == "load" and has_own_matrix(options):
        head = head_tokenizer(options)
        if head is not None or HEAD_MATRIX not in saved_names(path):
            raise UserError(
                f"stages.{node.label}: {node.options.train} has a head of its own (over tokenizer "
                f"{head or options.tokenizer}), which the checkpoint lacks: it predicts nothing "
                f"yet. Expected a stage that trains it, `from: {node.label}`, or a model without "
                "`head:`"
            )
    model = build_model(
        options,
        named_tokenizers(node, context),
        policy=POLICIES[precision],
        seed=1,  # every weight is loaded
        heads_needed=heads_of(node.spec, node.options),
    )
    load_weights(model, path)
    return model


def learned_length(model: Any, pad_to: int = PAD_TO) -> int | None:
    """The most tokens of a side that an encoder-decoder with learned positions reads.

    Args:
        model: A model's options.
        pad_to: What widths are padded to: padding has positions too.

    Returns:
        None for any number: sinusoidal positions, or a stream, which its view cuts.
    """
    if getattr(model, "positions", None) != "learned" or "text" in model_tokenizers(model):
        return None
    return model.max_length // pad_to * pad_to


def check_lengths(model: Any, name: str, examples: ExampleSet, view: View, where: str) -> None:
    """Refuses rows that a model has no positions for.

    Args:
        model: The model's options.
        name: The model's name in the spec.
        examples: What it is to read, whole.
        view: How.
        where: The spec's path, for the message.

    Raises:
        UserError: There are such rows.
    """
    limit = learned_length(model)
    if limit is None:
        return
    lengths = view.lengths(examples)
    longer = np.flatnonzero(~within_limits(lengths, limit))
    if len(longer):
        longest = max(int(lengths[side][longer].max()) for side in ("source", "target"))
        raise UserError(
            f"{where}: {len(longer):,} rows, the first of them row {longer[0] + 1}, are longer "
            f"than the {limit} tokens that {name} has positions for (the longest has {longest}). "
            "Leave them out by the corpus's max_characters, raise the model's max_length, or "
            "give it sinusoidal positions"
        )


@dataclass(frozen=True)
class Pieces:
    """What a model's builder needs of a tokenizer that has not been learnt yet: its size."""

    size: int


def build_models(spec: Spec, sizes: Mapping[str, int] | None = None) -> dict[str, keras.Model]:
    """The models of a spec by name, freshly initialised; see `tfkd.build`."""
    sizes = dict(sizes or {})
    unknown = [
        name
        for name, options in spec.tokenizers.items()
        if name not in sizes and not options.learn_from
    ]
    if unknown:
        raise ValueError(
            "Invalid value for argument `sizes`. Expected the vocabulary's size of each tokenizer "
            f"that is read. Received: none for {', '.join(unknown)}"
        )
    pieces = {
        name: Pieces(sizes.get(name, options.size)) for name, options in spec.tokenizers.items()
    }
    return {
        name: build_model(_of_unknown_pieces(options), pieces, heads_needed=("masked_lm",))
        for name, options in spec.models.items()
    }


def _of_unknown_pieces(options: Any) -> Any:
    """The same options with a head at chance: which row is whose is not known yet."""
    if not has_own_matrix(options):
        return options
    head = options.head.model_copy(update={"start": "random"})
    return options.model_copy(update={"head": head})
