"""Mask-Predict in NumPy, one sentence and one candidate at a time, in float64."""

from typing import Any

import numpy as np

from tfkd.decoding.numpy_decoding import NumpyModel, NumpyOutput, penalty


def numpy_mask_predict(model: NumpyModel, search: Any, *, limit: int) -> NumpyOutput:
    """Mask-Predict of one sentence; see `tfkd.decoding.mask_predict` for the definition.

    Args:
        model: The model, which has read the sentence.
        search: A `MaskPredict`; its best hypothesis is returned.
        limit: The most tokens, the end not counted.
    """
    if limit == 0:
        return NumpyOutput((), 0.0, np.inf)
    specials, lengths = model.specials, model.length_logits().astype(np.float64)
    possible = range(1, min(limit + 2, len(lengths)))
    ranked = sorted(((lengths[length], -length) for length in possible), reverse=True)
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
        normalizer = length if search.choose_by == "mean" else penalty(length, alpha)
        found.append((sum(log_p) / normalizer, tokens))
    best = max(found, key=lambda each: each[0])
    others = [score for score, tokens in found if tokens != best[1]]
    margin = min([margin, *(best[0] - score for score in others)])
    stops = {int(specials.end_id), int(specials.start_id)}
    output = []
    for token in best[1]:
        if token in stops:
            break
        output.append(token)
    return NumpyOutput(tuple(output), float(best[0]), float(margin))


def _filled(
    model: NumpyModel, search: Any, length: int, mask_id: int
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
        rows = model.filled(
            [mask_id if place in hidden else tokens[place] for place in range(length)],
            forbid_specials=search.forbid_specials,
        )
        before = list(tokens)
        for place in hidden:
            second, best = np.argsort(rows[place])[-2:]
            margin = min(margin, rows[place][best] - rows[place][second])
            tokens[place], log_p[place] = int(best), float(rows[place][best])
        if search.stop_when_stable and tokens == before:
            break
    return tokens, log_p, margin
