"""Tokenised BLEU, as older papers counted it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.sacre_bleu import SacreBleu
from tfkd.spec.options.text_metrics import TokenizedBleuOptions

if TYPE_CHECKING:
    import numpy as np


class TokenizedBleu(SacreBleu):
    """BLEU on words as they stand between spaces, unsmoothed, as multi-bleu counts it.

    The tokenisation decides such a score, so it compares only with scores on the same tokens;
    papers mostly took the Moses tokenizer's.

    Args:
        options: The language of the tokens, and whether text is lower-cased.
        tokens: Puts spaces between the words of a line, applied to both sides; default: the Moses
            tokenizer, as the options say. Give `str` for text that is tokenised already.
    """

    name = "tokenized_bleu"
    title = "Tokenised BLEU"
    in_training = False

    def __init__(
        self,
        options: TokenizedBleuOptions | None = None,
        tokens: Callable[[str], str] | None = None,
    ):
        super().__init__(options or TokenizedBleuOptions())
        self._given = tokens

    @cached_property
    def tokens(self) -> Callable[[str], str]:
        """What splits a line."""
        from tfkd.evaluation.moses import MosesWords

        chosen = self.options.tokenized
        return self._given or MosesWords(chosen.language, chosen.split_compounds)

    @cached_property
    def scorer(self) -> Any:
        from sacrebleu.metrics import BLEU

        lower_case = self.options.lower_case
        return BLEU(lowercase=lower_case, tokenize="none", smooth_method="none", force=True)

    def statistics(
        self, product: Sequence[str], references: Sequence[str], sources: Any = None
    ) -> "np.ndarray":
        """The rows' counts of tokens, int64 `[rows, 10]`."""
        split = ([self.tokens(line) for line in lines] for lines in (product, references))
        return super().statistics(*split)

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        from tfkd.evaluation.corpus_metrics import bleu_of_sums

        return bleu_of_sums(sums, halve_empty=False)

    def signature(self, product: Any, samples: int, seed: int) -> str:
        """sacreBLEU's, with the tokens in place of `none`."""
        named = getattr(self.tokens, "name", None) or getattr(self.tokens, "__name__", "own")
        words = "given" if self.tokens is str else named
        return super().signature(product, samples, seed).replace("tok:none", f"tok:{words}")
