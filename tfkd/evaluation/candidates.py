"""Which of several outputs of a row is best, by a metric's score of a sentence."""

from collections.abc import Sequence

import numpy as np

from tfkd.evaluation.metrics.metric import Metric

_Candidates = Sequence[Sequence[str]]


def most_like(
    metric: Metric,
    candidates: _Candidates,
    references: Sequence[str],
    sources: Sequence[str] | None = None,
) -> list[int]:
    """argmax_c metric(c, reference) over the candidates of each row; of equal ones the first.

    Args:
        metric: A metric of outputs, whose `of_rows` scores sentences: sacreBLEU's for BLEU, of as
            many orders as an output has, and chrF.
        candidates: Of each row one or more, the likeliest first.
        references: One a row.
        sources: One a row, for metrics that read them.

    Reference: Kim and Rush, 2016, Sequence-Level Knowledge Distillation, section 3.3.
    """
    return _best(candidates, _scores(metric, candidates, [[one] for one in references], sources))


def least_risk(
    metric: Metric, candidates: _Candidates, sources: Sequence[str] | None = None
) -> list[int]:
    """argmax_c Σ_j metric(c, c_j) over the candidates c_j of each row: minimum Bayes risk, each
    candidate as likely as the other, one that was drawn twice twice. Arguments as of `most_like`.

    Reference: Kumar and Byrne, 2004, Minimum Bayes-Risk Decoding for Statistical Machine
    Translation; Eikema and Aziz, 2020, Is MAP Decoding All You Need?, section 5.
    """
    return _best(candidates, _scores(metric, candidates, candidates, sources))


def _scores(
    metric: Metric, candidates: _Candidates, references: _Candidates, sources: Sequence[str] | None
) -> np.ndarray:
    """Of each candidate, one row's after the other's, the sum of its scores against the row's
    references; worse is negative."""
    pairs = [
        (row, output, reference)
        for row, (outputs, against) in enumerate(zip(candidates, references, strict=True))
        for output in outputs
        for reference in against
    ]
    different = list(dict.fromkeys(pairs))  # drawn twice, scored once
    rows, outputs, expected = zip(*different, strict=True)
    read = [sources[row] for row in rows] if metric.reads_sources and sources else None
    scores = metric.of_rows(metric.statistics(list(outputs), list(expected), read))
    known = dict(zip(different, np.asarray(scores, np.float64), strict=True))
    of = [len(against) for outputs, against in zip(candidates, references, strict=True)
          for _ in outputs]  # fmt: skip
    sums = np.add.reduceat([known[one] for one in pairs], np.cumsum([0, *of[:-1]]))
    return sums if metric.higher_is_better else -sums


def _best(candidates: _Candidates, scores: np.ndarray) -> list[int]:
    """The place of each row's best; what is no number is worst."""
    ends = np.cumsum([len(outputs) for outputs in candidates])
    found = np.split(np.where(np.isnan(scores), -np.inf, scores), ends[:-1])
    # Sums of the same scores in another order differ in their last digits.
    return [int(np.argmax(np.round(one, 9))) for one in found]
