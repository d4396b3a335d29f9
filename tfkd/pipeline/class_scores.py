"""A classifier on one test set: its confusions, and examples."""

from typing import Any

from tfkd.evaluation import Predicted, confusion
from tfkd.evaluation.metrics import CLASSES
from tfkd.pipeline.classification import Rows, class_names, class_rows
from tfkd.pipeline.context import Context
from tfkd.pipeline.counting import Counting
from tfkd.pipeline.graph import Node
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.errors import UserError

_EXAMPLES = 20
# Pairs of label and guess that results.json lists, the most frequent first.
_CELLS = 400


def check_alike(evaluation: Evaluation, context: Context) -> None:
    """Raises UserError where a classifier's baseline tells other classes apart."""
    beside, options = evaluation.baseline, evaluation.options
    if beside is None or CLASSES not in beside.options["products"]:
        return
    if class_names(evaluation.system, context) != class_names(beside, context):
        raise UserError(
            f"evaluate: {options.against} tells other classes apart than {options.of}. Learn "
            "both from the same labels: `head: {kind: classifier, classes: [...]}` of both"
        )


def show_classes(
    entry: dict[str, Any], evaluation: Evaluation, counting: Counting
) -> tuple[list[str], list[str]]:
    """Fills an entry of results.json's `evaluations`: `classes`, `confusion` and `examples`.

    Returns:
        The guesses and the labels of all rows, by name.
    """
    options, node, context = evaluation.options, evaluation.system, counting.context
    rows, names = class_rows(node, context), class_names(node, context)
    others = None if evaluation.baseline is None else class_rows(evaluation.baseline, context)
    found, _, _ = counting.rows(node, CLASSES, options.positive)
    entry["classes"] = names
    if found.positive is not None and "f1" in options.metrics:
        entry["positive"] = names[found.positive]
    if unknown := int((rows["label"] == len(names)).sum()):
        entry["unknown_labels"] = unknown
    entry["confusion"] = _confusion(found, names)
    entry["examples"] = _examples(node, rows, others, names, context)
    return [names[guess] for guess in rows["guess"]], counting.texts(node, "label")


def _confusion(found: Predicted, names: list[str]) -> list[dict[str, Any]]:
    return [
        {"label": names[label] if label < len(names) else None, "guess": names[guess], "rows": rows}
        for label, guess, rows in confusion(found)[:_CELLS]
    ]


def _examples(
    node: Node, rows: Rows, others: Rows | None, names: list[str], context: Context
) -> list[dict[str, Any]]:
    """Evenly spaced rows: text (fields apart by tabs), label, guess and its probability."""
    text = open_text(node.inputs["text"], context)
    fields = [name for name in ("text", "source", "text_b", "target") if name in text.fields]
    if node.inputs["model"].model.head.read == "mark":
        fields.append("mark")
    found = []
    for row in range(0, len(text), max(1, len(text) // _EXAMPLES)):
        at = int(rows["guess"][row])
        found.append(
            {
                "source": "\t".join(text.line(field, row) for field in fields),
                "reference": text.line("label", row),
                "hypothesis": names[at],
                "probability": float(rows["probability"][row]),
                "against": None if others is None else names[int(others["guess"][row])],
            }
        )
    return found[:_EXAMPLES]
