"""The tokens that a model is measured on, and how often each stands in its training."""

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.objectives.term import Record, predicted_side
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import part_of, side_tokenizers, training_set
from tfkd.pipeline.measured_batches import batches_of
from tfkd.pipeline.tasks.text_likelihood import documents_of

# Rows of training, evenly spaced, whose tokens are counted: enough for frequencies, and soon read.
COUNTED_ROWS = 4096
_AT_ONCE = 256


def test_tokens(node: Node, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that teacher-forced metrics are of, and the row of each: int `[N]` both."""
    examples = ExampleSet([part_of(node, "data", node.options["corpus"], context)])
    view = node.task.view(node.trained, context)
    found = []
    for batch in batches_of(examples, view):
        tokens, rows = _selected(batch[view.name])
        found.append((tokens, batch["examples"][rows]))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def word_tokens(node: Node, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """The same of word perplexity: each row's pieces and the separator behind it."""
    documents, separator = documents_of(node, context)
    lengths = np.asarray(documents.lengths, np.int64)
    pieces = documents.at(np.arange(lengths.sum()))
    rows = np.arange(len(lengths))
    tokens = np.concatenate([pieces, np.full(len(rows), separator)])
    return tokens, np.concatenate([np.repeat(rows, lengths), rows])


def training_counts(trained: Node, context: Context) -> np.ndarray | None:
    """How often each piece is predicted in up to `COUNTED_ROWS` rows of a stage's training, in the
    view that its model is measured in: int64 `[V]`. None of a model that was trained elsewhere."""
    trained = trained.trained
    if "trained" not in trained.gives:
        return None
    examples, view = training_set(trained, context), trained.task.view(trained, context)
    size = vocabulary_size(trained, context)
    number = min(COUNTED_ROWS, len(examples))
    rows = np.linspace(0, len(examples) - 1, number).astype(np.int64)
    counts = np.zeros(size, np.int64)
    for start in range(0, number, _AT_ONCE):
        tokens, _ = _selected(view(examples, rows[start : start + _AT_ONCE], 0, 0))
        counts += np.bincount(tokens, minlength=size)
    return counts


def vocabulary_size(trained: Node, context: Context) -> int:
    """V, the pieces that a stage's model tells apart."""
    by_side = side_tokenizers(trained, context)
    sides = ("target", "head", "text", *by_side)
    return next(by_side[side].size for side in sides if side in by_side)


def _selected(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that a record predicts, and their places in the batch."""
    side = predicted_side(record)
    selected = np.asarray(side["selected"])
    return np.asarray(side["labels"])[selected], np.nonzero(selected)[0]
