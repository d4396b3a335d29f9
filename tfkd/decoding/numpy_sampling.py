"""Draws in NumPy, a token at a time: nothing is shared with `tfkd.decoding.sampling`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.decoding.numpy_decoding import NEAR, NumpyOutput, Predict, log_softmax


def numpy_sampling(
    predict: Predict, search: Any, read: Sequence[int], *, end_id: int, limit: int
) -> NumpyOutput:
    """Draws each token until the end; the score is log p, at temperature 1.

    Args:
        predict: Prefixes to float64 `[prefixes, vocabulary]`, -inf where forbidden.
        search: A `Sampling`.
        read: All that the model read at its start.
        end_id: Ends an output.
        limit: The most tokens, the end not counted.
    """
    tokens: tuple[int, ...] = ()
    total = 0.0
    while True:
        row = predict([tokens])[0]
        token = end_id
        if len(tokens) < limit:
            draw = numpy_draw(read, int(search.seed), len(tokens))
            token = drawn(
                row, draw, temperature=search.temperature, top_k=search.top_k, top_p=search.top_p
            )
        total += row[token]
        if token == end_id:
            # How near a draw was to another token, `near_sampling` says of each place.
            return NumpyOutput(tokens, float(total), np.inf)
        tokens = (*tokens, token)


def near_sampling(
    row: np.ndarray, place: int, token: int, *, search: Any, read: Sequence[int]
) -> bool:
    """Whether a token is what is drawn at a place, see `near_draw`."""
    draw = numpy_draw(read, int(search.seed), place)
    choice = {"temperature": search.temperature, "top_k": search.top_k, "top_p": search.top_p}
    return near_draw(row, token, draw, **choice)


def numpy_draw(read: Sequence[int], seed: int, index: int) -> float:
    """The draw of [0, 1) at a step: see `tfkd.decoding.sampling.uniform`, of its `hashed` ids.

    Args:
        read: All that the model read at its start.
        seed: The search's.
        index: The step, from 0.
    """
    total = sum(_mixed(token + _mixed(place)) for place, token in enumerate(read))
    key = _mixed(total + _mixed(seed))
    return (_mixed(key + _mixed(index + 0x9E3779B9)) >> 8) * 2.0**-24


def drawn(
    logits: np.ndarray, draw: float, *, temperature: float, top_k: int | None, top_p: float
) -> int:
    """The token that a draw of [0, 1) falls on.

    The vocabulary is laid out on [0, 1): in the order of ids, or, of a distribution that is cut
    down to its likeliest tokens, from the likeliest on; a token takes as much as it is likely.

    Args:
        logits: float64 `[vocabulary]`; -inf where forbidden.
        draw: The draw.
        temperature, top_k, top_p: See `tfkd.decoding.Sampling`.
    """
    shares = np.exp(log_softmax(logits / temperature))
    order = np.arange(len(logits))
    if top_k is not None or top_p < 1:
        order = np.argsort(-logits, kind="stable")[:top_k]
    shares = shares[order] / shares[order].sum()
    if top_p < 1:
        before = np.cumsum(shares) - shares
        shares = np.where(before < top_p, shares, 0) / shares[before < top_p].sum()
    ends = np.cumsum(shares)
    return int(order[min(int((ends <= draw).sum()), int(np.flatnonzero(shares)[-1]))])


def near_draw(
    logits: np.ndarray,
    token: int,
    draw: float,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float,
) -> bool:
    """Whether a draw falls on a token but for a rounding of `NEAR`, in nats and in shares.

    Args:
        logits: float64 `[vocabulary]`; -inf where forbidden.
        token: The token.
        draw, temperature, top_k, top_p: See `drawn`.
    """
    if not np.isfinite(logits[token]):
        return False
    shares = np.exp(log_softmax(logits / temperature))
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
    if top_p < 1 and least >= top_p + NEAR:
        return False
    before = np.cumsum(shares[order]) - shares[order]
    # Rounding may cut off a token more or less, which all that is kept is scaled by.
    kept = [shares[order][before < limit].sum() for limit in (top_p - NEAR, top_p + NEAR)]
    return bool(draw * kept[1] >= least - NEAR and draw * kept[0] <= most + shares[token] + NEAR)


def _mixed(word: int) -> int:
    """MurmurHash3's finalizer of a 32-bit word."""
    word &= 0xFFFFFFFF
    word = (word ^ (word >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ (word >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ (word >> 16)
