"""Decoding in NumPy without caches: what a SavedModel's outputs are held against.

Nothing here is shared with the searches: each prefix is fed to the model afresh, and a search is a
loop over Python lists, in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

Predict = Callable[[Sequence[Sequence[int]]], np.ndarray]
# What a place's log-probabilities (float64 `[vocabulary]`) and the place leave possible of a token.
Near = Callable[[np.ndarray, int, int], bool]

# Rounding of float32 logits in two orders of summation: nats, and shares of a distribution.
NEAR = 1e-4


@dataclass(frozen=True)
class NumpyOutput:
    """One sentence's best output.

    Attributes:
        ids: Tokens without start and end.
        score: log p over the length penalty.
        margin: The smallest difference that decided between candidates on the way; where it is
            tiny, rounding may have decided otherwise.
        score_of: The score of any other output; None where a score belongs to the way that an
            output came about, and not to the output.
        allows: Of a search that decides place by place: whether it may have written another output,
            each token of which is the one that it takes there but for a rounding of `NEAR` at that
            place. None where outputs are compared whole.
    """

    ids: tuple[int, ...]
    score: float
    margin: float
    score_of: Callable[[Sequence[int]], float] | None = None
    allows: Callable[[Sequence[int]], bool] | None = None


class NumpyModel:
    """A model that has read one input, asked afresh for each answer: nothing is cached.

    Args:
        read: All ids that it has read, a source's end or a prompt's start counted.
        start: What the ids of an output are fed behind: the target's start, or the prompt.
        specials: The target's special ids.
        logits: Ids int `[rows, length]` and a place, to the logits from there on, `[rows, length -
            place, vocabulary]`.
        length_logits: Of a model that predicts the target's length, the end counted: its logits.
        listed: The ids that it may write, the end among them; None: all but special ones.
    """

    def __init__(
        self,
        read: Sequence[int],
        start: Sequence[int],
        specials: Any,
        logits: Callable[[np.ndarray, int], np.ndarray],
        length_logits: Callable[[], np.ndarray] | None = None,
        listed: np.ndarray | None = None,
    ):
        self.read, self.specials = tuple(read), specials
        self.length_logits = length_logits
        self.passes = 0
        self._start, self._of = list(start), logits
        end = int(specials.end_id)
        self._forbidden = sorted({int(one) for one in specials.special_ids} - {end})
        self._listed = listed
        self._seen: dict[tuple[int, ...], np.ndarray] = {}

    def next(self, prefixes: Sequence[Sequence[int]]) -> np.ndarray:
        """The next token's log-probabilities, special ids but the end at -inf.

        Args:
            prefixes: What stands of an output, all of one length.

        Returns:
            float64 `[prefixes, vocabulary]`.
        """
        if all(tuple(prefix) in self._seen for prefix in prefixes):
            logits = np.stack([self._seen[tuple(prefix)] for prefix in prefixes])
        else:
            rows = [[*self._start, *prefix] for prefix in prefixes]
            logits = self._logits(rows, len(rows[0]) - 1)[:, 0]
        return log_softmax(self._allowed(logits))

    def filled(self, tokens: Sequence[int], *, forbid_specials: bool = True) -> np.ndarray:
        """The log-probabilities at every place of a whole target, some of whose ids are [MASK].

        Returns:
            float64 `[length, vocabulary]`; special ids but the end at -inf, if they are forbidden.
        """
        logits = self._logits([list(tokens)], 0)[0]
        return log_softmax(self._allowed(logits) if forbid_specials else logits)

    def continued(self, tokens: Sequence[int]) -> np.ndarray:
        """The log-probabilities after each prefix of an output that is read whole, once; `next`
        remembers them. Float64 `[tokens + 1, vocabulary]`, nothing forbidden."""
        logits = self._logits([[*self._start, *tokens]], len(self._start) - 1)[0]
        self._seen |= {tuple(tokens[:index]): row for index, row in enumerate(logits)}
        return log_softmax(logits)

    def _logits(self, rows: Sequence[Sequence[int]], first: int) -> np.ndarray:
        self.passes += 1
        return self._of(np.array(rows, np.int32), first).astype(np.float64)

    def _allowed(self, logits: np.ndarray) -> np.ndarray:
        logits = logits.copy()
        logits[..., self._forbidden] = -np.inf
        if self._listed is not None:
            possible = np.isin(np.arange(logits.shape[-1]), self._listed)
            logits = np.where(possible, logits, -np.inf)
        return logits


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log softmax over the last axis; -inf stays."""
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def left_to_right(
    model: NumpyModel,
    search: Callable[..., NumpyOutput],
    *,
    limit: int,
    min_length: int = 0,
    length_penalty: float = 0.0,
    near: Near | None = None,
) -> NumpyOutput:
    """Runs a search in NumPy that goes from left to right, whose scores are log p over the penalty.

    Args:
        model: The model, which has read its input.
        search: Called with what predicts the next token, `end_id` and `limit`.
        limit: The most tokens, the end not counted.
        min_length: The fewest.
        length_penalty: The exponent alpha of the score.
        near: Of a search that decides place by place: given the log-probabilities, the place and a
            token, whether the token is its choice but for rounding; see `NumpyOutput.allows`.
    """
    end_id = int(model.specials.end_id)
    predict = not_before(model.next, min_length, end_id=end_id, limit=limit)
    found = search(predict, end_id=end_id, limit=limit)
    score_of = partial(numpy_score, predict, end_id=end_id, length_penalty=length_penalty)
    allows = near and partial(_allows, predict, near, end_id=end_id, limit=limit)
    return NumpyOutput(found.ids, found.score, found.margin, score_of, allows)


def _allows(predict: Predict, near: Near, ids: Sequence[int], *, end_id: int, limit: int) -> bool:
    # At the limit nothing is decided: the output ends there.
    return len(ids) <= limit and all(
        near(predict([tuple(ids[:index])])[0], index, token)
        for index, token in enumerate((*ids, end_id)[:limit])
    )


def penalty(tokens: int, alpha: float) -> float:
    """((5 + tokens) / 6) ** alpha, the end counted among the tokens."""
    return ((5 + tokens) / 6) ** alpha


def numpy_beam_search(
    predict: Predict, *, end_id: int, limit: int, beam: int, length_penalty: float
) -> NumpyOutput:
    """Beam search of one sentence; see `tfkd.decoding.beam_search` for the definition.

    Args:
        predict: Prefixes of equal length to float64 `[prefixes, vocabulary]`: the next token's
            log-probabilities, -inf where forbidden.
        end_id: Ends an output.
        limit: The most tokens, the end not counted.
        beam: Prefixes that live on.
        length_penalty: The exponent alpha.
    """
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[tuple[float, tuple[int, ...]]] = []
    margin = np.inf
    for index in range(limit + 1):
        rows = predict([tokens for _, tokens in live])
        extended = [
            (total + row[token], (*tokens, int(token)))
            for (total, tokens), row in zip(live, rows, strict=True)
            for token in np.argsort(-row)[: beam + 2]
            if np.isfinite(row[token])
        ]
        if index == limit:
            extended = [
                (total + row[end_id], (*tokens, end_id))
                for (total, tokens), row in zip(live, rows, strict=True)
            ]
        extended.sort(key=lambda each: -each[0])
        ends = [each for each in extended[:beam] if each[1][-1] == end_id]
        finished += [
            (total / penalty(index + 1, length_penalty), tokens[:-1]) for total, tokens in ends
        ]
        others = [each for each in extended if each[1][-1] != end_id]
        for ranked in (extended, others):
            if len(ranked) > beam:
                margin = min(margin, ranked[beam - 1][0] - ranked[beam][0])
        live = others[:beam]
        finished.sort(key=lambda each: -each[0])
        largest = max(penalty(index + 2, length_penalty), penalty(limit + 1, length_penalty))
        if not live or (finished and live[0][0] / largest <= finished[0][0]):
            break
    if len(finished) > 1:
        margin = min(margin, finished[0][0] - finished[1][0])
    score, ids = finished[0]
    return NumpyOutput(ids, float(score), float(margin))


def numpy_greedy_search(predict: Predict, *, end_id: int, limit: int) -> NumpyOutput:
    """Takes the most probable token until the end; the score is log p."""
    tokens: tuple[int, ...] = ()
    total, margin = 0.0, np.inf
    while True:
        row = predict([tokens])[0]
        second, best = np.argsort(row)[-2:]
        token = end_id if len(tokens) == limit else int(best)
        if len(tokens) < limit:
            margin = min(margin, row[best] - row[second])
        total += row[token]
        if token == end_id:
            return NumpyOutput(tokens, float(total), float(margin))
        tokens = (*tokens, token)


def near_greedy(row: np.ndarray, place: int, token: int) -> bool:
    """Whether a token is the most probable but for a rounding of `NEAR`, in nats."""
    return bool(row[token] >= row.max() - NEAR)


def not_before(predict: Predict, least: int, *, end_id: int, limit: int) -> Predict:
    """Forbids the end of an output of fewer tokens than `least`, which `limit` goes before."""
    if not least:
        return predict

    def late(prefixes: Sequence[Sequence[int]]) -> np.ndarray:
        rows = np.array(predict(prefixes), np.float64)
        if len(prefixes[0]) < min(least, limit):
            rows[:, end_id] = -np.inf
            rows -= np.log(np.exp(rows).sum(-1, keepdims=True))
        return rows

    return late


def numpy_score(
    predict: Predict, ids: Sequence[int], *, end_id: int, length_penalty: float
) -> float:
    """The score of a given output: log p over the penalty."""
    total = sum(
        float(predict([tuple(ids[:index])])[0][token]) for index, token in enumerate((*ids, end_id))
    )
    return total / penalty(len(ids) + 1, length_penalty)
