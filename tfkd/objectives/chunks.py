"""A loop over chunks of tokens, so that a [tokens, vocabulary] array never stands whole."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfkd.objectives.chunk_rows import chunk_rows_for


class Chunks(NamedTuple):
    """How `tokens` rows are cut: `count` chunks of `rows` rows, the last ones filled up.

    Both are Python integers where the number of tokens is known (XLA needs that), else int32
    scalars. The chunks are nearly equal, so at most `8 * count` rows are filler.
    """

    tokens: int | tf.Tensor
    count: int | tf.Tensor
    rows: int | tf.Tensor

    @classmethod
    def of(cls, like: tf.Tensor, vocabulary_size: int, rows: int | None = None) -> "Chunks":
        """Cuts the first axis of `like` for a vocabulary of the given size."""
        most = rows or chunk_rows_for(vocabulary_size)
        tokens = like.shape[0]
        if tokens is not None:
            count = max(1, math.ceil(tokens / most))
            return cls(tokens, count, max(8, math.ceil(tokens / (8 * count)) * 8))
        tokens = tf.shape(like)[0]
        count = tf.maximum(1, -(-tokens // most))
        return cls(tokens, count, tf.maximum(8, -(-tokens // (8 * count)) * 8))

    def split(self, values: tf.Tensor) -> tf.Tensor:
        """[tokens, ...] to [count, rows, ...], filled up with zeros at the end."""
        missing = self.count * self.rows - self.tokens
        if not isinstance(missing, int) or missing:
            values = tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))
        shape = tf.shape(values) if None in values.shape[1:] else values.shape
        return tf.reshape(values, tf.concat([[self.count, self.rows], shape[1:]], 0))

    def join(self, values: tf.Tensor) -> tf.Tensor:
        """[count, rows, ...] back to [tokens, ...]."""
        flat = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))
        flat = flat[: self.tokens]
        return tf.ensure_shape(
            flat, [self.tokens if isinstance(self.tokens, int) else None, *values.shape[2:]]
        )


Step = Callable[[list[tf.Tensor], list[tf.Tensor]], tuple[list[tf.Tensor], list[tf.Tensor]]]


def over_chunks(
    step: Step,
    inputs: Sequence[tf.Tensor],
    chunks: Chunks,
    *,
    stacked: Sequence[tuple[tf.DType, Sequence[int]]],
    carried: Sequence[tf.Tensor],
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Runs `step` on each chunk, one after the other.

    Args:
        step: `(one chunk of every input, carried) -> (stacked, carried)`.
        inputs: Arrays `[tokens, ...]`.
        chunks: Their cut.
        stacked: For each array that comes back by token, its type and its shape without the first
            axis.
        carried: First values of what goes from chunk to chunk.

    Returns:
        The stacked outputs, each `[tokens, ...]`, and the last carried values.
    """
    split = [chunks.split(value) for value in inputs]
    rows = chunks.rows if isinstance(chunks.rows, int) else None
    arrays = [
        tf.TensorArray(dtype, size=chunks.count, element_shape=[rows, *shape])
        for dtype, shape in stacked
    ]

    def body(index, arrays, carried):
        outputs, carried = step([value[index] for value in split], carried)
        arrays = [array.write(index, output) for array, output in zip(arrays, outputs, strict=True)]
        return index + 1, arrays, carried

    # One chunk at a time: chunks side by side would push each other out of the cache.
    _, arrays, carried = tf.while_loop(
        lambda index, arrays, carried: index < chunks.count,
        body,
        (tf.constant(0), arrays, list(carried)),
        parallel_iterations=1,
    )
    return [chunks.join(array.stack()) for array in arrays], carried
