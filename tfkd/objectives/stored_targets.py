"""What a teacher has stored of the rows of a batch."""

from collections.abc import Callable

import tensorflow as tf

from tfkd.objectives.term import Batch, Record, is_classified

Take = Callable[[tf.Tensor], tf.Tensor]


def stored_positions(batch: Batch, teacher: str, side: Record) -> tf.Tensor:
    """Of a side's selected positions those that have a stored row, bool `[B, T]`."""
    selected = tf.convert_to_tensor(side["selected"])
    present = batch["stores"][teacher].get("present")
    if present is None:
        return selected
    if is_classified(side):
        return selected & tf.gather(present, _rank(side, present), batch_dims=1)
    return selected & present


def stored_words(
    batch: Batch, teacher: str, side: Record, take: Take
) -> tuple[tf.Tensor, tf.Tensor]:
    """The K stored ids and their log-probabilities, `[N, K]` each, at the positions of a pass.

    Args:
        batch: The batch.
        teacher: The teacher's name.
        side: The part of a record that the positions are in.
        take: Gathers `[B, T, ...]` at the positions: `[N, ...]`. Of classes a store has one row for
            each selected position, in their order, be there one in a row of the batch or several.
    """
    stored = batch["stores"][teacher]
    if is_classified(side):
        take = _in_order(take, side, stored["ids"])
    return tf.cast(take(stored["ids"]), tf.int32), take(stored["log_probabilities"])


def _in_order(take: Take, side: Record, ids: tf.Tensor) -> Take:
    """As `take`, of `[B, W, ...]`: of each position the row that is stored for it."""
    rank = _rank(side, ids)
    rows = take(tf.broadcast_to(tf.range(tf.shape(rank)[0])[:, None], tf.shape(rank)))
    places = tf.stack([rows, take(rank)], -1)
    return lambda values: tf.gather_nd(tf.convert_to_tensor(values), places)


def _rank(side: Record, stored: tf.Tensor) -> tf.Tensor:
    """Of each position how many selected ones of its row stand before it, int32 `[B, T]`."""
    selected = tf.cast(tf.convert_to_tensor(side["selected"]), tf.int32)
    before = tf.cumsum(selected, 1, exclusive=True)
    return tf.minimum(before, tf.shape(stored)[1] - 1)
