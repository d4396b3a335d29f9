"""Export of a classifier, checked on rows of the corpus that it was validated on."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.text_stages import classes_of, open_text
from tfkd.pipeline.tasks.exported import served_tokenizers
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.serving import export_classifier

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
    for place, row in enumerate(rows):
        said = predict(view(examples, np.array([row]), 0, 0))
        found[place, said["ids"][0]] = np.exp(said["log_probabilities"][0])
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
