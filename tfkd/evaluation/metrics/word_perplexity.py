"""Perplexity of words: what language models of different pieces are compared by."""

from typing import Any

from tfkd.evaluation.metrics.metric import WORDS
from tfkd.evaluation.metrics.ratio import Ratio


class WithLineEnds(Ratio):
    """`WordPerplexity` where the ends of lines count as words, too."""

    name = "word_perplexity_with_line_ends"
    title = "Word perplexity, line ends counted"
    products = (WORDS,)
    higher_is_better = False
    logarithmic = True
    in_training = False
    kind = "ppl:words+ends"
    exponential = True

    def parts(self, product: Any) -> tuple[Any, Any]:
        return product.nll, product.words + product.line_ends


class WordPerplexity(WithLineEnds):
    """exp(negative log-likelihood of a text / words of its tokenized original).

    A model of pieces is compared with one of words: the sum runs over all pieces and separators of
    the text, whatever the divisor. Of a uniform model over V pieces it is V^(pieces / words).

    Reference: P4, LightPAFF, table 9; Radford et al. 2019, section 3.1.
    """

    name = "word_perplexity"
    title = "Word perplexity"
    kind = "ppl:words"
    also = (WithLineEnds,)

    def parts(self, product: Any) -> tuple[Any, Any]:
        return product.nll, product.words
