"""A decoding of one's own: the word that is as surprising as the model expects words to be.

Meister et al. 2023, Locally Typical Sampling, where only the most typical token is left. It is
written twice: `__call__` decodes, in the graph, from the model's cached states; `numpy` is the same
in NumPy, without caches, which the answers of an exported SavedModel are held against.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field

from tfkd.decoding import LengthLimit, NumpyOutput, Search, decode_greedily, left_to_right
from tfkd.spec.options.base import Count, Options
from tfkd.spec.registry import register


class TypicalOptions(Options):
    """The most typical of the likeliest words at each step."""

    kind: Literal["typical"] = Field("typical", description="The kind of search.")
    candidates: Count = Field(5, description="Words to choose from; 1: a greedy search.")
    max_length: Count | None = Field(None, description="The longest output.")


@dataclass(frozen=True, kw_only=True)
class TypicalSearch(Search):
    """argmin |-log p(y) - H(p)| over the K likeliest y; a score is log p of the output.

    Attributes:
        candidates: K; an int32 scalar in a graph, where a server's caller chooses it.
        max_length: How long outputs may grow.
    """

    candidates: Any = 5
    max_length: LengthLimit = field(default_factory=LengthLimit)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))

    def __call__(self, model, source, max_lengths, specials):
        def choose(logits: tf.Tensor, rows: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
            log_p = tf.nn.log_softmax(logits)
            entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, 1, keepdims=True)
            size = tf.minimum(self.candidates, tf.shape(log_p)[1])
            least = tf.gather(tf.sort(log_p, direction="DESCENDING"), [size - 1], axis=1)
            atypical = tf.where(log_p >= least, tf.abs(-log_p - entropy), float("inf"))
            return tf.argmin(atypical, 1, output_type=tf.int32)

        return decode_greedily(model, source, max_lengths, specials, choose=choose)

    def numpy(self, model, limit):
        return left_to_right(model, partial(numpy_typical, count=int(self.candidates)), limit=limit)

    def serving_options(self):
        return {"candidates": int(self.candidates)}


def numpy_typical(predict, *, count: int, end_id: int, limit: int) -> NumpyOutput:
    """The search of one input; `predict` gives the next token's log-probabilities, float64
    `[prefixes, vocabulary]`, -inf where a token is forbidden."""
    tokens: tuple[int, ...] = ()
    total, margin = 0.0, np.inf
    while True:
        row = predict([tokens])[0]
        token = end_id
        if len(tokens) < limit:
            possible = row[np.isfinite(row)]
            entropy = -np.sum(np.exp(possible) * possible)
            ranked = np.argsort(-row)
            ranked = ranked[np.isfinite(row[ranked])]
            by_type = sorted(ranked[:count], key=lambda one: abs(-row[one] - entropy))
            token = int(by_type[0])
            away = [abs(-row[one] - entropy) for one in by_type[:2]]
            # What rounding may have decided otherwise: the last candidate, and the choice.
            margin = min([margin, *np.diff(away), *-np.diff(row[ranked[count - 1 : count + 1]])])
        total += row[token]
        if token == end_id:
            return NumpyOutput(tokens, float(total), float(margin))
        tokens = (*tokens, token)


register("decode", "typical", options=TypicalOptions, target=f"{__name__}:TypicalSearch")
