"""Shapes of which a graph knows all but one size: they cost no operation when it runs."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def shape_of(tensor: tf.Tensor, *last: int) -> Any:
    """The shape of a tensor for `tf.reshape`, with its last sizes replaced by those given.

    Numbers alone where at most one size is unknown, which is -1 then: in a step of a search all but
    the rows are known, and what asks a tensor for its shape there takes longer than the product
    beside it. Otherwise a tensor.

    Args:
        tensor: Any tensor.
        last: As many sizes as are replaced.
    """
    kept: Sequence[int | None] = tensor.shape[: tensor.shape.rank - len(last)]
    sizes = [*kept, *last]
    if sizes.count(None) <= 1 and 0 not in sizes:
        return [-1 if size is None else size for size in sizes]
    return tf.concat([tf.shape(tensor)[: len(kept)], list(last)], 0) if last else tf.shape(tensor)


def leading_sizes(tensor: tf.Tensor, count: int) -> list[Any]:
    """The first sizes of a tensor for a reshape that keeps them: numbers alone where at most one of
    them is unknown, which is -1 then, as those of `shape_of`.

    Args:
        tensor: Any tensor.
        count: How many.
    """
    sizes = list(tensor.shape[:count])
    if sizes.count(None) <= 1 and 0 not in sizes:
        return [-1 if size is None else size for size in sizes]
    shape = tf.shape(tensor)
    return [shape[axis] for axis in range(count)]
