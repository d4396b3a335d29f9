"""What a person sees of shards on their way: one live line in a terminal, a line now and then
elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Any, Self

from tfkd.outside.printable import printable
from tfkd.pipeline.cluster.dispatch import Tally
from tfkd.training.progress import duration, live_bar

_SAY_EVERY = 15.0


class Shown:
    """Shows how far a stage's shards are, within a `with`.

    Args:
        label: The stage's.
        number: How many shards there are to make.
        say: Takes each plain line.
        terminal: Whether the output can be rewritten; None: whether standard output is a terminal.
    """

    def __init__(
        self, label: str, number: int, say: Callable[[str], None], terminal: bool | None = None
    ):
        self._label, self._number, self._say = label, number, say
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._last = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._terminal:
            self._bar, self._task = live_bar("starts workers", self._number)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, tally: Tally, ready: int) -> None:
        """Shows what has come of them.

        Args:
            tally: What has.
            ready: How many workers are at work, or could be.
        """
        text = self._text(tally, ready)
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=tally.done, description=printable(text))
        elif tally.done and now - self._last >= _SAY_EVERY:
            self._last = now
            self._say(f"{self._label}: {tally.done:,} of {tally.of:,} shards, {text}")

    def _text(self, tally: Tally, ready: int) -> str:
        parts = [f"{ready} workers"]
        if tally.lost:
            parts.append(f"{tally.lost} lost")
        if tally.done:
            each = (time.monotonic() - tally.begun) / tally.done
            rate = f"{60 / each:,.0f} a minute" if each else ""
            parts += [rate, f"{duration(each * (tally.of - tally.done))} left"]
        return ", ".join(filter(None, parts))
