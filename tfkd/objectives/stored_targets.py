"""What a teacher has stored of the rows of a batch."""

from collections.abc import Callable

import tensorflow as tf

from tfkd.objectives.term import Batch, Record, is_classified

Take = Callable[[tf.Tensor], tf.Tensor]


def stored_positions(batch: Batch, teacher: str, selected: tf.Tensor) -> tf.Tensor:
    """Of selected positions those that have a stored row, bool `[B, T]`."""
    present = batch["stores"][teacher].get("present")
    return selected if present is None else selected & present


def stored_words(
    batch: Batch, teacher: str, side: Record, take: Take
) -> tuple[tf.Tensor, tf.Tensor]:
    """The K stored ids and their log-probabilities, `[N, K]` each, at the positions of a pass.

    Args:
        batch: The batch.
        teacher: The teacher's name.
        side: The part of a record that the positions are in.
        take: Gathers `[B, T, ...]` at the positions: `[N, ...]`. Of classes a store has one row for
            all positions.
    """
    stored = batch["stores"][teacher]
    if is_classified(side):
        take = _of_rows(take, side["selected"])
    return tf.cast(take(stored["ids"]), tf.int32), take(stored["log_probabilities"])


def _of_rows(take: Take, selected: tf.Tensor) -> Take:
    """As `take`, of `[B, 1, ...]`: each position's row of what is stored once a row."""
    shape = tf.shape(selected)
    rows = take(tf.broadcast_to(tf.range(shape[0])[:, None], shape))
    return lambda values: tf.gather(tf.convert_to_tensor(values)[:, 0], rows)
