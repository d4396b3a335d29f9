"""Keys for dropout: one for each (seed, step, replica, micro-batch)."""

import hashlib

import numpy as np
import tensorflow as tf


def step_key(seed: int, update: int) -> np.ndarray:
    """int32 `[2]`: 64 bits of a hash of the training's seed and the number of the step."""
    digest = hashlib.sha256(f"dropout/{seed}/{update}".encode()).digest()
    return np.frombuffer(digest[:8], np.dtype("<i4")).astype(np.int32)


def slice_key(key: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The key of one slice of a step's batch.

    Slices are numbered through replicas and micro-batches: slice j of replica i is
    i * micro_batches + j. Two replicas thus draw the masks that one replica draws with two
    micro-batches.

    Args:
        key: int32 `[2]`, from `step_key`.
        number: Integer scalar.
    """
    return tf.bitwise.bitwise_xor(key, tf.stack([0, tf.cast(number, tf.int32)]))
