"""A teacher's distribution over the vocabulary, stored or online, as what is to be learnt."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.objectives.classifier import encoder_classifier
from tfkd.objectives.divergences import DIVERGENCES, divergence_of
from tfkd.objectives.prediction import top_k_log_probabilities
from tfkd.objectives.stored_targets import stored_positions, stored_words
from tfkd.objectives.teacher_distributions import (
    LEAST_REST,
    RESTS,
    student_log_probabilities,
    teacher_distribution,
)
from tfkd.objectives.term import Batch, Record, Term, is_classified
from tfkd.objectives.term_head import online_distribution
from tfkd.objectives.token_terms import (
    DenseMean,
    DenseTeacher,
    Extras,
    Statistics,
    TokenTerm,
    is_best,
)

FORMS = ("paper", "hinton")
PLACES = ("selected", "all")


@keras.saving.register_keras_serializable(package="tfkd")
class SoftTargets(Term):
    """sum over positions of -sum_k q_k log p_k, q a teacher's distribution.

    - form "paper": q = softmax(z_teacher / T), the student at temperature 1 over the whole
      vocabulary, no factor (P1, equations 7 and 8, and their official code; P2, equation 3, T = 1).
    - form "hinton": both at T, times T^2, so that gradients keep their size (Hinton et al. 2015,
      section 2.1).

    Another `divergence` than forward_kl takes the place of the cross-entropy, between the same two
    distributions and times the same factor; see `divergence_of` for the formulas. It is 0 for a
    student equal to its targets. A top K with `rest` "drop" says that the teacher has no mass
    beyond it: the student's mass there counts as such, and reverse_kl, which would be infinite,
    needs "bucket". Of K words, or of classes, that have probabilities of 0, reverse_kl is infinite,
    too: it takes max(q, 1e-7) in their place.

    A score stage's targets are stored, its K most likely words; a teacher that is among the step's
    online ones is asked anew for each batch, and gives its whole distribution or its top K. Of
    several (`OnlineMean`) q is made of the mean of theirs at temperature 1.

    A position without a stored row (its pair was too long to score) counts neither in the sum nor
    in the normalizer. The metric `kl` is the cross-entropy above the teacher's entropy, its floor:
    0 for a student equal to its targets, where the cross-entropy itself never comes down to 0. With
    an online teacher `accuracy` counts the positions where the student's largest logit is the
    text's own word.

    Of classes, every row has one position, be its class known or not, and a store one row each.

    Args:
        teacher: The name of stored targets in `batch["stores"]`, or of an online teacher.
        temperature: T.
        form: "paper" or "hinton".
        divergence: "forward_kl" (as the cross-entropy), "reverse_kl", "jensen_shannon" or
            "total_variation".
        beta: Of jensen_shannon, the teacher's share of the mixture, above 0 and below 1.
        rest: What becomes of the mass outside of the top K: "drop" or "bucket" (one more class).
        top_k: K of an online teacher; None: its whole distribution.
        at: With an online teacher, "selected": the positions that the view selected, those replaced
            by a random word and those kept among them; "all": every word, [CLS] and [SEP] left out.
        name, weight, view, divide_by, group, head, module: See `Term`.

    References:
        P1: Chen et al. 2020, Distilling Knowledge Learned in BERT for Text Generation, section 3.2.
        P2: Towards Full Utilization on Mask Task for Distilling PLMs into NMT, section 3.2.
    """

    kind = "soft_targets"

    def __init__(
        self,
        *,
        teacher: str,
        temperature: float = 1.0,
        form: str = "paper",
        divergence: str = "forward_kl",
        beta: float = 0.5,
        rest: str = "drop",
        top_k: int | None = None,
        at: str = "selected",
        name: str = "soft_targets",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        for argument, value, known in (
            ("form", form, FORMS),
            ("divergence", divergence, DIVERGENCES),
            ("rest", rest, RESTS),
            ("at", at, PLACES),
        ):
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
        if not 0 < beta < 1:
            raise ValueError(
                "Invalid value for argument `beta`. Expected a number above 0 and below 1. "
                f"Received: beta={beta}"
            )
        self.teacher = teacher
        self.temperature = float(temperature)
        self.form = form
        self.divergence = divergence
        self.beta = float(beta)
        self.rest = rest
        self.top_k = top_k
        self.at = at
        hinton = form == "hinton"
        self._student_temperature = self.temperature if hinton else 1.0
        self._factor = self.temperature**2 if hinton else 1.0

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """See `Term.attach`; on an encoder it makes a classifier over the teacher's vocabulary."""
        super().attach(student, teachers, seed)
        if self.online is not None and self.module is not None:
            self.classifier = encoder_classifier(student, self.online.head.vocabulary_size, seed)

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """Selected positions that have a stored row; or those of an online teacher's `at`."""
        side = self.side(record)
        if self.online is not None:
            return self.online.words(side) if self.at == "all" else side["selected"]
        return stored_positions(batch, self.teacher, side)

    def request(
        self, batch: Batch, record: Record, take: Callable[[tf.Tensor], tf.Tensor]
    ) -> TokenTerm:
        """What the pass over the vocabulary is asked; see `CrossEntropy.request`."""
        side, weights = self.side(record), take(self.positions(batch, record))
        if self.online is None:
            stored = stored_words(batch, self.teacher, side, take)
            return self._of_top_k(weights, *stored, whole=is_classified(side))
        teacher = online_distribution(self, batch, record, take, self.temperature)
        # Of rows without a known class there is nothing to be right about.
        gold = None if is_classified(side) else take(side.get("labels", side["ids"]))
        if self.top_k is None:
            return self._of_all(weights, teacher, gold)
        asked = tf.zeros(tf.shape(weights), tf.int32) if gold is None else gold
        first, *others = teacher.members
        best = top_k_log_probabilities(
            first.hidden,
            first.matrix,
            first.bias,
            self.top_k,
            asked,
            others=[(one.hidden, one.matrix, one.bias) for one in others],
            weights=teacher.weights,
            cap=[one.cap for one in teacher.members],
        )
        return self._of_top_k(weights, best.ids, best.log_probabilities, gold)

    def _of_top_k(
        self,
        weights: tf.Tensor,
        ids: tf.Tensor,
        log_probabilities: tf.Tensor,
        gold: tf.Tensor | None = None,
        *,
        whole: bool = False,
    ) -> TokenTerm:
        """The request for K words; `gold` is picked after them, for the accuracy. `whole`: the K
        are all that there are."""
        taught, entropy = teacher_distribution(
            tf.cast(log_probabilities, tf.float32), self.temperature, self.rest
        )
        words, drops = ids.shape[-1], self.rest == "drop"
        forward = self.divergence == "forward_kl"
        extras = {"probabilities": tf.exp(taught), "entropy": entropy}
        extras |= {} if forward else {"taught": taught}
        self._check_finite(beyond=drops and not whole)

        def student(statistics: Statistics) -> tf.Tensor:
            return student_log_probabilities(
                dataclasses.replace(statistics, picked=statistics.picked[:, :words]),
                self._student_temperature,
                self.rest,
            )

        def cross_entropy(statistics: Statistics, extras: Extras) -> tf.Tensor:
            return -self._factor * tf.reduce_sum(extras["probabilities"] * student(statistics), -1)

        def divergence(statistics: Statistics, extras: Extras) -> tf.Tensor:
            taught = extras["taught"]
            if self.divergence == "reverse_kl":
                taught = tf.maximum(taught, math.log(LEAST_REST))
            return self._factor * divergence_of(
                self.divergence, taught, student(statistics), beta=self.beta,
                beyond=drops and not whole,
            )  # fmt: skip

        def metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
            if not forward:
                losses = cross_entropy(statistics, extras)
            shown = {"kl": losses - self._factor * extras["entropy"]}
            return shown if gold is None else {**shown, "accuracy": is_best(statistics, -1)}

        return TokenTerm(
            weights=tf.cast(weights, tf.float32),
            picked=ids if gold is None else tf.concat([ids, gold[:, None]], 1),
            extras=extras,
            loss=cross_entropy if forward else divergence,
            metrics=metrics,
            metric_names=("kl",) if gold is None else ("kl", "accuracy"),
            temperatures=(self._student_temperature,) if drops else (),
            unit_mass=self._student_temperature == 1.0 and drops and forward,
        )

    def _of_all(
        self, weights: tf.Tensor, teacher: DenseTeacher | DenseMean, gold: tf.Tensor | None
    ) -> TokenTerm:
        """The request for an online teacher's whole distribution: no id of it is ever listed."""
        temperature, factor = self._student_temperature, self._factor

        forward = self.divergence == "forward_kl"

        def cross_entropy(statistics: Statistics, extras: Extras) -> tf.Tensor:
            return factor * (
                statistics.log_sum_exp[temperature] - statistics.expected / temperature
            )

        def divergence(statistics: Statistics, extras: Extras) -> tf.Tensor:
            student = statistics.log_probabilities
            if temperature != 1.0:
                student = tf.nn.log_softmax(student / temperature)
            taught = statistics.teacher_log_probabilities
            return factor * divergence_of(self.divergence, taught, student, beta=self.beta)

        def metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
            if not forward:
                losses = cross_entropy(statistics, extras)
            shown = {"kl": losses - factor * statistics.teacher_entropy}
            return shown if gold is None else {**shown, "accuracy": is_best(statistics, -1)}

        asked = tf.zeros(tf.shape(weights), tf.int32) if gold is None else gold
        return TokenTerm(
            weights=tf.cast(weights, tf.float32),
            picked=asked[:, None],
            loss=cross_entropy if forward else divergence,
            metrics=metrics,
            metric_names=("kl",) if gold is None else ("kl", "accuracy"),
            temperatures=(temperature,),
            uses_all=not forward,
            teacher=teacher,
        )

    def _check_finite(self, *, beyond: bool) -> None:
        if beyond and self.divergence == "reverse_kl":
            raise ValueError(
                f"The term {self.name} has divergence='reverse_kl' and only the "
                "teacher's top K: of a student's mass beyond them it is infinite. Expected "
                "rest='bucket', or an online teacher's whole distribution (top_k=None)"
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "teacher": self.teacher,
            "temperature": self.temperature,
            "form": self.form,
            "divergence": self.divergence,
            "beta": self.beta,
            "rest": self.rest,
            "top_k": self.top_k,
            "at": self.at,
        }
