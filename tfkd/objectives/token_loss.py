"""A loss of one's own over the vocabulary: its formula, and nothing else."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfkd.objectives.classifier import encoder_classifier
from tfkd.objectives.stored_targets import stored_positions, stored_words
from tfkd.objectives.teacher_distributions import log_rest
from tfkd.objectives.term import Batch, Record, Term, is_classified
from tfkd.objectives.term_head import online_distribution
from tfkd.objectives.token_terms import Extras, Statistics, TokenTerm, is_best


class TokenLoss(Term):
    """sum over positions of `loss`, a formula on log-probabilities.

    A subclass has a `kind` and writes `loss`; its teacher, be it stored or asked in the step, its
    positions and normalizer, accumulation and replicas are as of any other term. The pass over the
    vocabulary calls it with some positions at a time, so that `[positions, vocabulary]` never
    stands whole, at the price of a few arrays of a chunk more than the built-in terms need.

    Args:
        teacher: The name of stored targets in `batch["stores"]`, or of an online teacher; None: no
            teacher.
        name: By default the kind's.
        weight, view, divide_by, group, head, module: See `Term`.

    Example:
        class Focal(TokenLoss):  # Lin et al. 2017: words that are known already count less
            kind = "focal"

            def loss(self, log_probabilities, labels, teacher=None):
                gold = tf.gather(log_probabilities, labels, batch_dims=1)
                return -((1 - tf.exp(gold)) ** 2) * gold
    """

    kind = "token_loss"

    def __init__(self, *, teacher: str | None = None, name: str | None = None, **options: Any):
        super().__init__(name=name or self.kind, **options)
        self.teacher = teacher

    def loss(
        self,
        log_probabilities: tf.Tensor,
        labels: tf.Tensor,
        teacher: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The loss of N positions, float32 `[N]`, in TensorFlow, differentiable.

        Args:
            log_probabilities: float32 `[N, V]`: the student's.
            labels: int32 `[N]`: the words that stand there; of classes, any where none is known.
            teacher: float32 `[N, V]`: the teacher's, which has no gradient; None without one. What
                a stored teacher gave to words beyond its K likeliest is spread evenly over them.
        """
        raise NotImplementedError

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """See `Term.attach`; on an encoder it makes a classifier over the source's vocabulary."""
        super().attach(student, teachers, seed)
        if self.module is not None:
            size = (
                self.online.head.vocabulary_size if self.online else student.source_vocabulary_size
            )
            self.classifier = encoder_classifier(student, size, seed)

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """The selected positions; with a stored teacher, those that have a stored row; of classes
        without a teacher, those of rows whose class is known."""
        side = self.side(record)
        if self.teacher is None and is_classified(side):
            return side["gold"]
        if self.teacher is None or self.online is not None:
            return tf.convert_to_tensor(side["selected"])
        return stored_positions(batch, self.teacher, side)

    def request(
        self, batch: Batch, record: Record, take: Callable[[tf.Tensor], tf.Tensor]
    ) -> TokenTerm:
        """What the pass over the vocabulary is asked; see `CrossEntropy.request`."""
        side, teacher = self.side(record), None
        extras = {"labels": tf.cast(take(side.get("labels", side["ids"])), tf.int32)}
        if self.online is not None:
            teacher = online_distribution(self, batch, record, take)
        elif self.teacher is not None:
            ids, log_probabilities = stored_words(batch, self.teacher, side, take)
            extras |= {"ids": ids, "stored": tf.cast(log_probabilities, tf.float32)}

        def loss(statistics: Statistics, extras: Extras) -> tf.Tensor:
            taught = statistics.teacher_log_probabilities
            if "stored" in extras:
                taught = _dense(extras["ids"], extras["stored"], statistics.vocabulary_size)
            return self.loss(statistics.log_probabilities, extras["labels"], taught)

        # Of rows without a known class there is nothing to be right about.
        measured = self.teacher is None or not is_classified(side)

        def metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
            return {"accuracy": is_best(statistics, 0)} if measured else {}

        return TokenTerm(
            weights=tf.cast(take(self.positions(batch, record)), tf.float32),
            picked=extras["labels"][:, None],
            extras=extras,
            loss=loss,
            metrics=metrics,
            metric_names=("accuracy",) if measured else (),
            uses_all=True,
            teacher=teacher,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "teacher": self.teacher}


def _dense(ids: tf.Tensor, log_probabilities: tf.Tensor, vocabulary_size: int) -> tf.Tensor:
    """Log-probabilities of all words, float32 `[N, V]`, of those of the K likeliest, `[N, K]`."""
    others = vocabulary_size - ids.shape[-1]
    if others == 0:
        rest = tf.zeros_like(log_probabilities[:, 0])
    else:
        rest = log_rest(tf.reduce_logsumexp(log_probabilities, -1)) - math.log(others)
    rows = tf.range(tf.shape(ids)[0])[:, None]
    places = tf.stack([tf.broadcast_to(rows, tf.shape(ids)), ids], -1)
    every = tf.repeat(rest[:, None], vocabulary_size, axis=1)
    return tf.tensor_scatter_nd_update(every, places, log_probabilities)
