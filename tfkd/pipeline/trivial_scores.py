"""Trivial systems on a run's test sets: what scores there without having learnt the task.

Computed when results are put together, from what evaluations left: no stage's result holds it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfkd.evaluation import (
    WITH_LINE_ENDS,
    Frequencies,
    RowStatistics,
    beside,
    class_statistics,
    constant_outputs,
    majority,
    ratio_statistics,
    text_statistics,
    trivial_outputs,
    unigram,
)
from tfkd.evaluation.classification import METRICS
from tfkd.evaluation.trivial_systems import CONSTANT, MAJORITY, TEST, TRAINING, UNIGRAM
from tfkd.pipeline.class_scores import class_names, class_rows, class_sums
from tfkd.pipeline.class_stages import open_classes
from tfkd.pipeline.classification import positive_place, predicted
from tfkd.pipeline.context import Context
from tfkd.pipeline.evaluate_stage import WORDS
from tfkd.pipeline.graph import Node
from tfkd.pipeline.predicted_tokens import (
    test_tokens,
    training_counts,
    vocabulary_size,
    word_tokens,
)
from tfkd.pipeline.products import CLASSES
from tfkd.pipeline.scores import file_lines
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_metrics import is_text, settings_of
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.wanted import Evaluation

Statistics = dict[str, RowStatistics]
# Each ratio with the array of sums that it divides by the rows' numbers of tokens.
_RATIO = {"loss": "nll", "perplexity": "nll", "accuracy": "correct"}
# Bootstrap samples: these differences are large, or tell nothing.
_MOST_SAMPLES = 1000


class TrivialScores:
    """The trivial systems of each evaluation; what several evaluations share is counted once.

    Args:
        context: The run's surroundings.
    """

    def __init__(self, context: Context):
        self._context = context
        self._made: dict[Any, Any] = {}

    def beside(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """An evaluation's `trivial` in results.json: those systems that its metrics have."""
        options, node = evaluation.options, evaluation.system
        settings = {"samples": min(options.bootstrap, _MOST_SAMPLES), "seed": options.seed}
        if CLASSES in node.options["products"]:
            found = [self._majority(evaluation, settings)]
        else:
            found = [*self._texts(evaluation, settings), *self._unigram(evaluation, settings)]
        return [one for one in found if one["metrics"]]

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _texts(self, evaluation: Evaluation, settings: Mapping[str, int]) -> list[dict[str, Any]]:
        """The source copied, nothing at all, and one line everywhere."""
        options, node = evaluation.options, evaluation.system
        metrics = [metric for metric in options.metrics if is_text(metric)]
        if not metrics:
            return []
        text = open_text(node.inputs["text"], self._context)
        references = list(text.lines("target"))
        trivial = trivial_outputs(list(text.lines("source")))
        outputs = file_lines(self._context.stages / node.key / "hypotheses.txt")
        counted = repr((options.tokenize, options.lower_case, options.tokenized, options.rouge))

        def statistics(of: Any, lines: list[str]) -> Statistics:
            return {
                metric: self._once(
                    (of, metric, counted),
                    lambda metric=metric: text_statistics(
                        metric, lines, references, **settings_of(metric, options)
                    ),
                )
                for metric in metrics
            }

        ours = statistics(node.key, outputs)
        corpus = node.inputs["text"].key
        found = [
            beside(kind, ours, statistics((kind, corpus), lines), **settings)
            for kind, lines in trivial.items()
        ]
        if (constant := constant_outputs(outputs)) is not None:
            theirs = statistics((CONSTANT, node.key), constant)
            found.append(beside(CONSTANT, ours, theirs, guess=constant[0], **settings))
        return found

    def _unigram(self, evaluation: Evaluation, settings: Mapping[str, int]) -> list[dict[str, Any]]:
        """The frequencies of the tokens that the model learnt to predict."""
        options, node = evaluation.options, evaluation.system
        wanted = [metric for metric in options.metrics if metric in _RATIO]
        words = "word_perplexity" in options.metrics
        if not wanted and not words:
            return []
        context, model = self._context, node.inputs["model"]
        of = (model.key, node.inputs["text"].key)
        read = self._once(("words", *of), lambda: word_tokens(node, context)) if words else None
        forced = self._once(("tokens", *of), lambda: test_tokens(node, context)) if wanted else None
        frequencies = self._frequencies(model, (forced or read)[0])
        ours: Statistics = {}
        theirs: Statistics = {}
        if forced is not None:
            sums = _arrays(node, "rows.npz", context)
            trivial = unigram(*forced, len(sums["tokens"]), frequencies)
            for metric in wanted:
                name = _RATIO[metric]
                ours[metric] = ratio_statistics(metric, sums[name], sums["tokens"])
                theirs[metric] = ratio_statistics(metric, trivial[name], trivial["tokens"])
        if read is not None:
            sums = _arrays(node, WORDS, context)
            nll = unigram(*read, len(sums["nll"]), frequencies)["nll"]
            ends = sums["words"] + sums["line_ends"]
            for metric, divisor in (("word_perplexity", sums["words"]), (WITH_LINE_ENDS, ends)):
                ours[metric] = ratio_statistics(metric, sums["nll"], divisor)
                theirs[metric] = ratio_statistics(metric, nll, divisor)
        return [beside(UNIGRAM, ours, theirs, frequencies=frequencies.of, **settings)]

    def _frequencies(self, model: Node, tokens: np.ndarray) -> Frequencies:
        """Of a model's training; of one that was trained elsewhere, those of these tokens."""
        context = self._context
        counts = self._once(("counts", model.key), lambda: training_counts(model, context))
        if counts is not None:
            return Frequencies(counts, TRAINING)
        counts = np.bincount(tokens, minlength=vocabulary_size(model, context))
        return Frequencies(counts, TEST)

    def _majority(self, evaluation: Evaluation, settings: Mapping[str, int]) -> dict[str, Any]:
        """The class that most rows of training have."""
        options, node, context = evaluation.options, evaluation.system, self._context
        rows, names = class_rows(node, context), class_names(node, context)
        learnt = node.inputs["model"].trained.inputs["classes"]
        labelled = rows["label"] >= 0
        labels = rows["label"][labelled]
        counts, of = _learnt_rows(learnt, names, context), TRAINING
        if counts is None:
            counts, of = np.bincount(labels, minlength=len(names))[: len(names)], TEST
        frequencies = Frequencies(counts, of)
        guesses, nats = majority(labels, frequencies)
        positive = positive_place(open_classes(learnt, context), options.positive, "evaluate")
        nll, known = class_sums(rows, len(names))
        ours: Statistics = {}
        theirs: Statistics = {}
        for metric in options.metrics:
            if metric in METRICS:
                ours[metric] = class_statistics(metric, predicted(rows, len(names)), positive)
                theirs[metric] = class_statistics(metric, guesses, positive)
            else:
                ours[metric] = ratio_statistics(metric, nll[labelled], known[labelled])
                theirs[metric] = ratio_statistics(metric, nats, known[labelled])
        guess = names[frequencies.most_frequent]
        return beside(MAJORITY, ours, theirs, frequencies=of, guess=guess, **settings)


def _arrays(node: Node, name: str, context: Context) -> dict[str, np.ndarray]:
    with np.load(context.stages / node.key / name, allow_pickle=False) as arrays:
        return dict(arrays)


def _learnt_rows(learnt: Node, names: list[str], context: Context) -> np.ndarray | None:
    """Rows of each class where the classes were learnt; None: an older stage does not say it."""
    folder = StageFolder(context.stages, learnt.kind, learnt.fingerprint)
    counts = folder.manifest()["summary"].get("rows")
    return None if counts is None else np.array([counts.get(name, 0) for name in names])
