"""Mask-Predict in plain NumPy, one sentence and one candidate at a time, in float64."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.serving.plain_decoding import PlainOutput, penalty


@dataclass(frozen=True)
class PlainModel:
    """What one source says.

    Attributes:
        lengths: float64 `[lengths]`: logits of the target's lengths, the end counted.
        words: Target ids, some of them [MASK], to float64 `[length, vocabulary]`: log-probabilities
            at every place, -inf where forbidden.
    """

    lengths: np.ndarray
    words: Callable[[Sequence[int]], np.ndarray]


def plain_mask_predict(model: PlainModel, search: Any, *, limit: int, specials: Any) -> PlainOutput:
    """Mask-Predict of one sentence; see `tfkd.decoding.mask_predict` for the definition.

    Args:
        model: What is known of the sentence.
        search: A `MaskPredict`; its best hypothesis is returned.
        limit: The most tokens, the end not counted.
        specials: The target's special ids.
    """
    if limit == 0:
        return PlainOutput((), 0.0, np.inf)
    possible = range(1, min(limit + 2, len(model.lengths)))
    ranked = sorted(((model.lengths[length], -length) for length in possible), reverse=True)
    count = min(search.length_candidates, len(ranked))
    margin = np.inf
    if count < len(ranked):
        margin = ranked[count - 1][0] - ranked[count][0]
    found = []
    for _, negative in ranked[:count]:
        length = min(max(-negative, 2), limit + 1)
        tokens, log_p, closest = _filled(model, search, length, int(specials.mask_id))
        margin = min(margin, closest)
        alpha = search.length_penalty
        divisor = length if search.choose_by == "mean" else penalty(length, alpha)
        found.append((sum(log_p) / divisor, tokens))
    best = max(found, key=lambda each: each[0])
    others = [score for score, tokens in found if tokens != best[1]]
    margin = min([margin, *(best[0] - score for score in others)])
    stops = {int(specials.end_id), int(specials.start_id)}
    output = []
    for token in best[1]:
        if token in stops:
            break
        output.append(token)
    return PlainOutput(tuple(output), float(best[0]), float(margin))


def _filled(
    model: PlainModel, search: Any, length: int, mask_id: int
) -> tuple[list[int], list[float], float]:
    """Tokens, their log-probabilities, and the smallest difference that decided anything."""
    iterations = int(search.iterations)
    tokens, log_p, margin = [mask_id] * length, [0.0] * length, np.inf
    for index in range(iterations + (search.passes == "one_more")):
        count = max(1, length * (iterations - index) // iterations)
        order = sorted(range(length), key=lambda place: log_p[place])
        if index and count < length:
            margin = min(margin, log_p[order[count]] - log_p[order[count - 1]])
        hidden = order[:count]
        rows = model.words(
            [mask_id if place in hidden else tokens[place] for place in range(length)]
        )
        before = list(tokens)
        for place in hidden:
            second, best = np.argsort(rows[place])[-2:]
            margin = min(margin, rows[place][best] - rows[place][second])
            tokens[place], log_p[place] = int(best), float(rows[place][best])
        if search.stop_when_stable and tokens == before:
            break
    return tokens, log_p, margin


def whole_model(
    model: Any, target: Any, source_end: int, *, forbid_specials: bool
) -> Callable[[Sequence[int]], PlainModel]:
    """Predicts by running the whole model on whole targets, afresh for each.

    Args:
        model: Called with a pair record; see `tfkd.models.EncoderDecoder`.
        target: The target's tokenizer.
        source_end: The source's end id.
        forbid_specials: Whether special ids are never predicted.

    Returns:
        From bare source ids to a `PlainModel`.
    """
    import tensorflow as tf

    forbidden = []
    if forbid_specials:
        forbidden = sorted({int(number) for number in target.special_ids} - {int(target.end_id)})
    ids = tf.TensorSpec([1, None], tf.int32)

    @tf.function(input_signature=[ids, ids], autograph=False)
    def read(source: tf.Tensor, filled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        record = {
            "source": {"ids": source, "valid": tf.ones_like(source, tf.bool)},
            "target": {"ids": filled, "valid": tf.ones_like(filled, tf.bool)},
        }
        states = model(record, training=False)
        return states["length_logits"][0], model.head.logits(states["hidden"][0])

    def of(source: Sequence[int]) -> PlainModel:
        row = tf.constant([[*source, source_end]], tf.int32)

        def words(filled: Sequence[int]) -> np.ndarray:
            logits = read(row, tf.constant([list(filled)], tf.int32))[1].numpy().astype(float)
            logits[:, forbidden] = -np.inf
            logits -= logits.max(-1, keepdims=True)
            return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

        lengths = read(row, tf.constant([[int(target.mask_id)]], tf.int32))[0]
        return PlainModel(lengths.numpy().astype(float), words)

    return of
