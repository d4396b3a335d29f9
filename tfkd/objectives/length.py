"""The length of a target, as its source tells it."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.objectives.term import Batch, Record, Term, weighed


@keras.saving.register_keras_serializable(package="tfkd")
class Length(Term):
    """sum over sentences of -log p(L | x), with L the clean target's tokens, [SEP] counted.

    A student with a length predictor gives `length_logits` (see `tfkd.layers.LengthPredictor`).
    Lengths beyond its table count as its last.

    Args:
        name, weight, view, divide_by, group: See `Term`. Its own normalizer is the sentences; P3
            divides by target tokens (`divide_by="target_tokens"`) at a weight of 0.1, Mask-Predict
            at a weight of 1.

    Reference: P3, Incorporating BERT into Parallel Sequence Decoding with Adapters, section 3.3.
    """

    kind = "length"
    weighs_rows = True

    def __init__(self, *, name: str = "length", **options: Any):
        super().__init__(name=name, **options)

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """The sentences, bool `[B]`: rows that are no filler."""
        return tf.convert_to_tensor(batch["examples"]) >= 0

    def call(self, states: Mapping[str, tf.Tensor], batch: Batch) -> tf.Tensor:
        """The sum, a float32 scalar."""
        if "length_logits" not in states:
            raise ValueError(
                f"The term {self.name} needs a student with a length predictor (`lengths=1024`); "
                "this one gives no `length_logits`"
            )
        logits = states["length_logits"]
        valid = tf.convert_to_tensor(batch[self.view]["target"]["valid"])
        lengths = tf.reduce_sum(tf.cast(valid, tf.int32), 1)
        lengths = tf.clip_by_value(lengths, 1, logits.shape[-1] - 1)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(lengths, logits)
        counted = self.positions(batch, batch[self.view])
        return tf.reduce_sum(tf.where(counted, losses, 0.0) * weighed(counted, batch))
