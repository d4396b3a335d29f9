"""chrF: n-grams of characters that outputs share with the references.

Reference: Popović, 2015, chrF: character n-gram F-score for automatic MT evaluation.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.sacre_bleu import SacreBleu
from tfkd.spec.options.text_metrics import ChrfOptions

if TYPE_CHECKING:
    import numpy as np


class Chrf(SacreBleu):
    """sacreBLEU's corpus chrF2 of character 6-grams, 0 to 100; `word_order=2` is chrF2++.

    Args:
        options: The order of words, and whether text is lower-cased.
    """

    name = "chrf"
    title = "chrF"

    def __init__(self, options: ChrfOptions | None = None):
        super().__init__(options or ChrfOptions())

    @cached_property
    def scorer(self) -> Any:
        from sacrebleu.metrics import CHRF

        return CHRF(lowercase=self.options.lower_case, word_order=self.options.word_order)

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        from tfkd.evaluation.corpus_metrics import chrf_of_sums

        return chrf_of_sums(sums)
