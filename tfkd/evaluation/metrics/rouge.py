"""ROUGE-1, ROUGE-2 and ROUGE-L: how much of a reference summary an output says.

References:
    Lin, 2004, ROUGE: A Package for Automatic Evaluation of Summaries.
    Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.3.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from tfkd.evaluation.metrics.mean import Mean
from tfkd.evaluation.metrics.metric import sampled
from tfkd.spec.options.text_metrics import RougeMetricOptions


class _Words:
    """A tokenizer in rouge-score's form."""

    def __init__(self, words: Callable[[str], list[str]]):
        self.tokenize = words


class Rouge(Mean):
    """The mean over rows of rouge-score's F1 = 2 P R / (P + R), times 100.

    P and R are the matches over the output's and over the reference's: of words (`rouge_1`), of
    pairs of neighbours (`rouge_2`), each matched no more often than the other side has it; and of
    the longest common subsequence of words (`rouge_l`). A row is one sentence here, so ROUGE-L is
    that of the whole summary, too.

    Published scores of English summaries are mostly those of ROUGE-1.5.5 with `-m`: `{stem: true,
    words: ascii}`. Of ASCII text both kinds of words are the same. A tenth of the words of German
    captions has a letter that `ascii` drops; of Chinese it keeps nothing.

    Args:
        options: The words, and whether English ones are cut to Porter's stems.
    """

    family = "rouge"
    theirs: ClassVar[str]

    def __init__(self, options: RougeMetricOptions | None = None):
        super().__init__(options or RougeMetricOptions())

    @cached_property
    def scorer(self) -> Any:
        """rouge-score's scorer of this metric."""
        # Imported here: it takes a second or two, and most evaluations count no ROUGE.
        from rouge_score.rouge_scorer import RougeScorer

        from tfkd.evaluation.summary_words import words_in

        chosen = self.options.rouge
        return RougeScorer(
            [self.theirs], tokenizer=_Words(words_in(chosen.words, stem=chosen.stem))
        )

    def rows(
        self, product: Sequence[str], references: Sequence[str], sources: Any = None
    ) -> Sequence[float]:
        """The rows' F1, times 100."""
        from tfkd.evaluation.corpus_metrics import check_rows

        check_rows(product, references)
        return [
            100.0 * self.scorer.score(reference, hypothesis)[self.theirs].fmeasure
            for hypothesis, reference in zip(product, references, strict=True)
        ]

    def signature(self, product: Any, samples: int, seed: int) -> str:
        """What was counted and how, in sacreBLEU's form, with the interval's samples if any."""
        from importlib.metadata import version

        chosen = self.options.rouge
        parts = [
            f"rouge:{self.name.removeprefix('rouge_')}",
            "f1:mean",
            "nrefs:1",
            *sampled(samples, seed),
            "case:lc",
            f"words:{chosen.words}",
            f"stem:{'porter' if chosen.stem else 'no'}",
            f"version:rouge-score-{version('rouge-score')}",
        ]
        return "|".join(parts)


class Rouge1(Rouge):
    """ROUGE of words."""

    name = "rouge_1"
    title = "ROUGE-1"
    theirs = "rouge1"


class Rouge2(Rouge):
    """ROUGE of pairs of words."""

    name = "rouge_2"
    title = "ROUGE-2"
    theirs = "rouge2"


class RougeL(Rouge):
    """ROUGE of the longest common subsequence."""

    name = "rouge_l"
    title = "ROUGE-L"
    theirs = "rougeL"
