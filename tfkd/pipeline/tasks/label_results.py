"""A model's guesses of labels on one test set: its confusions, examples and faults."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.classes import labels_in
from tfkd.evaluation import (
    Counted,
    Frequencies,
    Predicted,
    beside,
    confusion,
    guess_faults,
    majority,
)
from tfkd.evaluation.asked_metrics import metrics_of
from tfkd.evaluation.metrics import CLASSES
from tfkd.evaluation.trivial_systems import MAJORITY, TEST, TRAINING
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.run_texts import examples, write_outputs
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.tasks.label_rows import Rows, class_names, class_rows, in_lines
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import about

# Pairs of label and guess that results.json lists, the most frequent first.
_CELLS = 400


def check_baseline(evaluation: Evaluation, context: Context) -> None:
    """Guesses of the same classes are compared, or none.

    Raises:
        UserError: The baseline tells other classes apart.
    """
    options, baseline = evaluation.options, evaluation.baseline
    if baseline is not None and class_names(evaluation.system, context) != class_names(
        baseline, context
    ):
        raise UserError(
            f"evaluate: {options.against} tells other classes apart than {options.of}. Learn "
            "both from the same labels: `head: {kind: classifier, classes: [...]}` of both"
        )


def show(entry: dict[str, Any], evaluation: Evaluation, counting: Counting, place: Path) -> None:
    """Fills an entry of results.json's `evaluations`: `classes`, `confusion` and `examples`, with
    the guesses and the labels of all rows, by name, beside it."""
    options, node, context = evaluation.options, evaluation.system, counting.context
    rows, names = class_rows(node, context), class_names(node, context)
    others = None
    if evaluation.baseline is not None:
        others = class_rows(evaluation.baseline, context)
    found, _, _ = counting.rows(node, CLASSES, options.positive)
    entry["classes"] = names
    if "row" in rows:
        entry["several"] = True
    if found.positive is not None and any(about(one).of_one_class for one in options.metrics):
        entry["positive"] = names[found.positive]
    if unknown := int((rows["label"] == len(names)).sum()):
        entry["unknown_labels"] = unknown
    entry["confusion"] = _confusion(found, names)
    entry["examples"] = _examples(node, rows, others, names, context)
    guesses, labels = _named(rows, names), counting.texts(node, "label")
    write_outputs(entry, place, hypotheses=guesses, references=labels)


def _named(rows: Rows, names: list[str]) -> list[str]:
    """The guesses by name, a line for each row."""
    return in_lines(rows, [names[guess] for guess in rows["guess"]])


def _confusion(found: Predicted, names: list[str]) -> list[dict[str, Any]]:
    return [
        {"label": names[label] if label < len(names) else None, "guess": names[guess], "rows": rows}
        for label, guess, rows in confusion(found)[:_CELLS]
    ]


def _examples(
    node: Node, rows: Rows, others: Rows | None, names: list[str], context: Context
) -> list[dict[str, Any]]:
    """Evenly spaced rows: text (fields apart by tabs), label, guess and its probability, of
    several their mean."""
    text = open_text(node.inputs[Role.TEXT], context)
    fields = [name for name in ("text", "source", "text_b", "target") if name in text.fields]
    if node.inputs[Role.MODEL].model.head.read == "mark":
        fields.append("mark")
    guesses, probability = _named(rows, names), rows["probability"]
    against = None if others is None else _named(others, names)
    if "row" in rows:
        count = np.bincount(rows["row"], minlength=len(text))
        sums = np.bincount(rows["row"], rows["probability"], len(text))
        probability = sums / np.maximum(count, 1)
    columns = zip(*(text.lines(field) for field in fields), strict=True)
    sources, labels = ["\t".join(row) for row in columns], list(text.lines("label"))
    said = {"probability": probability.tolist()}
    return examples(sources, labels, guesses, against, **said)


def beside_majority(
    evaluation: Evaluation, counting: Counting, settings: Mapping[str, int]
) -> dict[str, Any]:
    """The class that most labels of training are."""
    options, node, context = evaluation.options, evaluation.system, counting.context
    names = class_names(node, context)
    found, gold, sources = counting.rows(node, CLASSES, options.positive)
    counts, of = _learnt_rows(node.trained.inputs[Role.CLASSES], names, context), TRAINING
    if counts is None:
        counts, of = np.bincount(found.labels, minlength=len(names))[: len(names)], TEST
    frequencies = Frequencies(counts, of)
    guesses = majority(found.labels, frequencies, found.positive)
    guesses = replace(guesses, row=found.row, rows=found.rows)
    metrics = metrics_of(options)
    ours = {one.name: counting.of(node, one, options) for one in metrics}
    theirs = {one.name: Counted.of(one, guesses, gold, sources) for one in metrics}
    guess = names[frequencies.most_frequent]
    return beside(MAJORITY, ours, theirs, frequencies=of, guess=guess, **settings)


def _learnt_rows(learnt: Node, names: list[str], context: Context) -> np.ndarray | None:
    """Rows of each class where the classes were learnt; None: an older stage does not say it."""
    folder = context.folder(learnt)
    counts = folder.manifest()["summary"].get("rows")
    return None if counts is None else np.array([counts.get(name, 0) for name in names])


def faults(node: Node, several: bool, context: Context) -> dict[str, str]:
    """What an evaluation's guesses show."""
    rows, names = class_rows(node, context), class_names(node, context)
    lines = open_text(node.inputs[Role.TEXT], context).lines("label")
    labels = [label for line in lines for label in labels_in(line, several)]
    return guess_faults([names[guess] for guess in rows["guess"]], labels, len(names))
