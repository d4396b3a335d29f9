"""Chains of elementwise operations, compiled into one pass over memory."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

_scope = threading.local()


@contextlib.contextmanager
def fusing(on: bool = True) -> Iterator[None]:
    """Inside the scope, layers compile their elementwise chains by XLA.

    TensorFlow's own operations read and write memory once each: an exact GELU with its gradient is
    sixteen passes, which on a CPU take four times as long as one compiled loop. Each new shape is
    compiled once a process, some 0.1 s a chain; so this is for training in batches of few shapes,
    and never on where shapes grow from step to step, or inside a function that XLA compiles whole.
    """
    previous = is_fusing()
    _scope.on = on
    try:
        yield
    finally:
        _scope.on = previous


def is_fusing() -> bool:
    """Whether the code runs inside `fusing`."""
    return getattr(_scope, "on", False)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of tensors, compiled by XLA as a whole; without gradients of its own."""
    whole = tf.function(function, jit_compile=True, autograph=False)
    return functools.wraps(function)(lambda *tensors: whole(*tensors))
