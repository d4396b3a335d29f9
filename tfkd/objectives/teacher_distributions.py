"""Soft targets of K words, and the student's log-probabilities of the same words."""

import tensorflow as tf

from tfkd.objectives.token_terms import Statistics

RESTS = ("drop", "bucket")
# The least that the rest of a mass counts as: float32 does not tell 1 - p from 0 below it, and the
# stored float16 does not reach so far.
LEAST_REST = 1e-7


def log_rest(log_mass: tf.Tensor) -> tf.Tensor:
    """log(1 - exp(log_mass)), at least log(LEAST_REST)."""
    return tf.math.log(-tf.math.expm1(tf.minimum(log_mass, -LEAST_REST)))


def teacher_distribution(
    log_probabilities: tf.Tensor, temperature: float, rest: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """The soft targets made from stored log-probabilities at temperature 1.

    Args:
        log_probabilities: float32 `[N, K]`, the teacher's K most likely words.
        temperature: T.
        rest: "drop": softmax(log p / T) over the K. "bucket": over K + 1, the last of which is
            everything else, log(1 - sum p).

    Returns:
        Log-probabilities `[N, K]` or `[N, K + 1]`, and their entropy in nats `[N]`.
    """
    if rest == "bucket":
        mass = tf.reduce_logsumexp(log_probabilities, -1, keepdims=True)
        log_probabilities = tf.concat([log_probabilities, log_rest(mass)], -1)
    softened = tf.nn.log_softmax(log_probabilities / temperature)
    return softened, -tf.reduce_sum(tf.exp(softened) * softened, -1)


def student_log_probabilities(statistics: Statistics, temperature: float, rest: str) -> tf.Tensor:
    """The student's log-probabilities of the same K or K + 1, at temperature T: float32."""
    if rest == "drop":
        return statistics.picked / temperature - statistics.log_sum_exp[temperature][:, None]
    log_probabilities = statistics.picked - statistics.log_sum_exp[1.0][:, None]
    mass = tf.reduce_logsumexp(log_probabilities, -1, keepdims=True)
    log_probabilities = tf.concat([log_probabilities, log_rest(mass)], -1)
    if temperature == 1.0:
        return log_probabilities
    return tf.nn.log_softmax(log_probabilities / temperature)
