"""A sequence read left to right after its source: P1's BERT_l2r."""

import numpy as np

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Draws, Record, SequenceView


class PrefixLMView(SequenceView):
    """Full attention over `[CLS] a [SEP]`, causal over `b [SEP]`; every token of the latter is
    predicted from the position before it.

    The record has `prefix` int32 `[B]`: query i sees key j if j < prefix or j <= i. The label at
    position i is the token at i + 1; selected are the first [SEP] (which predicts the target's
    first token) to the target's last token (which predicts the end). A text without a second side
    has the prefix `[CLS]` and is predicted whole.

    Reference:
        Chen et al. 2020, section 4.5 (BERT_l2r).
    """

    kind = "prefix_lm"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        name: str = "prefix_lm",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        paired = sequence["second_length"] > 0
        prefix = np.where(paired, sequence["second_start"], sequence["first_start"])
        predicted = np.where(paired, sequence["second_length"], sequence["first_length"])
        column = np.arange(sequence["ids"].shape[1])
        start = prefix[:, None] - 1
        labels = np.full_like(sequence["ids"], self.specials.pad_id)
        labels[:, :-1] = sequence["ids"][:, 1:]
        return {
            "ids": sequence["ids"],
            "types": sequence["types"],
            "valid": sequence["valid"],
            "labels": labels,
            "selected": (column >= start) & (column < start + predicted[:, None]),
            "prefix": prefix.astype(np.int32),
        }
