"""What the short rings leave to the long one, of a property that many examples or cases show."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

# Set by `conftest` as a test run begins.
in_short_ring = False


def examples(short: int, long: int) -> int:
    """The `max_examples` of a property."""
    return short if in_short_ring else long


def few(cases: Iterable[Any], *short: int) -> list[Any]:
    """The cases of a parametrized test, a tuple where each has several values; the short rings take
    those at some places."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    cases = [case if hasattr(case, "marks") else pytest.param(*case) for case in cases]
    kept = {range(len(cases))[place] for place in short}
    return [
        case if place in kept else case._replace(marks=[*case.marks, pytest.mark.long])
        for place, case in enumerate(cases)
    ]


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Inside, in the short rings, what would be a graph is run as Python: of a few steps or batches
    tracing is most of the time."""
    if not in_short_ring:
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
