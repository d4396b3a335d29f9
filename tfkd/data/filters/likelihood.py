"""Rows that a model finds unlikely: where the corpus is cut."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tfkd.data.filters.best_share import worse_than_share
from tfkd.spec.options.filters import LikelihoodRuleOptions


class Likelihood:
    """Drops the rows of most nats a token, -log p(y | x) / |y| with its end: all but the best share
    `keep` of the rows so far, or those above `most`. What is too long for the model goes, too.

    Reference: by a reverse model this is the cross-entropy filter of browser translators' training
    (Bogoychev et al., 2021); of both directions, Junczys-Dowmunt, 2018.
    """

    def __init__(self, options: LikelihoodRuleOptions):
        self._keep, self._most = options.keep, options.most

    def goes(self, blocks: Callable[[], Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
        """Which rows go, block by block.

        Args:
            blocks: Gives the rows' scores, float32 `[n]`, the same in each pass; of a row
                without one infinite.

        Yields:
            bool `[n]`.
        """
        if self._keep is not None:
            yield from worse_than_share(blocks, self._keep)
            return
        for scores in blocks():
            yield ~(scores <= self._most)
