"""Cross-entropy with a teacher's stored top-K distribution."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfkd.objectives.term import Batch, Record, Term, predicted_side
from tfkd.objectives.token_terms import Extras, Statistics, TokenTerm

FORMS = ("paper", "hinton")
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
        Probabilities `[N, K]` or `[N, K + 1]`, and their entropy in nats `[N]`.
    """
    if rest == "bucket":
        mass = tf.reduce_logsumexp(log_probabilities, -1, keepdims=True)
        log_probabilities = tf.concat([log_probabilities, log_rest(mass)], -1)
    softened = tf.nn.log_softmax(log_probabilities / temperature)
    probabilities = tf.exp(softened)
    return probabilities, -tf.reduce_sum(probabilities * softened, -1)


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


@keras.saving.register_keras_serializable(package="tfkd")
class SoftTargets(Term):
    """sum over positions of -sum_k q_k log p_k, q a teacher's K most likely words.

    - form "paper": q = softmax(top-K / T), the student at temperature 1 over the whole vocabulary,
      no factor (P1, equations 7 and 8, and their official code).
    - form "hinton": both at T, times T^2, so that gradients keep their size (Hinton et al. 2015,
      section 2.1).

    A position without a stored row (its pair was too long to score) counts neither in the sum nor
    in the divisor. The metric `kl` is the sum above the teacher's entropy, its floor, which is 0
    for a student equal to its targets; the sum itself never comes down to 0.

    Args:
        teacher: The stage whose stored targets are read: `batch["stores"][teacher]`.
        temperature: T.
        form: "paper" or "hinton".
        rest: What becomes of the mass outside of the top K: "drop" or "bucket" (one more class).
        name, weight, view, divide_by, group, head: See `Term`.

    Reference: Chen et al. 2020, Distilling Knowledge Learned in BERT for Text Generation,
    section 3.2.
    """

    kind = "soft_targets"

    def __init__(
        self,
        *,
        teacher: str,
        temperature: float = 1.0,
        form: str = "paper",
        rest: str = "drop",
        name: str = "soft_targets",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        for argument, value, known in (("form", form, FORMS), ("rest", rest, RESTS)):
            if value not in known:
                raise ValueError(
                    f"Invalid value for argument `{argument}`. Expected one of "
                    f"{', '.join(known)}. Received: {argument}={value!r}"
                )
        if not temperature > 0:
            raise ValueError(
                "Invalid value for argument `temperature`. Expected a positive number. "
                f"Received: temperature={temperature}"
            )
        self.teacher = teacher
        self.temperature = float(temperature)
        self.form = form
        self.rest = rest

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """Selected positions that have a stored row."""
        selected = tf.convert_to_tensor(predicted_side(record)["selected"])
        present = batch["stores"][self.teacher].get("present")
        return selected if present is None else selected & present

    def request(
        self, batch: Batch, record: Record, take: Callable[[tf.Tensor], tf.Tensor]
    ) -> TokenTerm:
        """What the pass over the vocabulary is asked; see `CrossEntropy.request`."""
        stored = batch["stores"][self.teacher]
        hinton = self.form == "hinton"
        student_temperature = self.temperature if hinton else 1.0
        factor = self.temperature**2 if hinton else 1.0
        probabilities, entropy = teacher_distribution(
            tf.cast(take(stored["log_probabilities"]), tf.float32), self.temperature, self.rest
        )

        def loss(statistics: Statistics, extras: Extras) -> tf.Tensor:
            student = student_log_probabilities(statistics, student_temperature, self.rest)
            return -factor * tf.reduce_sum(extras["probabilities"] * student, -1)

        def metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
            return {"kl": losses - factor * extras["entropy"]}

        plain = student_temperature == 1.0 and self.rest == "drop"
        return TokenTerm(
            weights=tf.cast(take(self.positions(batch, record)), tf.float32),
            picked=tf.cast(take(stored["ids"]), tf.int32),
            extras={"probabilities": probabilities, "entropy": entropy},
            loss=loss,
            metrics=metrics,
            metric_names=("kl",),
            temperatures=(student_temperature,) if self.rest == "drop" else (),
            unit_mass=plain,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "teacher": self.teacher,
            "temperature": self.temperature,
            "form": self.form,
            "rest": self.rest,
        }
