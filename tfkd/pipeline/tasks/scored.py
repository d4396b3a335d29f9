"""What teachers say of corpora, stored: one store for each corpus of a scoring stage."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.data.views.prompted import PromptedView
from tfkd.models.mean_of import MeanOf
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import label_map, part_of, side_tokenizers, views_of
from tfkd.pipeline.inputs.models import PAD_TO
from tfkd.pipeline.inputs.parts import folds_of, open_parts, parts_by_text
from tfkd.pipeline.inputs.text_stages import classes_of
from tfkd.pipeline.stages.stored_targets import rows_of
from tfkd.pipeline.stages.terms import predicted_tokenizer
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.targets import Header, StoreWriter, score_masked, score_pairs, score_previous, score_text
from tfkd.targets.by_part import ByPart, Predict
from tfkd.targets.class_scoring import score_classes


def score_words(node: Node, model: Any, folder: StageFolder, context: Context) -> dict[str, Any]:
    """The top K of every target word."""
    options, teacher = node.options, node.inputs[Role.MODEL]
    tokenizers, table = side_tokenizers(teacher, context), label_map(teacher, context)
    (view,) = views_of(teacher, {None}, context).values()
    # What is scored each of the teachers has positions for.
    asked = [one.model for one in (teacher, *node.inputs_of(Role.MODEL).values())]
    pairs = teacher.model.encoder_decoder
    limit = min([options.max_length, *(one.max_length for one in asked if not pairs)])
    known = [one.side_limits(PAD_TO) for one in asked]
    limits = {
        side: min([limit, *(one[side] for one in known if side in one)])
        for side in ("source", "target")
    }

    def predicted(model: Any) -> Any:
        """Asked for the right words in the vocabulary that the head predicts."""
        predict = predictor(model, options.top_k)
        if table is None:
            return predict
        return lambda record: predict({**record, "labels": table[record["labels"]]})

    def score(predicted: Any, examples: ExampleSet, writer: StoreWriter, **settings: Any) -> Any:
        if pairs:
            return score_pairs(predicted, examples, view, writer, limits=limits, **settings)
        settings |= {"max_length": limit}
        if options.read == "masked":
            return score_masked(
                predicted, examples, view, writer, passes=options.passes, **settings
            )
        return score_previous(predicted, examples, view, writer, **settings)

    vocabulary = predicted_tokenizer(tokenizers)
    details = {"read": "previous"} if pairs else {"read": options.read, "passes": options.passes}
    teachers = _Teachers(model, predicted)
    found, rows = _scored(
        node, folder, context, vocabulary, options.top_k, details, teachers, score
    )
    if not found["positions"]:
        raise UserError(
            f"{node.label}: nothing was scored: every pair is longer than {min(limits.values())} "
            "tokens; raise max_length of the stage and of its teacher, or shorten the corpus"
        )
    brief = (
        f"{rows:,} tokens; the teacher is right at {100 * found['accuracy']:.1f} %, the right word "
        f"is in its top {options.top_k} at {100 * found['coverage']:.1f} %"
    )
    return {TEACHER_FORCED: found, "tokens": rows, "brief": brief}


def score_next_words(
    node: Node, model: Any, folder: StageFolder, context: Context
) -> dict[str, Any]:
    """The top K of every next word of a text."""
    options, teacher = node.options, node.inputs[Role.MODEL]
    tokenizers = side_tokenizers(teacher, context)
    vocabulary = predicted_tokenizer(tokenizers)
    if options.prompt is None:
        (view,) = views_of(teacher, {None}, context).values()
    else:
        view = PromptedView(teacher.model.tokenizers["text"], tokenizers["text"])
    limit = min(options.max_length, teacher.model.max_length)

    def score(predict: Any, examples: ExampleSet, writer: StoreWriter, **settings: Any) -> Any:
        return score_text(predict, examples, view, writer, max_length=limit, **settings)

    details = {"read": "next"} if options.prompt is None else {"prompt": options.prompt}
    teachers = _Teachers(model, partial(predictor, top_k=options.top_k))
    found, rows = _scored(
        node, folder, context, vocabulary, options.top_k, details, teachers, score
    )
    if not found["positions"]:
        raise UserError(
            f"{node.label}: nothing was scored: every row is longer than {limit} tokens; raise "
            "max_length of the stage and of its teacher, or shorten the corpus or the prompt"
        )
    brief = (
        f"{rows:,} tokens; the teacher is right at {100 * found['accuracy']:.1f} %, the right word "
        f"is in its top {options.top_k} at {100 * found['coverage']:.1f} %"
    )
    return {TEACHER_FORCED: found, "tokens": rows, "brief": brief}


def score_labels(
    node: Node, model: Any, view: Any, folder: StageFolder, context: Context
) -> dict[str, Any]:
    """Every class of every label."""
    classes = classes_of(node, context)

    def score(predict: Any, examples: ExampleSet, writer: StoreWriter, **settings: Any) -> Any:
        return score_classes(predict, examples, view, writer, **settings)

    details = {"read": "classes"}
    teachers = _Teachers(model, partial(predictor, top_k=classes.size, head=HEAD))
    found, rows = _scored(node, folder, context, classes, classes.size, details, teachers, score)
    names = ("positions", "accuracy", "loss", "entropy")
    found = {name: found.get(name, 0.0) for name in names}
    brief = f"{rows:,} rows, {classes.size:,} classes each"
    if found["positions"]:
        share = 100 * found["accuracy"]
        brief += f"; the teacher is right at {share:.1f} % of {found['positions']:,} labelled ones"
    else:
        brief += "; none of them has a label"
    return {TEACHER_FORCED: found, "tokens": rows, "brief": brief}


class _Teachers:
    """A teacher; or the models of one that was trained in folds.

    Args:
        model: From `trained_model`.
        asked: From a model to its predictions, a `Predict`.
    """

    def __init__(self, model: Any, asked: Callable[[Any], Predict]):
        self._whole = asked(model)
        members = model.members if isinstance(model, MeanOf) else ()
        self._each = [asked(one) for one in members]

    def of(
        self, node: Node, corpus: Node, part: Part, context: Context
    ) -> tuple[Any, dict[str, Any]]:
        """What is asked of a corpus, and what its store says of that: of rows that were trained on
        the one model that has not seen them, of others the mean of all. Of packed text that holds
        for each document in a block."""
        folds = folds_of(node.inputs[Role.MODEL])
        if not folds:
            return self._whole, {}
        keys, node_of_parts = [one.key for one in folds], folds[0].inputs[Role.PARTS]
        parts = open_parts(node_of_parts, corpus, context)
        how = "each row by the model that has not seen its part"
        if parts is None:
            parts = parts_by_text(node_of_parts, corpus, context)
            if (parts < 0).all():
                return self._whole, {"folds": keys, "scored": "the mean"}
            how = "the mean, and a text that was learnt from by the model that has not seen it"
            parts = np.where(parts < 0, len(self._each), parts)
        if part.packed:
            (blocks,) = part.fields.values()
            parts = partial(_of_documents, blocks, parts)
        return ByPart([*self._each, self._whole], parts), {"folds": keys, "scored": how}


def _of_documents(blocks: Packed, parts: np.ndarray, rows: np.ndarray) -> Ragged:
    """The part of each token of blocks: its document's."""
    found = blocks.predicted_documents(rows)
    return Ragged(parts[found.values], found.offsets)


def _scored(
    node: Node,
    folder: StageFolder,
    context: Context,
    predicted: Any,
    top_k: int,
    details: dict[str, Any],
    teachers: "_Teachers",
    score: Callable[..., Any],
) -> tuple[dict[str, float], int]:
    """Scores each corpus into `store-I/`, going on after the last whole shard.

    Args:
        node: The scoring stage.
        folder: Its folder.
        context: The run's surroundings.
        predicted: The vocabulary or the classes that are stored.
        top_k: How many of them at each position.
        details: What the stores say of themselves.
        teachers: What is asked of each corpus.
        score: `(predict, examples, writer, batch_tokens, progress)`, which gives the store.

    Returns:
        `positions`, the means of all other metrics over them; and how many rows are stored.
    """
    options, found, rows = node.options, [], 0
    for index, part in enumerate(options.data):
        role = Role.DATA.of(index)
        examples = ExampleSet([part_of(node, role, part.of, context, pack=part.packing)])
        predict, how = teachers.of(node, node.corpora[index], examples.parts[0], context)
        header = Header(
            corpus=rows_of(node, index),
            vocabulary=predicted.fingerprint(),
            vocabulary_size=predicted.size,
            top_k=top_k,
            examples=len(examples),
            details={**details, **how, "stage": node.key},
        )
        writer = StoreWriter(folder.path / f"store-{index}", header)
        progress = context.told_progress(f"{node.label}: {part.of}")
        store = score(
            predict, examples, writer, batch_tokens=options.batch_tokens, progress=progress
        )
        rows += store.rows
        found += [store.metrics] if store.metrics["positions"] else []
    positions = sum(one["positions"] for one in found)
    means = {
        name: sum(one[name] * one["positions"] for one in found) / positions
        for name in (found[0] if found else ())
        if name != "positions"
    }
    return {"positions": positions, **means}, rows
