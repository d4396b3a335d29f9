"""Scores of a classifier on one test set, from the rows that its evaluation left."""

from typing import Any

import numpy as np

from tfkd.data.strict_json import read_json
from tfkd.evaluation import (
    Predicted,
    class_score,
    confusion,
    loss,
    paired_classes,
    paired_ratio,
    perplexity,
)
from tfkd.evaluation.classification import METRICS
from tfkd.pipeline.class_stages import open_classes
from tfkd.pipeline.classification import NAMES, ROWS, Rows, positive_place, predicted
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.errors import UserError

_EXAMPLES = 20
# Pairs of label and guess that results.json lists, the most frequent first.
_CELLS = 400
_RATIO = {"loss": loss, "perplexity": perplexity}


def score_classes(
    entry: dict[str, Any], evaluation: Evaluation, context: Context
) -> tuple[list[str], list[str]]:
    """Fills an entry of results.json's `evaluations`: metrics with intervals, beside a baseline's
    on the same rows; `classes`, `confusion` and `examples`.

    Returns:
        The guesses and the labels of all rows, by name.

    Raises:
        UserError: The baseline tells other classes apart.
    """
    options, node = evaluation.options, evaluation.system
    rows, names = class_rows(node, context), class_names(node, context)
    ours, theirs, others = predicted(rows, len(names)), None, None
    if evaluation.baseline is not None:
        others = class_rows(evaluation.baseline, context)
        theirs = predicted(others, len(names))
        if names != class_names(evaluation.baseline, context):
            raise UserError(
                f"evaluate: {options.against} tells other classes apart than {options.of}. Learn "
                "both from the same labels: `head: {kind: classifier, classes: [...]}` of both"
            )
    classes = open_classes(node.inputs["model"].trained.inputs["classes"], context)
    positive = positive_place(classes, options.positive, "evaluate")
    settings = {"samples": options.bootstrap, "seed": options.seed}
    paired = {**settings, "trials": options.randomization}
    for metric in options.metrics:
        if metric in METRICS:
            found = class_score(metric, ours, positive=positive, **settings)
        else:
            found = _RATIO[metric](*class_sums(rows, len(names)), **settings)
        entry["metrics"][metric] = found.as_dict()
        if others is None:
            continue
        if metric in METRICS:
            beside = paired_classes(metric, ours, theirs, positive=positive, **paired)
        else:
            of_ratio = np.exp if metric == "perplexity" else (lambda ratio: ratio)
            sums = (class_sums(one, len(names)) for one in (rows, others))
            beside = paired_ratio(*sums, of_ratio=of_ratio, **paired)
        entry["against"]["metrics"][metric] = beside
    entry["classes"] = names
    if positive is not None and "f1" in options.metrics:
        entry["positive"] = names[positive]
    if unknown := int((rows["label"] == len(names)).sum()):
        entry["unknown_labels"] = unknown
    entry["confusion"] = _confusion(ours, names)
    entry["examples"] = _examples(node, rows, others, names, context)
    labels = list(open_text(node.inputs["text"], context).lines("label"))
    return [names[guess] for guess in rows["guess"]], labels


def class_rows(node: Node, context: Context) -> Rows:
    with np.load(context.stages / node.key / ROWS, allow_pickle=False) as arrays:
        return dict(arrays)


def class_names(node: Node, context: Context) -> list[str]:
    return read_json(context.stages / node.key / NAMES)


def class_sums(rows: Rows, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Negative log-likelihoods, and 1 for each row whose label is a class."""
    known = (rows["label"] >= 0) & (rows["label"] < size)
    return rows["nll"], known.astype(np.float64)


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
