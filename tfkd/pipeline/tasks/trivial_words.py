"""Trivial systems of words: what scores on a test set without having learnt the task.

Computed when results are put together, from what evaluations left: no stage's result holds it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.evaluation import (
    Counted,
    Frequencies,
    WordSums,
    beside,
    constant_outputs,
    trivial_outputs,
    unigram,
)
from tfkd.evaluation.asked_metrics import metrics_of
from tfkd.evaluation.metrics import OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.evaluation.trivial_systems import CONSTANT, TEST, TRAINING, UNIGRAM
from tfkd.objectives.term import Record, predicted_side
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.inputs.made import part_of, side_tokenizers, training_set
from tfkd.pipeline.inputs.measured_batches import batches_of
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.scoring.products import ROWS_FILE, WORDS_FILE
from tfkd.pipeline.tasks.text_likelihood import documents_of
from tfkd.spec.metrics import product_of

# Rows of training, evenly spaced, whose tokens are counted: enough for frequencies, and soon read.
_COUNTED_ROWS, _AT_ONCE = 4096, 256


def systems(
    evaluation: Evaluation, counting: Counting, settings: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The trivial systems of a model of words that its metrics have."""
    found = _texts(evaluation, counting, settings)
    return [*found, *_unigram(evaluation, counting, settings)]


def _texts(
    evaluation: Evaluation, counting: Counting, settings: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The source copied, nothing at all, and one line everywhere."""
    options, node = evaluation.options, evaluation.system
    made = node.options["products"]
    metrics = [one for one in metrics_of(options) if product_of(one, made) == OUTPUTS]
    if not metrics:
        return []
    ours = {one.name: counting.of(node, one, options) for one in metrics}

    def theirs(of: Any, lines: list[str]) -> dict[str, Counted]:
        return {one.name: counting.beside(of, lines, node, one) for one in metrics}

    found = [
        beside(kind, ours, theirs(kind, lines), **settings)
        for kind, lines in trivial_outputs(counting.texts(node)).items()
    ]
    if (constant := constant_outputs(counting.outputs(node))) is not None:
        line = theirs((CONSTANT, node.key), constant)
        found.append(beside(CONSTANT, ours, line, guess=constant[0], **settings))
    return found


def _unigram(
    evaluation: Evaluation, counting: Counting, settings: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The frequencies of the tokens that the model learnt to predict."""
    options, node = evaluation.options, evaluation.system
    made, once = node.options["products"], counting.once
    by_kind = [(product_of(one, made), one) for one in metrics_of(options)]
    wanted = {kind for kind, _ in by_kind} & {TEACHER_FORCED, WORDS}
    if not wanted:
        return []
    context, model = counting.context, node.inputs[Role.MODEL]
    of, tokens, theirs = (model.key, node.inputs[Role.TEXT].key), {}, {}
    if TEACHER_FORCED in wanted:
        tokens[TEACHER_FORCED] = once(("tokens", *of), lambda: _test_tokens(node, context))
    if WORDS in wanted:
        tokens[WORDS] = once(("words", *of), lambda: _word_tokens(node, context))
    frequencies = _frequencies(model, next(iter(tokens.values()))[0], counting)
    if TEACHER_FORCED in wanted:
        rows = len(counting.arrays(node, ROWS_FILE)["tokens"])
        theirs[TEACHER_FORCED] = unigram(*tokens[TEACHER_FORCED], rows, frequencies)
    if WORDS in wanted:
        sums = counting.arrays(node, WORDS_FILE)
        nll = unigram(*tokens[WORDS], len(sums["nll"]), frequencies).nll
        theirs[WORDS] = WordSums(nll, sums["words"], sums["line_ends"])
    by_kind = [(kind, one) for kind, one in by_kind if kind in wanted]
    return [
        beside(
            UNIGRAM,
            {one.name: counting.of(node, one, options) for _, one in by_kind},
            {one.name: Counted.of(one, theirs[kind]) for kind, one in by_kind},
            frequencies=frequencies.of,
            **settings,
        )
    ]


def _frequencies(model: Node, tokens: np.ndarray, counting: Counting) -> Frequencies:
    """Of a model's training; of one that was trained elsewhere, those of these tokens."""
    context = counting.context
    counts = counting.once(("counts", model.key), lambda: _training_counts(model, context))
    if counts is not None:
        return Frequencies(counts, TRAINING)
    counts = np.bincount(tokens, minlength=_vocabulary_size(model, context))
    return Frequencies(counts, TEST)


def _test_tokens(node: Node, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that teacher-forced metrics are of, and the row of each: int `[N]` both."""
    examples = ExampleSet([part_of(node, Role.DATA, node.options["corpus"], context)])
    view = node.task.view(node.trained, context)
    found = []
    for batch in batches_of(examples, view):
        tokens, rows = _selected(batch[view.name])
        found.append((tokens, batch["examples"][rows]))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _word_tokens(node: Node, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """The same of word perplexity: each row's pieces and the separator behind it."""
    documents, separator = documents_of(node, context)
    lengths = np.asarray(documents.lengths, np.int64)
    pieces = documents.at(np.arange(lengths.sum()))
    rows = np.arange(len(lengths))
    tokens = np.concatenate([pieces, np.full(len(rows), separator)])
    return tokens, np.concatenate([np.repeat(rows, lengths), rows])


def _training_counts(trained: Node, context: Context) -> np.ndarray | None:
    """How often each piece is predicted in up to `_COUNTED_ROWS` rows of a stage's training, in the
    view that its model is measured in: int64 `[V]`. None of a model that was trained elsewhere."""
    trained = trained.trained
    if "trained" not in trained.gives:
        return None
    examples, view = training_set(trained, context), trained.task.view(trained, context)
    size = _vocabulary_size(trained, context)
    number = min(_COUNTED_ROWS, len(examples))
    rows = np.linspace(0, len(examples) - 1, number).astype(np.int64)
    counts = np.zeros(size, np.int64)
    for start in range(0, number, _AT_ONCE):
        tokens, _ = _selected(view(examples, rows[start : start + _AT_ONCE], 0, 0))
        counts += np.bincount(tokens, minlength=size)
    return counts


def _vocabulary_size(trained: Node, context: Context) -> int:
    """V, the pieces that a stage's model tells apart."""
    by_side = side_tokenizers(trained, context)
    sides = ("target", "head", "text", *by_side)
    return next(by_side[side].size for side in sides if side in by_side)


def _selected(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that a record predicts, and their places in the batch."""
    side = predicted_side(record)
    selected = np.asarray(side["selected"])
    return np.asarray(side["labels"])[selected], np.nonzero(selected)[0]
