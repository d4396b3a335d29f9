"""Exports of models with labels, checked on rows of the corpus that they were validated on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfkd.data.encoded import EncodedField, encode_corpus
from tfkd.data.examples import ExampleSet, Part
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.text_stages import classes_of, open_text, place
from tfkd.pipeline.tasks.exported import served_tokenizers
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.serving import export_classifier
from tfkd.serving.formats.format import Labels, Subject

_ROWS = 48
# The inputs of a SavedModel, and the fields that they may be read from.
_FIELDS = {"text": ("text", "source"), "text_b": ("text_b", "target"), "mark": ("mark",)}


def export_labels(
    node: Node, model: Any, view: Any, folder: StageFolder, context: Context, card: dict[str, Any]
) -> dict[str, Any]:
    """Writes `1/` and says what it is; the probabilities that it must give are those of the model
    as it is evaluated: ids from the disk, in the view that it was trained in."""
    examples, rows = checked_rows(node, context)
    text, classes = open_text(node.inputs[Role.TEXT], context), classes_of(node, context)
    return export_classifier(
        model,
        served_tokenizers(node, context, card, output=False)["text"],
        classes.names,
        folder.path,
        card,
        rows=_given(text, rows, node.trained.model.head.read == "mark"),
        expected=_probabilities(model, examples, view, rows, classes.size),
        limit=view.max_length or node.trained.model.max_length,
        more_ops=None,
    )


def checked_rows(node: Node, context: Context) -> tuple[ExampleSet, np.ndarray]:
    """The rows that an export is checked on: up to 48 of the corpus that its model was validated
    on, evenly spaced; with all of them in ids."""
    trained = node.trained
    role = Role.VALIDATE if Role.VALIDATE in trained.inputs else Role.DATA.of(0)
    examples = ExampleSet([part_of(trained, role, role, context)])
    return examples, np.arange(0, len(examples), max(1, len(examples) // _ROWS))[:_ROWS]


def _given(text: Any, rows: np.ndarray, marked: bool) -> dict[str, list[Any]]:
    """What a caller would send for these rows."""
    found: dict[str, list[Any]] = {}
    for name, fields in _FIELDS.items():
        field = next((one for one in fields if one in text.fields), None)
        if field is None or (name == "mark" and not marked):
            continue
        values = [text.line(field, int(row)) for row in rows]
        found[name] = [int(value) for value in values] if name == "mark" else values
    return found


def _probabilities(
    model: Any, examples: ExampleSet, view: Any, rows: np.ndarray, size: int
) -> np.ndarray:
    """The float32 model's probabilities, float64 `[rows, classes]`, a row at a time."""
    predict = predictor(model, size, head=HEAD)
    found = np.zeros((len(rows), size))
    for at, row in enumerate(rows):
        said = predict(view(examples, np.array([row]), 0, 0))
        found[at, said["ids"][0]] = np.exp(said["log_probabilities"][0])
    return found


def labelled_lines(
    node: Node, model: Any, view: Any, context: Context
) -> tuple[list[str], list[str]]:
    """The texts of `checked_rows`, and the labels that the float32 model gives each of them, with
    spaces between: what `tfkd.serving.classifier_export.export_tags` is checked on."""
    examples, rows = checked_rows(node, context)
    names, text = classes_of(node, context).names, open_text(node.inputs[Role.TEXT], context)
    predict = predictor(model, 1, head=HEAD)
    guesses = [predict(view(examples, np.array([row]), 0, 0))["ids"][:, 0] for row in rows]
    lines = [text.line("text", int(row)) for row in rows]
    return lines, [" ".join(names[guess] for guess in row) for row in guesses]


def labels_subject(
    node: Node,
    model: Any,
    view: Any,
    places: str | None,
    context: Context,
    card: dict[str, Any],
    saved: Callable,
) -> Subject:
    """An export stage's model with labels as formats take it; see `Task.subject`."""
    examples, rows = checked_rows(node, context)
    text = open_text(node.inputs[Role.TEXT], context)
    given = _given(text, rows, places == "mark")
    if places == "words" or places is None:
        given = {"text": given["text"]}
    as_rows = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    labels = Labels(
        classes_of(node, context).names,
        HEAD,
        as_rows,
        view(examples, rows, 0, 0),
        places,
        view.max_length or node.trained.model.max_length,
    )
    tokenizers = {"text": served_tokenizers(node, context, card, output=False)["text"]}
    return Subject(model, tokenizers, None, given["text"], card, saved, labels)


def encoder_subject(
    node: Node,
    model: Any,
    view: Any,
    words: Any,
    context: Context,
    card: dict[str, Any],
    saved: Any,
) -> Subject:
    """The same of an encoder: its labels are the words that its view hides.

    Args:
        node: The export stage.
        model: The model.
        view: It hides words.
        words: The vocabulary that they are predicted in.
        context: The run's surroundings.
        card: The model card's content.
        saved: See `Subject`.
    """
    examples, rows = checked_rows(node, context)
    text = open_text(node.inputs[Role.TEXT], context)
    lines = _given(text, rows, False)["text"]
    labels = Labels(
        words.vocabulary,
        "masked_lm",
        [{"text": line} for line in lines],
        view(examples, rows, 0, 0),
        None,
        view.max_length or node.trained.model.max_length,
    )
    tokenizers = {"text": served_tokenizers(node, context, card, output=False)["text"]}
    return Subject(model, tokenizers, None, lines, card, saved, labels)


def read_by_export(node: Node, engine: Any, folder: StageFolder, context: Context) -> ExampleSet:
    """An evaluation's corpus in ids, its texts by the tokenizer of an export.

    Args:
        node: The evaluation stage.
        engine: The export's, with `tokenizer`.
        folder: The stage's.
        context: The run's surroundings.
    """
    text = open_text(node.inputs[Role.TEXT], context)
    fields = {}
    for child in node.inputs_of(f"{Role.DATA}.{Role.IDS}").values():
        read = child.options
        path = place(child, context).path
        if child.inputs[Role.TOKENIZER].kind != "classes":
            path = folder.scratch / f"{read.field}-by-export"
            path.mkdir(parents=True, exist_ok=True)
            (read.encode or encode_corpus)(text, read.field, engine.tokenizer, path)
        fields[read.field, read.tokenizer] = EncodedField.open(path)
    return ExampleSet([Part(node.options["corpus"], fields, len(text))])


def asked_of(engine: Any) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
    """What `tfkd.objectives.prediction.predictor` of a model is, of an export's engine.

    Args:
        engine: With `log_probabilities(record)`, float32 `[labels, classes]`.
    """

    def predict(record: Mapping[str, Any]) -> dict[str, np.ndarray]:
        said = engine.log_probabilities(record).astype(np.float64)
        best, gold = said.argmax(1)[:, None], np.asarray(record["labels"])[record["selected"]]
        return {
            "ids": best,
            "log_probabilities": np.take_along_axis(said, best, 1),
            "entropy": -(np.exp(said) * said).sum(1),
            "gold_log_probability": np.take_along_axis(said, gold[:, None], 1)[:, 0],
        }

    return predict
