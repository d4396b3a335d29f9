"""ROUGE-1, ROUGE-2 and ROUGE-L: how much of a reference summary an output says.

References:
    Lin, 2004, ROUGE: A Package for Automatic Evaluation of Summaries.
    Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from tfkd.evaluation.bootstrap import interval, resampled_sums
from tfkd.evaluation.corpus_metrics import check_rows
from tfkd.evaluation.score import Score
from tfkd.evaluation.summary_words import words_in

# Each with its name in rouge-score.
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}


class _Words:
    """A tokenizer in rouge-score's form."""

    def __init__(self, words: Callable[[str], list[str]]):
        self.tokenize = words


@dataclass(frozen=True)
class RougeMetric:
    """The mean over rows of rouge-score's F1 = 2 P R / (P + R), times 100.

    P and R are the matches over the output's and over the reference's: of words (`rouge_1`), of
    pairs of neighbours (`rouge_2`), each matched no more often than the other side has it; and of
    the longest common subsequence of words (`rouge_l`). A row is one sentence here, so ROUGE-L is
    that of the whole summary, too. It has the form of a `CorpusMetric`: a function of sums over
    rows.

    Attributes:
        name: One of `ROUGE`.
        stem: Whether English words are cut to Porter's stems (`-m` of ROUGE-1.5.5).
        words: `unicode` or `ascii`, as in `summary_words.words_in`.
    """

    name: str
    stem: bool = False
    words: str = "unicode"

    @cached_property
    def scorer(self) -> Any:
        """rouge-score's scorer of this metric."""
        # Imported here: it takes a second or two, and most evaluations count no ROUGE.
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer(
            [ROUGE[self.name]], tokenizer=_Words(words_in(self.words, stem=self.stem))
        )

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        """The rows' F1 and a 1 to count them, float64 [rows, 2]."""
        check_rows(hypotheses, references)
        key = ROUGE[self.name]
        found = [
            100.0 * self.scorer.score(reference, hypothesis)[key].fmeasure
            for hypothesis, reference in zip(hypotheses, references, strict=True)
        ]
        return np.stack([np.asarray(found, np.float64), np.ones(len(found))], 1)

    def of_sums(self, sums: np.ndarray) -> np.ndarray:
        """Sums [..., 2] -> the means [...]."""
        return sums[..., 0] / sums[..., 1]

    def value(self, statistics: np.ndarray) -> float:
        """The score of these rows."""
        return float(self.of_sums(statistics.sum(0)))

    def signature(self, samples: int, seed: int) -> str:
        """What was counted and how, in sacreBLEU's form, with the interval's samples if any."""
        parts = [
            f"rouge:{self.name.removeprefix('rouge_')}",
            "f1:mean",
            "nrefs:1",
            *([f"bs:{samples}", f"seed:{seed}"] if samples > 1 else []),
            "case:lc",
            f"words:{self.words}",
            f"stem:{'porter' if self.stem else 'no'}",
            f"version:rouge-score-{version('rouge-score')}",
        ]
        return "|".join(parts)


def rouge_metric(name: str, *, stem: bool = False, words: str = "unicode") -> RougeMetric:
    """The metric of this name; see `rouge`."""
    if name not in ROUGE:
        raise ValueError(
            f"Invalid value for argument `metric`. Expected one of {', '.join(ROUGE)}. "
            f"Received: metric={name!r}"
        )
    words_in(words)  # an unknown kind is told of here
    return RougeMetric(name, stem, words)


def rouge(
    hypotheses: Sequence[str],
    references: Sequence[str],
    metric: str = "rouge_l",
    *,
    stem: bool = False,
    words: str = "unicode",
    samples: int = 1000,
    seed: int = 1,
) -> Score:
    """rouge-score's F1, 0 to 100, with a 95 % bootstrap interval.

    Published scores of English summaries are mostly those of ROUGE-1.5.5 with `-m`: `stem=True,
    words="ascii"`. Of ASCII text both kinds of words are the same. A tenth of
    the words of German captions has a letter that `ascii` drops; of Chinese it keeps nothing.

    Args:
        hypotheses: The outputs.
        references: One reference a row.
        metric: `rouge_1`, `rouge_2` or `rouge_l`.
        stem: Compare Porter's stems of English words.
        words: `unicode`, or `ascii` as rouge-score.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed.
    """
    measure = rouge_metric(metric, stem=stem, words=words)
    statistics = measure.statistics(hypotheses, references)
    low = high = None
    if samples > 1:
        low, high = interval(measure.of_sums(resampled_sums(statistics, samples, seed)))
    return Score(
        name=metric,
        value=measure.value(statistics),
        low=low,
        high=high,
        signature=measure.signature(samples, seed),
    )
