"""Whether each token of a continuation is the one that its search chooses: NumPy, without caches.

Nothing here is shared with `tfkd.decoding` but the searches' options: the model reads prompt and
continuation whole, and what was chosen at each place is held against its logits, in float64.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfkd.decoding.searches import BeamSearch, GreedySearch, Sampling, Search
from tfkd.serving.plain_decoding import not_before, plain_beam_search, plain_score

# Rounding of float32 logits in two orders of summation: nats, and shares of a distribution.
NEAR = 1e-4
# Scores of hypotheses that rounding may order otherwise, relative to the score.
TIE = 1e-5


class Judged(NamedTuple):
    """What plain code says of one continuation.

    Attributes:
        reason: Why the search would not write it; "" if it would.
        log_probability: The model's own, in nats, the end counted where it was written.
        tie: Whether it stands for another one of the same score.
    """

    reason: str
    log_probability: float
    tie: bool = False


class PlainContinuation:
    """Judges continuations of a language model.

    Args:
        model: Called with a stream record; see `tfkd.models.Gpt2`.
        tokenizer: Its tokenizer.
        search: A `BeamSearch`, `GreedySearch` or `Sampling`.

    Raises:
        TypeError: A search of another kind.
    """

    def __init__(self, model: Any, tokenizer: Any, search: Search):
        if not isinstance(search, BeamSearch | GreedySearch | Sampling):
            raise TypeError(
                "Invalid value for argument `search`. Expected a BeamSearch, GreedySearch or "
                f"Sampling: there is no plain code for other kinds. Received: {search!r}"
            )
        self._search = search
        self._end = int(tokenizer.end_id)
        self._forbidden = sorted({int(one) for one in tokenizer.special_ids} - {self._end})

        ids = tf.TensorSpec([None, None], tf.int32)

        @tf.function(input_signature=[ids, tf.TensorSpec([], tf.int32)], autograph=False)
        def logits(ids: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
            return model.head.logits(model({"ids": ids}, training=False)["hidden"][:, first:])

        self._logits = lambda ids, first: logits(np.array(ids, np.int32), first).numpy()

    def judge(
        self, prompt: Sequence[int], limit: int, written: Sequence[int], ended: bool, whole: bool
    ) -> Judged:
        """Judges one continuation.

        Args:
            prompt: Ids, the start first.
            limit: The most tokens of the continuation.
            written: Its bare ids.
            ended: Whether the model is said to have ended it.
            whole: Whether a beam search is made again, which takes a pass a token; else the
                log-probability of what it found is all that is known.
        """
        if len(written) > limit or ended != (len(written) < limit):
            how = "ends" if ended else "is cut off"
            return Judged(f"it {how} after {len(written)} of {limit} tokens", np.nan)
        if {self._end, *self._forbidden} & {*written}:
            return Judged("it holds a token that is no word", np.nan)
        rows = self._logits([[*prompt, *written]], len(prompt) - 1)[0]
        tokens = [*written, self._end] if ended else [*written]
        total = sum(_log_softmax(row)[token] for row, token in zip(rows, tokens, strict=False))
        if isinstance(self._search, BeamSearch):
            reason, tie = self._searched(prompt, limit, written) if whole else ("", False)
            return Judged(reason, float(total), tie)
        for place, token in enumerate(tokens):
            row = rows[place].astype(np.float64)
            if place < min(self._search.min_length, limit):
                row[self._end] = -np.inf
            if not self._chooses(row, token, prompt, place):
                reason = f"the search chooses another token than its token {place + 1}"
                return Judged(reason, float(total))
        return Judged("", float(total))

    def _chooses(self, logits: np.ndarray, token: int, prompt: Sequence[int], place: int) -> bool:
        logits[self._forbidden] = -np.inf
        if isinstance(self._search, GreedySearch):
            return bool(logits[token] >= logits.max() - NEAR)
        return drawn(
            logits,
            token,
            plain_draw(prompt, int(self._search.seed), place),
            temperature=self._search.temperature,
            top_k=self._search.top_k,
            top_p=self._search.top_p,
        )

    def _searched(
        self, prompt: Sequence[int], limit: int, written: Sequence[int]
    ) -> tuple[str, bool]:
        """Makes a beam search again; returns (what is wrong or "", whether it is a tie)."""
        search = self._search

        def predict(prefixes: Sequence[Sequence[int]]) -> np.ndarray:
            rows = [[*prompt, *prefix] for prefix in prefixes]
            logits = self._logits(rows, len(rows[0]) - 1)[:, 0].astype(np.float64)
            logits[:, self._forbidden] = -np.inf
            return np.stack([_log_softmax(row) for row in logits])

        settings = {"end_id": self._end, "length_penalty": search.length_penalty}
        predict = not_before(predict, search.min_length, end_id=self._end, limit=limit)
        best = plain_beam_search(predict, limit=limit, beam=search.beam, **settings)
        if tuple(written) == best.ids:
            return "", False
        own = plain_score(predict, written, **settings)
        if min(best.margin, abs(own - best.score)) > TIE * max(1.0, abs(best.score)):
            return (
                f"the search finds another one of the score {best.score:.5f}, not {own:.5f}",
                False,
            )
        return "", True


def plain_draw(prompt: Sequence[int], seed: int, index: int) -> float:
    """The draw of [0, 1) at a step: see `tfkd.decoding.sampling.uniform`, of its `hashed` prompt.

    Args:
        prompt: All that the model read at its start, the start first.
        seed: The search's.
        index: The step, from 0.
    """
    total = sum(_mixed(token + _mixed(place)) for place, token in enumerate(prompt))
    key = _mixed(total + _mixed(seed))
    return (_mixed(key + _mixed(index + 0x9E3779B9)) >> 8) * 2.0**-24


def drawn(
    logits: np.ndarray,
    token: int,
    draw: float,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float,
) -> bool:
    """Whether a draw of [0, 1) falls on a token, to a rounding of `NEAR`.

    The vocabulary is laid out on [0, 1): in the order of ids, or, of a distribution that is cut
    down to its likeliest tokens, from the likeliest on; a token takes as much as it is likely.

    Args:
        logits: float64 `[vocabulary]`; -inf where forbidden.
        token: The token.
        draw: The draw.
        temperature, top_k, top_p: See `tfkd.decoding.Sampling`.
    """
    shares = np.exp(_log_softmax(logits / temperature))
    if top_k is None and top_p == 1:
        before = shares[:token].sum()
        return bool(before - NEAR <= draw <= before + shares[token] + NEAR)
    order = np.argsort(-logits, kind="stable")[:top_k]
    shares /= shares[order].sum()
    # Tokens as near as rounding may stand in either order.
    likelier, like = logits > logits[token] + NEAR, logits >= logits[token] - NEAR
    if likelier.sum() >= len(order):
        return False
    least, most = shares[likelier].sum(), shares[like].sum() - shares[token]
    before = np.cumsum(shares[order]) - shares[order]
    kept = [shares[order][before < limit].sum() for limit in (top_p - NEAR, top_p + NEAR)]
    if top_p < 1 and least >= top_p + NEAR:
        return False
    return bool(draw * kept[1] >= least - NEAR and draw * kept[0] <= most + shares[token] + NEAR)


def _log_softmax(row: np.ndarray) -> np.ndarray:
    row = row.astype(np.float64)
    row = row - row.max()
    return row - np.log(np.exp(row).sum())


def _mixed(word: int) -> int:
    """MurmurHash3's finalizer of a 32-bit word."""
    word &= 0xFFFFFFFF
    word = (word ^ (word >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ (word >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ (word >> 16)
