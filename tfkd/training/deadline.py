"""The time limit of a run, and how a signal ends it."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfkd.outside.user_error import UserError
from tfkd.training.interruption import Interrupted, stop_signals

# Seconds until what could not be raised is raised again.
_MOMENT = 0.01
_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


class Deadline:
    """A time limit, counted from when it is made.

    Args:
        seconds: The limit; None means none.

    Attributes:
        stopped: Why `check` raises from now on; None: it does not.
        held: Whether the work keeps the limit itself: `stopping` does not end it when it is
            reached.
    """

    def __init__(self, seconds: float | None = None):
        self.seconds = seconds
        self.stopped: str | None = None
        self.held = False
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left; infinite without a limit."""
        return float("inf") if self._end is None else self._end - time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.remaining <= 0

    def stop(self, reason: str) -> None:
        """From now on `check` raises, for this reason."""
        self.stopped = reason

    @contextmanager
    def holding(self, held: bool = True) -> Iterator[None]:
        """Inside, the work keeps the limit itself; with False, it does so no longer.

        Raises:
            Interrupted: The time is up already, or a signal came that somebody has caught.
        """
        self.check()
        before, self.held = self.held, held
        try:
            yield
        finally:
            self.held = before
        if not self.held:
            # A limit that was reached meanwhile rang unheard.
            self.check()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Inside, whatever is raised after a stop is `Interrupted`.

        Keras, AutoGraph and TensorFlow make errors of their own of one that comes by them.
        """
        try:
            yield
        except Exception as error:
            if self.stopped is None:
                raise
            raise Interrupted(self.stopped) from error

    def check(self) -> None:
        """Raises `Interrupted` when the time is up, or a signal came."""
        if self.stopped:
            raise Interrupted(self.stopped)
        if self.expired:
            raise Interrupted(self.reached)

    @property
    def reached(self) -> str:
        """What is said when the time is up."""
        return f"the time limit of {self.seconds:g} s is reached"


def parse_duration(text: str) -> float:
    """Seconds from `90`, `90s`, `150m` or `2h`."""
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        seconds = -1.0
    if not seconds > 0:
        raise UserError(
            f"--time-limit: {text!r} is no duration; expected a number with s, m or h, like 150m"
        )
    return seconds


@contextmanager
def stopping(deadline: Deadline) -> Iterator[None]:
    """SIGTERM, Ctrl-C, SIGHUP and the time limit end the block by `Interrupted`: saved, exit
    code 3. A SIGHUP that is ignored, as under `nohup`, stays so.

    The limit is a timer's: most stages have no place where they could look at the clock. One that
    saves its work first, as training does, holds it.

    An exception that comes where Python cannot raise one (in a destructor, in a callback from C++)
    is raised again a moment later. The deadline is told as well: should somebody have caught it,
    the next check raises it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    shown = sys.unraisablehook

    def stop(number: int, frame: object) -> None:
        if number == signal.SIGALRM and deadline.stopped is None and not deadline.expired:
            # A timer of the surroundings.
            handler = before[signal.SIGALRM]
            if callable(handler):
                handler(number, frame)
            if deadline.seconds is not None:
                signal.setitimer(signal.ITIMER_REAL, max(deadline.remaining, _MOMENT))
            return
        if number == signal.SIGALRM and deadline.held:
            return
        if deadline.stopped is None or number != signal.SIGALRM:
            late = number == signal.SIGALRM
            name = signal.Signals(number).name
            deadline.stop(deadline.reached if late else f"stopped by {name}")
        raise Interrupted(deadline.stopped)

    def again(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            deadline.stopped = deadline.stopped or str(unraisable.exc_value)
            signal.setitimer(signal.ITIMER_REAL, _MOMENT)
        else:
            shown(unraisable)

    signals = (*stop_signals(), signal.SIGALRM)
    before = {number: signal.signal(number, stop) for number in signals}
    begun = time.monotonic()
    outer = signal.getitimer(signal.ITIMER_REAL)[0]
    # A timer of the surroundings goes on, unless the limit comes before it.
    left = math.inf if deadline.seconds is None else max(deadline.remaining, _MOMENT)
    if left < (outer or math.inf):
        signal.setitimer(signal.ITIMER_REAL, left)
    sys.unraisablehook = again
    try:
        with deadline.ending():
            yield
    finally:
        sys.unraisablehook = shown
        rest = max(outer - (time.monotonic() - begun), _MOMENT) if outer else 0.0
        signal.setitimer(signal.ITIMER_REAL, rest)
        for number, handler in before.items():
            signal.signal(number, handler)
