"""What a search returns, and the score that it ranks by."""

from typing import Any, NamedTuple

import tensorflow as tf

# Stands for log 0 in float32 sums. Finite, so that no difference of two of them is NaN.
IMPOSSIBLE = -1e9


class Hypotheses(NamedTuple):
    """The n best outputs of each sentence, best first.

    Attributes:
        ids: int32 `[batch, n, length]`: the tokens, without start and end, padded at their end.
        lengths: int32 `[batch, n]`: number of tokens, the end not counted.
        scores: float32 `[batch, n]`: log p(y, end | x) / penalty; -inf where a sentence has fewer
            than n hypotheses.
        log_probabilities: float32 `[batch, n]`: log p(y, end | x).
    """

    ids: Any
    lengths: Any
    scores: Any
    log_probabilities: Any


def length_penalty(tokens: tf.Tensor, alpha: float) -> tf.Tensor:
    """((5 + tokens) / 6) ** alpha, the normalizer of a hypothesis' log-probability.

    Args:
        tokens: int or float tensor: tokens of the hypothesis, the end counted.
        alpha: 0 for none; larger values favour longer outputs.

    Reference: Wu et al. 2016, Google's Neural Machine Translation System, section 7.
    """
    return ((5.0 + tf.cast(tokens, tf.float32)) / 6.0) ** alpha


def forbidden_ids(specials: Any) -> list[int]:
    """All special ids but the end: padding, unknown, start and mask are no words."""
    return sorted({int(number) for number in specials.special_ids} - {int(specials.end_id)})


def forbidding(forbidden_ids: Any, vocabulary_size: int | tf.Tensor) -> tf.Tensor | None:
    """float32 `[vocabulary]` to add to logits, IMPOSSIBLE at forbidden ids; None if none are."""
    forbidden = sorted({int(number) for number in forbidden_ids})
    if not forbidden:
        return None
    if tf.is_tensor(vocabulary_size):
        marks = tf.one_hot(tf.constant(forbidden), vocabulary_size, IMPOSSIBLE, 0.0)
        return tf.reduce_min(marks, 0)
    if forbidden[0] < 0 or forbidden[-1] >= vocabulary_size:
        raise ValueError(
            "Invalid value for argument `forbidden_ids`. Expected ids from 0 to "
            f"{vocabulary_size - 1}. Received: {forbidden}"
        )
    return tf.constant(
        [IMPOSSIBLE if number in set(forbidden) else 0.0 for number in range(vocabulary_size)],
        tf.float32,
    )
