"""Decoding states (nests of tensors, one row a beam) as searches handle them."""

from typing import Any

import tensorflow as tf


def flexible_shapes(tensors: list[tf.Tensor]) -> list[tf.TensorShape]:
    """The tensors' shapes with the number of rows unknown: a loop may drop rows."""
    return [tf.TensorShape([None, *tensor.shape[1:]]) for tensor in tensors]


def repeat_rows(tensors: list[tf.Tensor], times: int) -> list[tf.Tensor]:
    """Repeats each row: rows a, b become a, a, b, b."""
    return [tf.repeat(tensor, times, axis=0) for tensor in tensors] if times > 1 else tensors


def select_rows(
    before: list[tf.Tensor],
    after: list[tf.Tensor],
    rows: tf.Tensor,
    sentence_rows: tf.Tensor,
    shrunk: tf.Tensor,
) -> list[tf.Tensor]:
    """Takes the rows that live on, moving as little as it can.

    A tensor that a step hands through as it was (the keys and values of the source) is the same for
    all beams of a sentence, so choosing among beams leaves it as it is: its rows are gathered only
    when sentences leave the batch.

    Args:
        before: What the step was given.
        after: What it returned, in the same order.
        rows: int32 `[kept]`: the row each kept beam goes on from.
        sentence_rows: int32 `[kept]`: any row of the same sentence, for constant tensors.
        shrunk: bool scalar: whether sentences left.
    """
    constant = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old is new]
    chosen = list(after)
    for i in set(range(len(after))) - set(constant):
        chosen[i] = tf.gather(after[i], rows)
    if constant:
        kept = [after[i] for i in constant]
        kept = tf.cond(
            shrunk, lambda: [tf.gather(tensor, sentence_rows) for tensor in kept], lambda: kept
        )
        for i, tensor in zip(constant, kept, strict=True):
            chosen[i] = tensor
    return chosen


def flatten(state: Any) -> list[tf.Tensor]:
    """The tensors of a state, in the order of `tf.nest`."""
    return [tf.convert_to_tensor(tensor) for tensor in tf.nest.flatten(state)]
