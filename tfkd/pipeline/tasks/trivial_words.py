"""Trivial systems of words: what scores on a test set without having learnt the task.

Computed when results are put together, from what evaluations left: no stage's result holds it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.evaluation import (
    Counted,
    Frequencies,
    WordSums,
    beside,
    constant_outputs,
    trivial_outputs,
    unigram,
)
from tfkd.evaluation.metrics import OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.evaluation.trivial_systems import CONSTANT, TEST, TRAINING, UNIGRAM
from tfkd.pipeline.counting import Counting
from tfkd.pipeline.graph import Node
from tfkd.pipeline.metrics import metrics_of
from tfkd.pipeline.products import ROWS_FILE, WORDS_FILE
from tfkd.pipeline.tasks.predicted_tokens import (
    test_tokens,
    training_counts,
    vocabulary_size,
    word_tokens,
)
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.metrics import product_of


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
    context, model = counting.context, node.inputs["model"]
    of, tokens, theirs = (model.key, node.inputs["text"].key), {}, {}
    if TEACHER_FORCED in wanted:
        tokens[TEACHER_FORCED] = once(("tokens", *of), lambda: test_tokens(node, context))
    if WORDS in wanted:
        tokens[WORDS] = once(("words", *of), lambda: word_tokens(node, context))
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
    counts = counting.once(("counts", model.key), lambda: training_counts(model, context))
    if counts is not None:
        return Frequencies(counts, TRAINING)
    counts = np.bincount(tokens, minlength=vocabulary_size(model, context))
    return Frequencies(counts, TEST)
