"""SpanBERT's masks: whole words that stand together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Draws, Record, SequenceView, record, words
from tfkd.data.views.corruption import check_shares, ordinary_ids, replace_by_shares


class SpansView(SequenceView):
    """Spans of whole words are chosen until a share of the tokens is, and each span is replaced.

    A span starts at the word of a token drawn from those that are not chosen yet, and goes on for
    as many words as a geometric distribution cut at `longest` says:

        P(length = l) = geometric (1 - geometric)^(l - 1) / (1 - (1 - geometric)^longest),

    over words that are chosen already, but not beyond its text, and not beyond the budget of
    ceil(p * tokens) chosen tokens (a word is never cut: its last one may pass the budget). What
    becomes of a span is drawn once: [MASK] at each of its tokens, random words, or its own, by the
    shares of `replace`.

    Args:
        p: The share of tokens that are chosen.
        geometric: The geometric distribution's parameter; as published, the mean is 3.8 words.
        longest: Words of the longest span.
        replace: Shares of [MASK], random and kept spans.
        tokenizer, specials, name, max_length: As in `SequenceView`. A vocabulary that says which
            pieces go on with a word (`continuation`) gives whole words, any other single tokens.

    Reference: Joshi et al. 2020, SpanBERT, section 3.1.
    """

    kind = "spans"
    of_source = True

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        p: float = 0.15,
        geometric: float = 0.2,
        longest: int = 10,
        replace: Sequence[float] = (80, 10, 10),
        name: str = "spans",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        if not 0 < p <= 1 or not 0 < geometric <= 1 or longest < 1:
            raise ValueError(
                "Invalid value for arguments `p`, `geometric`, `longest`. Expected 0 < p <= 1, "
                "0 < geometric <= 1 and longest of 1 or more. Received: "
                f"p={p}, geometric={geometric}, longest={longest}"
            )
        self.p, self.geometric, self.longest = float(p), float(geometric), int(longest)
        self.replace = check_shares(replace)
        self._ordinary = ordinary_ids(specials)
        continuation = getattr(specials, "continuation", None)
        size = specials.size
        self._continues = np.zeros(size, bool) if continuation is None else np.asarray(continuation)

    def salt(self) -> str:
        return f"{self.kind}/{self.p}/{self.geometric}/{self.longest}/{self.replace}"

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        ids, allowed = sequence["ids"], words(sequence)
        spans = choose_spans(allowed, starts_of(ids, allowed, self._continues), self, draws)
        selected, width = spans >= 0, ids.shape[1]
        # One draw a span, spread over its tokens.
        actions = draws.each("action", max(1, int(spans.max(initial=-1)) + 1))
        action = np.take_along_axis(actions, np.maximum(spans, 0), 1)
        replaced = replace_by_shares(
            ids,
            selected,
            self.replace,
            action,
            draws.each("word", width),
            self.specials.mask_id,
            self._ordinary,
        )
        return record(sequence, replaced, selected)


def starts_of(ids: np.ndarray, allowed: np.ndarray, continues: np.ndarray) -> np.ndarray:
    """Where words start, bool `[B, T]`: at allowed pieces that do not go on with the one before."""
    before = np.zeros_like(allowed)
    before[:, 1:] = allowed[:, :-1]
    return allowed & ~(continues[ids] & before)


def choose_spans(allowed: np.ndarray, starts: np.ndarray, options: Any, draws: Draws) -> np.ndarray:
    """Chooses spans, all rows at once: round n draws the n-th span of every row that needs one.

    Args:
        allowed: bool `[B, T]`: tokens that may be chosen.
        starts: bool `[B, T]`: the first tokens of words, see `starts_of`.
        options: `p`, `geometric`, `longest` of `SpansView`.
        draws: The rows' random numbers.

    Returns:
        int64 `[B, T]`: the number of the token's span in its row, -1 where it is not chosen.
    """
    count, width = allowed.shape
    spans = np.full((count, width), -1)
    budget = np.ceil(options.p * allowed.sum(1) - 1e-9).astype(np.int64)
    rounds = int(budget.max(initial=0))  # each chooses a token or more
    if not rounds:
        return spans
    lengths = span_lengths(draws.each("length", rounds), options.geometric, options.longest)
    anchors = draws.each("anchor", rounds)
    word = np.cumsum(starts, 1) - 1  # the number of each token's word
    # A text ends where tokens that may not be chosen stand: spans do not go over them.
    text = np.cumsum(~allowed, 1)
    rows = np.arange(count)
    for number in range(rounds):
        free = allowed & (spans < 0)
        needed = budget - (spans >= 0).sum(1)
        left = free.sum(1)
        active = (needed > 0) & (left > 0)
        if not active.any():
            break
        place = (anchors[:, number] * left).astype(np.int64) + 1
        anchor = (np.cumsum(free, 1) == place[:, None]).argmax(1)
        first = word[rows, anchor]
        within = (
            free
            & (word >= first[:, None])
            & (word < (first + lengths[:, number])[:, None])
            & (text == text[rows, anchor][:, None])
            & active[:, None]
        )
        # Tokens of the span before each word of it; within a word the number stays.
        before = np.cumsum(within, 1) - within
        before = np.maximum.accumulate(np.where(starts, before, 0), 1)
        spans[within & (before < needed[:, None])] = number
    return spans


def span_lengths(uniform: np.ndarray, geometric: float, longest: int) -> np.ndarray:
    """Lengths by the inverse of the cut geometric distribution, int64, 1 to `longest`."""
    if geometric == 1:
        return np.ones(uniform.shape, np.int64)
    whole = 1 - (1 - geometric) ** longest
    drawn = np.floor(np.log1p(-uniform * whole) / np.log1p(-geometric)).astype(np.int64) + 1
    return np.clip(drawn, 1, longest)
