"""What BLEU and chrF have in common: sacreBLEU counts them, scores them and names how.

Reference: Post, 2018, A Call for Clarity in Reporting BLEU Scores.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy as np


class SacreBleu(Metric):
    """A metric of sacreBLEU's; subclasses make its `scorer` and compute its formula in `of_sums`,
    for all samples at once."""

    family = "bleu"

    @cached_property
    def scorer(self) -> Any:
        """sacreBLEU's metric, which counts the rows and owns the signature."""
        raise NotImplementedError

    def statistics(
        self, product: Sequence[str], references: Sequence[str], sources: Any = None
    ) -> "np.ndarray":
        """The rows' counts, int64 `[rows, n]`."""
        import numpy as np

        from tfkd.evaluation.corpus_metrics import check_rows

        check_rows(product, references)
        # The counting is private in sacreBLEU (its PairedTest calls it the same way); a test holds
        # it. Counting once serves the score, its interval, the pairing and the length buckets.
        counts = self.scorer._extract_corpus_statistics(list(product), [list(references)])
        return np.asarray(counts, np.int64)

    def value(self, statistics: "np.ndarray") -> float:
        """The score of these rows, computed by sacreBLEU itself."""
        sums = [int(total) for total in statistics.sum(0)]
        return float(self.scorer._compute_score_from_stats(sums).score)

    def signature(self, product: Any, samples: int, seed: int) -> str:
        """sacreBLEU's signature with the samples and seed of the interval, if any."""
        signature = self.scorer.get_signature()
        if samples > 1:
            signature.update("bs", samples)
            signature.update("seed", seed)
        return signature.format()
