"""Export of a classifier, checked on rows of the corpus that it was validated on."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import HEAD
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers, views_of
from tfkd.pipeline.models import trained_model
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.validation import measured_view
from tfkd.serving import export_classifier
from tfkd.spec.options import classifier

_ROWS = 48
# The inputs of a SavedModel, and the fields that they may be read from.
_FIELDS = {"text": ("text", "source"), "text_b": ("text_b", "target"), "mark": ("mark",)}


def run_class_export(
    node: Node, folder: StageFolder, context: Context, card: dict[str, Any]
) -> dict[str, Any]:
    """Writes `1/` and says what it is; the probabilities that it must give are those of the model
    as it is evaluated: ids from the disk, in the view that it was trained in."""
    trained = node.inputs["model"]
    model, classes = trained_model(trained, context), classes_of(trained, context)
    role = "validate" if "validate" in trained.trained.inputs else "data.0"
    examples = ExampleSet([part_of(trained.trained, role, role, context)])
    (view,) = views_of(trained, {measured_view(trained)}, context).values()
    rows = np.arange(0, len(examples), max(1, len(examples) // _ROWS))[:_ROWS]
    text = open_text(node.inputs["text"], context)
    tokenizer = side_tokenizers(trained, context)["text"]
    if node.identity.get("lower_case"):
        tokenizer = LowerCasing(tokenizer)
        card = {**card, "text": {"input": "lower-cased first, as the training text was"}}
    limit = view.max_length or model_options(trained).max_length
    return export_classifier(
        model,
        tokenizer,
        classes.names,
        folder.path,
        card,
        rows=_given(text, rows, classifier(model_options(trained)).read == "mark"),
        expected=_probabilities(model, examples, view, rows, classes.size),
        limit=limit,
        more_ops=None,
    )


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
