"""Trivial systems on a run's test sets: what scores there without having learnt the task.

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
    majority,
    trivial_outputs,
    unigram,
)
from tfkd.evaluation.metrics import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.evaluation.trivial_systems import CONSTANT, MAJORITY, TEST, TRAINING, UNIGRAM
from tfkd.pipeline.classification import class_names
from tfkd.pipeline.context import Context
from tfkd.pipeline.counting import Counting
from tfkd.pipeline.evaluate_stage import WORDS as WORDS_FILE
from tfkd.pipeline.graph import Node
from tfkd.pipeline.metrics import metrics_of
from tfkd.pipeline.predicted_tokens import (
    test_tokens,
    training_counts,
    vocabulary_size,
    word_tokens,
)
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.metrics import product_of

# Bootstrap samples: these differences are large, or tell nothing.
_MOST_SAMPLES = 1000


class TrivialScores:
    """The trivial systems of each evaluation; what several evaluations share is counted once."""

    def __init__(self, counting: Counting):
        self._counting, self._context = counting, counting.context

    def beside(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """An evaluation's `trivial` in results.json: those systems that its metrics have."""
        options, node = evaluation.options, evaluation.system
        settings = {"samples": min(options.bootstrap, _MOST_SAMPLES), "seed": options.seed}
        if CLASSES in node.options["products"]:
            found = [self._majority(evaluation, settings)]
        else:
            found = [*self._texts(evaluation, settings), *self._unigram(evaluation, settings)]
        return [one for one in found if one["metrics"]]

    def _texts(self, evaluation: Evaluation, settings: Mapping[str, int]) -> list[dict[str, Any]]:
        """The source copied, nothing at all, and one line everywhere."""
        options, node = evaluation.options, evaluation.system
        made = node.options["products"]
        metrics = [one for one in metrics_of(options) if product_of(one, made) == OUTPUTS]
        if not metrics:
            return []
        ours = {one.name: self._counting.of(node, one, options) for one in metrics}

        def theirs(of: Any, lines: list[str]) -> dict[str, Counted]:
            return {one.name: self._counting.beside(of, lines, node, one) for one in metrics}

        found = [
            beside(kind, ours, theirs(kind, lines), **settings)
            for kind, lines in trivial_outputs(self._counting.texts(node)).items()
        ]
        if (constant := constant_outputs(self._counting.outputs(node))) is not None:
            line = theirs((CONSTANT, node.key), constant)
            found.append(beside(CONSTANT, ours, line, guess=constant[0], **settings))
        return found

    def _unigram(self, evaluation: Evaluation, settings: Mapping[str, int]) -> list[dict[str, Any]]:
        """The frequencies of the tokens that the model learnt to predict."""
        options, node = evaluation.options, evaluation.system
        made, once = node.options["products"], self._counting.once
        by_kind = [(product_of(one, made), one) for one in metrics_of(options)]
        wanted = {kind for kind, _ in by_kind} & {TEACHER_FORCED, WORDS}
        if not wanted:
            return []
        context, model = self._context, node.inputs["model"]
        of, tokens, theirs = (model.key, node.inputs["text"].key), {}, {}
        if TEACHER_FORCED in wanted:
            tokens[TEACHER_FORCED] = once(("tokens", *of), lambda: test_tokens(node, context))
        if WORDS in wanted:
            tokens[WORDS] = once(("words", *of), lambda: word_tokens(node, context))
        frequencies = self._frequencies(model, next(iter(tokens.values()))[0])
        if TEACHER_FORCED in wanted:
            rows = len(self._counting.arrays(node, "rows.npz")["tokens"])
            theirs[TEACHER_FORCED] = unigram(*tokens[TEACHER_FORCED], rows, frequencies)
        if WORDS in wanted:
            sums = self._counting.arrays(node, WORDS_FILE)
            nll = unigram(*tokens[WORDS], len(sums["nll"]), frequencies).nll
            theirs[WORDS] = WordSums(nll, sums["words"], sums["line_ends"])
        by_kind = [(kind, one) for kind, one in by_kind if kind in wanted]
        return [
            beside(
                UNIGRAM,
                {one.name: self._counting.of(node, one, options) for _, one in by_kind},
                {one.name: Counted.of(one, theirs[kind]) for kind, one in by_kind},
                frequencies=frequencies.of,
                **settings,
            )
        ]

    def _frequencies(self, model: Node, tokens: np.ndarray) -> Frequencies:
        """Of a model's training; of one that was trained elsewhere, those of these tokens."""
        context = self._context
        counts = self._counting.once(("counts", model.key), lambda: training_counts(model, context))
        if counts is not None:
            return Frequencies(counts, TRAINING)
        counts = np.bincount(tokens, minlength=vocabulary_size(model, context))
        return Frequencies(counts, TEST)

    def _majority(self, evaluation: Evaluation, settings: Mapping[str, int]) -> dict[str, Any]:
        """The class that most rows of training have."""
        options, node, context = evaluation.options, evaluation.system, self._context
        names = class_names(node, context)
        learnt = node.inputs["model"].trained.inputs["classes"]
        found, gold, sources = self._counting.rows(node, CLASSES, options.positive)
        counts, of = _learnt_rows(learnt, names, context), TRAINING
        if counts is None:
            counts, of = np.bincount(found.labels, minlength=len(names))[: len(names)], TEST
        frequencies = Frequencies(counts, of)
        guesses = majority(found.labels, frequencies, found.positive)
        metrics = metrics_of(options)
        ours = {one.name: self._counting.of(node, one, options) for one in metrics}
        theirs = {one.name: Counted.of(one, guesses, gold, sources) for one in metrics}
        guess = names[frequencies.most_frequent]
        return beside(MAJORITY, ours, theirs, frequencies=of, guess=guess, **settings)


def _learnt_rows(learnt: Node, names: list[str], context: Context) -> np.ndarray | None:
    """Rows of each class where the classes were learnt; None: an older stage does not say it."""
    folder = StageFolder(context.stages, learnt.kind, learnt.fingerprint)
    counts = folder.manifest()["summary"].get("rows")
    return None if counts is None else np.array([counts.get(name, 0) for name in names])
