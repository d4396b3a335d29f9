"""How far a stage has come, said now and then."""

import time
from collections.abc import Callable

from tfkd.pipeline.engine.context import Context

_SAY_EVERY = 15.0


def told_progress(label: str, context: Context) -> Callable[[int, int], None]:
    """A callable that is told (rows done, rows): says what is left, and ends the work in time.

    Args:
        label: What the line begins with.
        context: The run's surroundings.
    """
    begun = last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        context.deadline.check()
        now = time.monotonic()
        if now - last >= _SAY_EVERY:
            left = (now - begun) / max(done, 1) * (total - done)
            context.say(f"{label}: {done:,} of {total:,} rows, {left:.0f} s left")
            last = now

    return show
