"""A loop over the places of sequences, one after the other or from the end."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

Tensors = list[tf.Tensor]
# (what the step before handed on, this place of each sequence) -> (what it hands on, what it
# writes).
Step = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]


class Written(NamedTuple):
    """What a loop left.

    Attributes:
        carried: What the last step handed on.
        sequences: What the steps wrote, each `[time, ...]`, in the order of the places.
    """

    carried: Tensors
    sequences: Tensors


def over_time(
    step: Step,
    carried: Sequence[tf.Tensor],
    sequences: Sequence[tf.Tensor],
    outputs: Sequence[tuple[tf.DType, Sequence[int | None]]],
    *,
    backwards: bool = False,
) -> Written:
    """Runs a step at each place of sequences.

    Nothing is kept for a gradient: those who call it know theirs, and what it needs.

    Args:
        step: See `Step`; what it hands on keeps its shape.
        carried: What the first step is handed.
        sequences: Each `[time, ...]`, of one length.
        outputs: Type and shape of what a step writes; None: a size that is not known yet.
        backwards: From the last place to the first.
    """
    length = tf.shape(sequences[0])[0]
    arrays = [
        tf.TensorArray(one.dtype, length, element_shape=one.shape[1:]).unstack(one)
        for one in sequences
    ]
    written = [
        tf.TensorArray(dtype, length, element_shape=tf.TensorShape(shape))
        for dtype, shape in outputs
    ]

    def body(index: tf.Tensor, carried: Tensors, written: list) -> tuple:
        place = length - 1 - index if backwards else index
        carried, values = step(list(carried), [array.read(place) for array in arrays])
        written = [array.write(place, value) for array, value in zip(written, values, strict=True)]
        return index + 1, carried, written

    _, carried, written = tf.while_loop(
        lambda index, *_: index < length,
        body,
        (tf.constant(0), list(carried), written),
        maximum_iterations=length,
    )
    return Written(list(carried), [array.stack() for array in written])


def shifted(sequence: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """What stood at the place before: `first`, then all of a `[time, ...]` but its last."""
    return tf.concat([first[None], sequence[:-1]], 0)
