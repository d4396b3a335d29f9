"""Batches whose target is what the student wrote itself: which terms speak of them.

Such a batch has `own_outputs`, `{VIEW: bool [rows]}`: the view whose target was replaced, and
whether this is so in this batch (in all of its rows, or in none). See `tfkd.training.OnPolicy`.
"""

from typing import Any

import tensorflow as tf

from tfkd.objectives.term import Batch

OWN = "own_outputs"
# Metrics that compare with the words of the text, which own outputs have none of.
OF_GOLD = frozenset({"accuracy", "nll"})


def speaks_of_own(term: Any, view: str) -> bool:
    """Whether a term applies to the student's own outputs: it is a divergence from a teacher's
    distribution, asked in the step, on the view that has them. All others need the text's words, or
    what was stored of those."""
    return (
        getattr(term, "online", None) is not None
        and hasattr(term, "request")
        and term.view == view
        and getattr(term, "module", None) is None
    )


def spoken(term: Any, batch: Batch, metric: str | None = None) -> tf.Tensor | None:
    """The factor of a term's sum and count in a batch, or of one of its metrics: 0 where the batch
    has own outputs, of which it says nothing, else 1; None: always 1."""
    if OWN not in batch:
        return None
    ((view, rows),) = batch[OWN].items()
    if speaks_of_own(term, view) and metric not in OF_GOLD:
        return None
    return 1.0 - tf.cast(rows[0], tf.float32)


def times(value: tf.Tensor, factor: tf.Tensor | None) -> tf.Tensor:
    """value * factor; a factor of 0 gives 0, whatever the value."""
    return value if factor is None else tf.math.multiply_no_nan(value, factor)
