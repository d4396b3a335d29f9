"""Decoding in plain NumPy without caches: what a SavedModel's outputs are held against.

Nothing here is shared with `tfkd.decoding`: each prefix is fed to the model afresh, and the search
is a loop over Python lists, in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Predict = Callable[[Sequence[Sequence[int]]], np.ndarray]


@dataclass(frozen=True)
class PlainOutput:
    """One sentence's best output.

    Attributes:
        ids: Tokens without start and end.
        score: log p over the length penalty.
        margin: The smallest difference that decided between candidates on the way; where it is
            tiny, rounding may have decided otherwise.
    """

    ids: tuple[int, ...]
    score: float
    margin: float


def penalty(tokens: int, alpha: float) -> float:
    """((5 + tokens) / 6) ** alpha, the end counted among the tokens."""
    return ((5 + tokens) / 6) ** alpha


def plain_beam_search(
    predict: Predict, *, end_id: int, limit: int, beam: int, length_penalty: float
) -> PlainOutput:
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
    return PlainOutput(ids, float(score), float(margin))


def plain_greedy_search(predict: Predict, *, end_id: int, limit: int) -> PlainOutput:
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
            return PlainOutput(tokens, float(total), float(margin))
        tokens = (*tokens, token)


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


def plain_score(
    predict: Predict, ids: Sequence[int], *, end_id: int, length_penalty: float
) -> float:
    """The score of a given output: log p over the penalty."""
    total = sum(
        float(predict([tuple(ids[:place])])[0][token]) for place, token in enumerate((*ids, end_id))
    )
    return total / penalty(len(ids) + 1, length_penalty)


def uncached(model: Any, target: Any, source_end: int) -> Callable[[Sequence[int]], Predict]:
    """Predicts by running the whole model on whole prefixes, afresh for each.

    Args:
        model: Called with a pair record; see `tfkd.models.Transformer`.
        target: The target's tokenizer.
        source_end: The source's end id.

    Returns:
        From bare source ids to a `Predict`.
    """
    import tensorflow as tf

    forbidden = sorted({int(number) for number in target.special_ids} - {int(target.end_id)})
    ids = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[ids, ids], autograph=False)
    def last_logits(sources: tf.Tensor, prefixes: tf.Tensor) -> tf.Tensor:
        record = {
            "source": {"ids": sources, "valid": tf.ones_like(sources, tf.bool)},
            "target": {"ids": prefixes, "valid": tf.ones_like(prefixes, tf.bool)},
        }
        return model.head.logits(model(record, training=False)["hidden"][:, -1])

    def of(source: Sequence[int]) -> Predict:
        def predict(prefixes: Sequence[Sequence[int]]) -> np.ndarray:
            rows = np.array([[target.start_id, *prefix] for prefix in prefixes], np.int32)
            sources = np.tile(np.array([[*source, source_end]], np.int32), (len(rows), 1))
            logits = last_logits(tf.constant(sources), tf.constant(rows)).numpy().astype(float)
            logits[:, forbidden] = -np.inf
            logits -= logits.max(-1, keepdims=True)
            return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

        return predict

    return of
