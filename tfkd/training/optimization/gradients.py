"""Norms and clipping of gradients that are dense and already reduced."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Gradients = Sequence[tf.Tensor | None]


def dense(gradient: Any, shape: tf.TensorShape) -> tf.Tensor | None:
    """A gradient as one float32 tensor; rows that an embedding touched twice are added up.

    Adam and the norm need the square of the sum, not the sum of the squares of an embedding's rows.
    """
    if gradient is None:
        return None
    return tf.ensure_shape(tf.cast(tf.convert_to_tensor(gradient), tf.float32), shape)


def global_norm(gradients: Gradients) -> tf.Tensor:
    """sqrt(sum of squares) over all gradients; float32 scalar."""
    halves = [tf.nn.l2_loss(gradient) for gradient in gradients if gradient is not None]
    return tf.sqrt(2.0 * tf.add_n(halves)) if halves else tf.constant(0.0)


def clipped(gradients: Gradients, norm: tf.Tensor, clip_norm: float | None) -> Gradients:
    """Gradients times min(1, clip_norm / norm); as they come where `clip_norm` is None.

    Reference: Pascanu et al. 2013, algorithm 1.
    """
    if clip_norm is None:
        return gradients
    factor = clip_norm / tf.maximum(norm, clip_norm)
    return [None if gradient is None else gradient * factor for gradient in gradients]
