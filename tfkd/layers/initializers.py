"""Initial weights that depend on a seed and a place in the model, and on nothing else."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

_FOLLOWING: ContextVar[bool] = ContextVar("values_follow", default=False)


@contextmanager
def values_follow() -> Iterator[None]:
    """Inside, weights of new layers have a place and no values: whoever builds a model assigns all
    of them, as a load does.

    A page of memory that nothing was written to is none yet, so that the model's weights are there
    once, each when it is assigned. What is no draw (biases, norms) starts as ever.
    """
    token = _FOLLOWING.set(True)
    try:
        yield
    finally:
        _FOLLOWING.reset(token)


def derive_seed(seed: int | None, *names: str) -> int | None:
    """Returns a seed for one place below `seed`: a 31-bit hash of the seed and the names.

    The same (seed, names) always gives the same number, so that a weight's first value does not
    depend on which other weights were made before it. `None` stays `None`: a fresh draw each time.
    """
    if seed is None:
        return None
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _with_seed(initializer: Any, seed: int | None) -> keras.initializers.Initializer:
    """Returns a copy of a Keras initializer with another seed, if it takes one."""
    config = initializer.get_config()
    if seed is None or "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": seed})


@keras.saving.register_keras_serializable(package="tfkd")
class Blocks(keras.initializers.Initializer):
    """Draws a matrix block by block, each as if it stood alone, from a seed.

    A fused query-key-value kernel `[width, 3 * width]` under xavier (Glorot) initialization would
    otherwise take its range from a fan-out three times too large. Draws are float32 and cast
    afterwards: every type starts from the same numbers.

    Args:
        initializer: The Keras initializer of one block.
        blocks: Number of equal blocks along the last axis.
        seed: Seed of all blocks; block i is keyed by (seed, i). With `None` the initializer's own
            seed counts, or chance if it has none.
    """

    def __init__(self, initializer: Any, blocks: int = 1, seed: int | None = None):
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
        if _FOLLOWING.get():
            return tf.raw_ops.Empty(shape=list(shape), dtype=dtype or "float32", init=False)
        block = (*rows, columns // self.blocks)
        draws = [
            _with_seed(self.initializer, derive_seed(self.seed, f"block_{i}"))(block, "float32")
            for i in range(self.blocks)
        ]
        return tf.cast(tf.concat(draws, axis=-1), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            "initializer": keras.initializers.serialize(self.initializer),
            "blocks": self.blocks,
            "seed": self.seed,
        }
