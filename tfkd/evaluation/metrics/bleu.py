"""BLEU: n-grams of words that outputs share with the references.

Reference: Papineni et al., 2002, BLEU: a Method for Automatic Evaluation of Machine Translation.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.sacre_bleu import SacreBleu
from tfkd.spec.options.text_metrics import BleuOptions

if TYPE_CHECKING:
    import numpy as np


class Bleu(SacreBleu):
    """sacreBLEU's corpus BLEU, 0 to 100, smoothed as mteval-v13a's (`exp`).

    Args:
        options: sacreBLEU's tokenizer, and whether text is lower-cased.
    """

    name = "bleu"
    title = "BLEU"

    def __init__(self, options: BleuOptions | None = None):
        super().__init__(options or BleuOptions())

    @cached_property
    def scorer(self) -> Any:
        from sacrebleu.metrics import BLEU

        # force: outputs of text without punctuation marks are no reason for a warning here.
        return BLEU(
            lowercase=self.options.lower_case,
            tokenize=self.options.tokenize,
            smooth_method="exp",
            force=True,
        )

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        from tfkd.evaluation.corpus_metrics import bleu_of_sums

        return bleu_of_sums(sums)

    def of_rows(self, statistics: "np.ndarray") -> "np.ndarray":
        """sacreBLEU's sentence BLEU: of the orders that an output is long enough for, smoothed."""
        import numpy as np
        from sacrebleu.metrics import BLEU

        def sentence_bleu(counts: list[int]) -> float:
            length, reference_length, *rest = counts
            orders = len(rest) // 2
            return BLEU.compute_bleu(
                rest[:orders], rest[orders:], length, reference_length,
                smooth_method="exp", effective_order=True,
            ).score  # fmt: skip

        return np.array([sentence_bleu([int(count) for count in row]) for row in statistics])
