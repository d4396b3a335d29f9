"""BERT's masked language model, on texts or on pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Draws, Record, SequenceView, record, words
from tfkd.data.views.corruption import (
    Probability,
    check_shares,
    choose_each,
    ordinary_ids,
    replace_by_shares,
)


class MaskedLMView(SequenceView):
    """Each word of the sequence is chosen with probability p and then mostly hidden.

    A chosen word becomes [MASK], a random word (never a special token) or stays, by the shares of
    `replace`. On a pair both sides may be chosen; [CLS] and [SEP] never are.

    Args:
        p: A probability, or `{"uniform": [low, high]}`: drawn for each sentence.
        replace: Shares of [MASK], random and kept words.
        tokenizer, specials, name, max_length: As in `SequenceView`.

    Reference:
        Devlin et al. 2019, BERT, section 3.1.
    """

    kind = "mlm"
    of_source = True

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        p: Any = 0.15,
        replace: Sequence[float] = (80, 10, 10),
        name: str = "mlm",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        self.p = Probability.of(p)
        self.replace = check_shares(replace)
        self._ordinary = ordinary_ids(specials)

    def salt(self) -> str:
        return f"{self.kind}/{self.p.low}/{self.p.high}/{self.replace}"

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        width = sequence["ids"].shape[1]
        p = self.p.draw(draws.one("p"))
        selected = choose_each(words(sequence), p, draws.each("chosen", width))
        ids = replace_by_shares(
            sequence["ids"],
            selected,
            self.replace,
            draws.each("action", width),
            draws.each("word", width),
            self.specials.mask_id,
            self._ordinary,
        )
        return record(sequence, ids, selected)
