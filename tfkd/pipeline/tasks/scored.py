"""What teachers are asked of corpora: the top K of words, or all classes of labels."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tfkd.data.examples import ExampleSet
from tfkd.data.views.prompted import PromptedView
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import label_map, side_tokenizers, views_of
from tfkd.pipeline.inputs.models import PAD_TO
from tfkd.pipeline.inputs.text_stages import classes_of
from tfkd.pipeline.stages.terms import predicted_tokenizer
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.pipeline.tasks.scored_corpora import Asked, ScoredCorpora
from tfkd.spec.errors import UserError
from tfkd.targets.class_scoring import class_reading
from tfkd.targets.readings import (
    Sizes,
    masked_reading,
    pair_reading,
    previous_reading,
    text_reading,
)
from tfkd.targets.shards import Scoring

_Load = Callable[[], Any]


def scored_words(node: Node, model: _Load, folder: StageFolder, context: Context) -> ScoredCorpora:
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

    def reading(examples: ExampleSet, sizes: Sizes) -> Scoring:
        if pairs:
            return pair_reading(examples, view, sizes, limits=limits)
        if options.read == "masked":
            passes = options.passes
            return masked_reading(examples, view, sizes, passes=passes, max_length=limit)
        return previous_reading(examples, view, sizes, max_length=limit)

    def told(found: dict[str, float], rows: int) -> tuple[dict[str, float], str]:
        if not found["positions"]:
            raise UserError(
                f"{node.label}: nothing was scored: every pair is longer than "
                f"{min(limits.values())} tokens; raise max_length of the stage and of its teacher, "
                "or shorten the corpus"
            )
        return found, _right(found, rows, options.top_k)

    vocabulary = predicted_tokenizer(tokenizers)
    details = {"read": "previous"} if pairs else {"read": options.read, "passes": options.passes}
    asked_of = Asked(vocabulary, options.top_k, details, predicted, reading, told)
    return ScoredCorpora(node, model, folder, context, asked_of)


def scored_next_words(
    node: Node, model: _Load, folder: StageFolder, context: Context
) -> ScoredCorpora:
    """The top K of every next word of a text."""
    options, teacher = node.options, node.inputs[Role.MODEL]
    tokenizers = side_tokenizers(teacher, context)
    vocabulary = predicted_tokenizer(tokenizers)
    if options.prompt is None:
        (view,) = views_of(teacher, {None}, context).values()
    else:
        view = PromptedView(teacher.model.tokenizers["text"], tokenizers["text"])
    limit = min(options.max_length, teacher.model.max_length)

    def reading(examples: ExampleSet, sizes: Sizes) -> Scoring:
        return text_reading(examples, view, sizes, max_length=limit)

    def told(found: dict[str, float], rows: int) -> tuple[dict[str, float], str]:
        if not found["positions"]:
            raise UserError(
                f"{node.label}: nothing was scored: every row is longer than {limit} tokens; raise "
                "max_length of the stage and of its teacher, or shorten the corpus or the prompt"
            )
        return found, _right(found, rows, options.top_k)

    details = {"read": "next"} if options.prompt is None else {"prompt": options.prompt}
    predict = partial(predictor, top_k=options.top_k)
    asked = Asked(vocabulary, options.top_k, details, predict, reading, told)
    return ScoredCorpora(node, model, folder, context, asked)


def scored_labels(
    node: Node, model: _Load, view: Any, folder: StageFolder, context: Context
) -> ScoredCorpora:
    """Every class of every label."""
    classes = classes_of(node, context)

    def reading(examples: ExampleSet, sizes: Sizes) -> Scoring:
        return class_reading(examples, view, sizes, classes=classes.size)

    def told(found: dict[str, float], rows: int) -> tuple[dict[str, float], str]:
        names = ("positions", "accuracy", "loss", "entropy")
        found = {name: found.get(name, 0.0) for name in names}
        brief = f"{rows:,} rows, {classes.size:,} classes each"
        if not found["positions"]:
            return found, f"{brief}; none of them has a label"
        right = 100 * found["accuracy"]
        labelled = f"{found['positions']:,} labelled ones"
        return found, f"{brief}; the teacher is right at {right:.1f} % of {labelled}"

    predict = partial(predictor, top_k=classes.size, head=HEAD)
    asked = Asked(classes, classes.size, {"read": "classes"}, predict, reading, told)
    return ScoredCorpora(node, model, folder, context, asked)


def _right(found: dict[str, float], rows: int, top_k: int) -> str:
    """How good a teacher is, in a line."""
    return (
        f"{rows:,} tokens; the teacher is right at {100 * found['accuracy']:.1f} %, the right word "
        f"is in its top {top_k} at {100 * found['coverage']:.1f} %"
    )
