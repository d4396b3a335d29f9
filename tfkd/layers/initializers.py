"""Initial weights that depend on a seed and a place in the model, and on nothing else."""

import hashlib
from typing import Any

import keras
import tensorflow as tf


def derive_seed(seed: int | None, *names: str) -> int | None:
    """Returns a seed for one place below `seed`: a 31-bit hash of the seed and the names.

    The same (seed, names) always gives the same number, so that a weight's first value does not
    depend on which other weights were made before it. `None` stays `None`: a fresh draw each time.
    """
    if seed is None:
        return None
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def seeded(initializer: Any, seed: int | None, *names: str) -> keras.initializers.Initializer:
    """Returns a copy of a Keras initializer whose draws are keyed by (seed, names).

    Initializers without a seed (zeros, ones) come back as they are. With `seed=None` the
    initializer's own seed counts, or chance if it has none.
    """
    initializer = keras.initializers.get(initializer)
    config = initializer.get_config()
    place = derive_seed(seed, *names)
    if place is None or "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": place})


@keras.saving.register_keras_serializable(package="tfkd")
class Blocks(keras.initializers.Initializer):
    """Draws a fused matrix block by block, each as if it stood alone.

    A fused query-key-value kernel `[width, 3 * width]` under xavier (Glorot) initialization would
    otherwise take its range from a fan-out three times too large.

    Args:
        initializer: The Keras initializer of one block.
        blocks: Number of equal blocks along the last axis.
        seed: Seed of all blocks; block i is keyed by (seed, i).
    """

    def __init__(self, initializer: Any, blocks: int, seed: int | None = None):
        self.initializer = keras.initializers.get(initializer)
        self.blocks = blocks
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        *rows, columns = shape
        if columns % self.blocks:
            raise ValueError(
                f"Invalid value for argument `shape`. Expected a last axis that {self.blocks} "
                f"blocks divide. Received: shape={tuple(shape)}"
            )
        block = (*rows, columns // self.blocks)
        draws = [
            seeded(self.initializer, self.seed, f"block_{i}")(block, dtype=dtype)
            for i in range(self.blocks)
        ]
        return tf.concat(draws, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            "initializer": keras.initializers.serialize(self.initializer),
            "blocks": self.blocks,
            "seed": self.seed,
        }
