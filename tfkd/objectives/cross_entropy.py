"""Cross-entropy with the words that stand in the text."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.objectives.classifier import encoder_classifier
from tfkd.objectives.smoothing import check_smoothing, smoothed_cross_entropy
from tfkd.objectives.term import Batch, Record, Term, is_classified
from tfkd.objectives.token_terms import Extras, Statistics, TokenTerm, is_best


@keras.saving.register_keras_serializable(package="tfkd")
class CrossEntropy(Term):
    """sum over positions t of -sum_v q_v log p_v, q the smoothed label of t.

    Of classes, the positions are those of rows whose class is known. The metric `accuracy` counts
    positions whose label has the largest logit; `nll` is the sum without smoothing.

    Args:
        label_smoothing: e, from 0 to below 1.
        smoothing: "opennmt" or "fairseq", see `smoothed_cross_entropy`.
        padding_id: The id which "opennmt" leaves out; None: none, padding has no id of its own.
        name: By default the kind's.
        weight, view, divide_by, group, head, module: See `Term`.
    """

    kind = "cross_entropy"

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        smoothing: str = "opennmt",
        padding_id: int | None = 0,
        name: str | None = None,
        **options: Any,
    ):
        super().__init__(name=name or self.kind, **options)
        check_smoothing(label_smoothing, smoothing)
        self.label_smoothing = float(label_smoothing)
        self.smoothing = smoothing
        self.padding_id = padding_id

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """See `Term.attach`; on an encoder it makes a classifier over the source's vocabulary."""
        super().attach(student, teachers, seed)
        if self.module is not None:
            self.classifier = encoder_classifier(student, student.source_vocabulary_size, seed)

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """See `Term.positions`."""
        side = self.side(record)
        return side["gold"] if is_classified(side) else side["selected"]

    def request(
        self, batch: Batch, record: Record, take: Callable[[tf.Tensor], tf.Tensor]
    ) -> TokenTerm:
        """What the pass over the vocabulary is asked.

        Args:
            batch: The batch.
            record: This term's view of it.
            take: Gathers `[B, T, ...]` at the positions of the pass: `[N, ...]`.
        """
        gold = take(self.side(record)["labels"])
        smooth = self.label_smoothing > 0
        picked = [gold]
        if smooth and self.padding_id is not None:
            picked.append(tf.fill(tf.shape(gold), self.padding_id))

        def loss(statistics: Statistics, extras: Extras) -> tf.Tensor:
            return smoothed_cross_entropy(statistics, self.label_smoothing, self.smoothing)

        def metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
            return {
                "accuracy": is_best(statistics, 0),
                "nll": statistics.log_sum_exp[1.0] - statistics.picked[:, 0],
            }

        return TokenTerm(
            weights=tf.cast(take(self.positions(batch, record)), tf.float32),
            picked=tf.stack(picked, 1),
            loss=loss,
            metrics=metrics,
            metric_names=("accuracy", "nll"),
            unit_mass=True,
            uses_total=smooth,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "smoothing": self.smoothing,
            "padding_id": self.padding_id,
        }


@keras.saving.register_keras_serializable(package="tfkd")
class MaskedLM(CrossEntropy):
    """Cross-entropy of the words that a view has hidden or replaced."""

    kind = "masked_lm"


@keras.saving.register_keras_serializable(package="tfkd")
class CausalLM(CrossEntropy):
    """Cross-entropy of each next word of a sequence."""

    kind = "causal_lm"
