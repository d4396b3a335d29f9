"""A loss of one's own: KL(student || teacher), the formula and its options.

Reference: Gu et al. 2024, MiniLLM: the student gives up words that its teacher finds improbable,
where KL(teacher || student) has it spread over all that the teacher might say.
"""

from typing import Literal

import keras
import tensorflow as tf
from pydantic import Field

from tfkd.objectives import TokenLoss
from tfkd.spec.options.base import StageReference
from tfkd.spec.options.objectives import TermOptions
from tfkd.spec.registry import register


class ReverseKLOptions(TermOptions):
    """KL(student || teacher) at each position."""

    kind: Literal["reverse_kl"] = Field("reverse_kl", description="The kind of term.")
    teacher: StageReference = Field(description="A score, train or load stage.")


@keras.saving.register_keras_serializable(package="reverse_kl")
class ReverseKL(TokenLoss):
    """sum over positions of sum_v p_v (log p_v - log q_v), p the student's and q the teacher's."""

    kind = "reverse_kl"

    def loss(self, log_probabilities, labels, teacher=None):
        p = tf.exp(log_probabilities)
        return tf.reduce_sum(p * (log_probabilities - teacher), -1)


register("objective", "reverse_kl", options=ReverseKLOptions, target=f"{__name__}:ReverseKL")
