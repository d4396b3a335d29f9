"""How far a student's distribution is from its teacher's."""

import math

import tensorflow as tf

from tfkd.objectives.teacher_distributions import log_rest

DIVERGENCES = ("forward_kl", "reverse_kl", "jensen_shannon", "total_variation")


def divergence_of(
    name: str,
    teacher: tf.Tensor,
    student: tf.Tensor,
    *,
    beta: float = 0.5,
    beyond: bool = False,
) -> tf.Tensor:
    """The divergence of two distributions over the same C classes, float32 `[N]`, 0 where equal.

    With q the teacher's and p the student's:

    - forward_kl: KL(q || p) = sum q (log q - log p). Mass wherever the teacher has some.
    - reverse_kl: KL(p || q) = sum p (log p - log q). No mass where the teacher has none (Gu et al.
      2024, MiniLLM, section 2.1).
    - jensen_shannon: beta KL(q || m) + (1 - beta) KL(p || m), m = beta q + (1 - beta) p (Agarwal et
      al. 2024, On-Policy Distillation of Language Models, section 2). Divided by beta it goes to
      the forward one with beta to 0, divided by 1 - beta to the reverse one with beta to 1.
    - total_variation: 1/2 sum |q - p| (Wen et al. 2023, f-Divergence Minimization for
      Sequence-Level Knowledge Distillation).

    Args:
        name: One of `DIVERGENCES`.
        teacher: log q, float32 `[N, C]`.
        student: log p, float32 `[N, C]`, differentiable.
        beta: The teacher's share of m.
        beyond: The student has the rest of its mass on words that are none of the C, and the
            teacher has none there: log p does not sum to one, and the rest counts. Not
            for reverse_kl, which would be infinite.
    """
    p, q = tf.exp(student), tf.exp(teacher)
    if name == "forward_kl":
        return tf.reduce_sum(q * (teacher - student), -1)
    if name == "reverse_kl":
        return tf.reduce_sum(p * (student - teacher), -1)
    rest = tf.exp(log_rest(tf.reduce_logsumexp(student, -1))) if beyond else 0.0
    if name == "total_variation":
        return 0.5 * (tf.reduce_sum(tf.abs(q - p), -1) + rest)
    mixed = _log_mixture(teacher, student, beta)
    of_teacher = tf.reduce_sum(q * (teacher - mixed), -1)
    of_student = tf.reduce_sum(p * (student - mixed), -1)
    # Beyond the C classes m is (1 - beta) p.
    return beta * of_teacher + (1 - beta) * (of_student - rest * math.log(1 - beta))


def _log_mixture(teacher: tf.Tensor, student: tf.Tensor, beta: float) -> tf.Tensor:
    """log(beta q + (1 - beta) p) from logarithms, without one that overflows."""
    teacher, student = teacher + math.log(beta), student + math.log(1 - beta)
    return teacher + tf.nn.softplus(student - teacher)
