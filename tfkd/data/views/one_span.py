"""AB-Net's noise of the source: one span of its tokens."""

from collections.abc import Sequence

import numpy as np

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Draws, Record, SequenceView, record
from tfkd.data.views.corruption import check_shares, ordinary_ids, replace_by_shares
from tfkd.data.views.uniform_count import texts


class OneSpanView(SequenceView):
    """One span of max(1, round(p L)) + 1 of a text's L tokens, [SEP] among them, is replaced.

    The span starts at the text's first token with probability 0.2, at the last place where all of
    it but one token fits with 0.2, else uniformly before that place; what of it is beyond the end
    falls away. What becomes of a token is drawn for each by itself, not once for the span.

    Args:
        p: The share of the text that the span takes.
        replace: Shares of [MASK], random words and kept words.
        tokenizer, specials, name, max_length: As in `SequenceView`.

    Reference: P3's official code, which noises the source so in training and in validation; the
    paper does not say so.
    """

    kind = "one_span"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        p: float = 0.1,
        replace: Sequence[float] = (80, 10, 10),
        name: str = "one_span",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        if not 0 < p <= 1:
            raise ValueError(
                f"Invalid value for argument `p`. Expected 0 < p <= 1. Received: p={p}"
            )
        self.p = float(p)
        self.replace = check_shares(replace)
        self._ordinary = ordinary_ids(specials)

    def salt(self) -> str:
        return f"{self.kind}/{self.p}/{self.replace}"

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        ids, width = sequence["ids"], sequence["ids"].shape[1]
        allowed = texts(sequence)
        place = np.cumsum(allowed, 1) - 1
        start, length = choose_span(allowed.sum(1), self.p, draws.one("where"), draws.one("start"))
        inside = (place >= start[:, None]) & (place < (start + length)[:, None])
        selected = allowed & inside
        replaced = replace_by_shares(
            ids,
            selected,
            self.replace,
            draws.each("action", width),
            draws.each("word", width),
            self.specials.mask_id,
            self._ordinary,
        )
        return record(sequence, replaced, selected)


def choose_span(
    lengths: np.ndarray, p: float, where: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first place and the length of a span in each text.

    Args:
        lengths: int `[B]`, L.
        p: The share.
        where: float64 `[B]`, uniform: from 0.8 on at the front, from 0.6 on at the end.
        start: float64 `[B]`, uniform: the place between.

    Returns:
        int64 `[B]` each; the length is max(1, round(p L)) + 1, rounded to even at halves, and may
        go beyond the text.
    """
    length = np.maximum(1, np.round(lengths * p)).astype(np.int64)
    last = np.maximum(lengths - length, 0)
    between = np.minimum((start * last).astype(np.int64), np.maximum(last - 1, 0))
    first = np.where(where >= 0.8, 0, np.where(where >= 0.6, last, between))
    return first, length + 1
