"""Attention that is guided to where words were aligned."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.objectives.term import Batch, Record, Term, weighed

# The least that an attention weight counts as: the logarithm of 0 is no loss.
LEAST = 1e-9


@keras.saving.register_keras_serializable(package="tfkd")
class GuidedAttention(Term):
    """- sum over target pieces t and their links i of 1/|links of t| log A_t(i).

    A_t is the attention that a decoder's layer pays to the source's pieces where it predicts t, the
    mean of its first heads, before dropout. Pieces without a link, and the end, say nothing. It is
    the cross-entropy of the links, each piece's normalized to sum to 1.

    Args:
        alignments: The name of the links in `batch["stores"]`: `links`, int32 `[B, T, K]`, places
            of pieces of the source; -1: none.
        layer: The decoder's layer, from 1; None: the last but one, or the only one.
        heads: How many of its heads are guided, in the mean: 1, or all.
        name, weight, view, divide_by, group: See `Term`. Its own positions are those with a link.

    Reference: Chen et al., 2016, Guided alignment training; Garg et al., 2019, Jointly learning to
        align and translate, for a single head of the last layer but one.
    """

    kind = "guided_attention"
    weighs_rows = True

    def __init__(
        self,
        *,
        alignments: str,
        layer: int | None = None,
        heads: int = 1,
        name: str = "guided_attention",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        self.alignments = alignments
        self.layer = layer
        self.heads = heads
        self._led = 0

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """See `Term.attach`; has the layer show its attention.

        Raises:
            ValueError: The student has no such layer with attention to a source, or fewer heads.
        """
        super().attach(student, teachers, seed)
        blocks = getattr(getattr(student, "decoder", None), "blocks", ())
        layers = [getattr(block, "cross_attention", None) for block in blocks]
        if not layers or not all(hasattr(layer, "shows") for layer in layers):
            raise ValueError(
                f"The term {self.name} guides attention to the source. Expected a student whose "
                f"decoder has heads of such attention. Received: {type(student).__name__}"
            )
        self.layer = self.layer or max(len(layers) - 1, 1)
        if not 1 <= self.layer <= len(layers):
            raise ValueError(
                f"Invalid value for argument `layer`. Expected 1 to {len(layers)}, the layers of "
                f"the student's decoder. Received: layer={self.layer}"
            )
        attention = layers[self.layer - 1]
        if self.heads > attention.heads:
            raise ValueError(
                f"Invalid value for argument `heads`. Expected 1 to {attention.heads}, the heads "
                f"of the student. Received: heads={self.heads}"
            )
        attention.shows = True
        self._led = int("encoder" in student.leads)

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """Where a piece with a link is predicted, bool `[B, T]`."""
        linked = tf.convert_to_tensor(batch["stores"][self.alignments]["links"])[..., 0] >= 0
        return linked & tf.convert_to_tensor(self.side(record)["selected"])

    def call(self, states: Mapping[str, tf.Tensor], batch: Batch) -> tf.Tensor:
        """The sum, a float32 scalar."""
        links = tf.convert_to_tensor(batch["stores"][self.alignments]["links"])
        attention = states[f"decoder.attention_{self.layer}"][:, : self.heads, :, self._led :]
        attention = tf.reduce_mean(tf.cast(attention, tf.float32), 1)
        linked = links >= 0
        paid = tf.gather(attention, tf.maximum(links, 0), batch_dims=2)
        logarithms = tf.math.log(tf.maximum(paid, LEAST))
        counts = tf.reduce_sum(tf.cast(linked, tf.float32), -1)
        each = tf.reduce_sum(tf.where(linked, logarithms, 0.0), -1)
        chosen = self.positions(batch, batch[self.view])
        return -tf.reduce_sum(tf.math.divide_no_nan(each, counts) * weighed(chosen, batch))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alignments": self.alignments,
            "layer": self.layer,
            "heads": self.heads,
        }
