"""The metrics of outputs beside references, by name."""

from functools import partial
from typing import Any, Protocol

import numpy as np

from tfkd.evaluation.corpus_metrics import bleu_metric, chrf_metric
from tfkd.evaluation.corpus_scores import bleu, chrf, tokenized_bleu
from tfkd.evaluation.rouge_scores import ROUGE, rouge, rouge_metric

# Each takes hypotheses, references and its own options, and gives a `Score`.
TEXT_SCORES = {
    "bleu": bleu,
    "chrf": chrf,
    "tokenized_bleu": tokenized_bleu,
    **{name: partial(rouge, metric=name) for name in ROUGE},
}


class TextMetric(Protocol):
    """A metric that is a function of sums over rows."""

    name: str

    def statistics(self, hypotheses: Any, references: Any) -> np.ndarray:
        """What is summed, [rows, n]."""

    def of_sums(self, sums: np.ndarray) -> np.ndarray:
        """Sums [..., n] -> values [...]."""

    def value(self, statistics: np.ndarray) -> float:
        """The score of these rows."""


def metric_named(
    name: str,
    *,
    lower_case: bool = False,
    tokenize: str = "13a",
    stem: bool = False,
    words: str = "unicode",
) -> TextMetric:
    """`bleu`, `chrf`, `tokenized_bleu` (of tokens between spaces), `rouge_1`, `rouge_2` or
    `rouge_l` by name; each takes those of the options that are its own."""
    if name == "bleu":
        return bleu_metric(lower_case=lower_case, tokenize=tokenize)
    if name == "chrf":
        return chrf_metric(lower_case=lower_case)
    if name == "tokenized_bleu":
        return bleu_metric(lower_case=lower_case, tokenize="none", smooth="none", name=name)
    if name in ROUGE:
        return rouge_metric(name, stem=stem, words=words)
    raise ValueError(
        f"Invalid value for argument `metric`. Expected one of {', '.join(TEXT_SCORES)}. "
        f"Received: metric={name!r}"
    )
