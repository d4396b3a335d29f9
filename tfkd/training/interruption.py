"""Stopping early without loss: signals and the time limit."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Protocol


class Interrupted(Exception):  # noqa: N818 - no error of anybody's
    """The work stopped early, its state is saved, and the same call goes on. Exit code 3."""

    exit_code = 3


class TimeLimit(Protocol):
    """A limit on time.

    Attributes:
        remaining: Seconds left; infinite without a limit.
    """

    @property
    def remaining(self) -> float: ...


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask to save and stop: SIGTERM, Ctrl-C's, and that of a terminal or
    connection that is closed, unless it is ignored: `nohup` lets a process go on without one."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    asks = hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *((hangup,) if asks else ()))


class StopSignal:
    """Notes SIGTERM, SIGINT and SIGHUP until the work comes to a place where it can be saved.

    Attributes:
        received: The name of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._at_once = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals' handlers over; outside of the main thread there are none to take."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, a signal raises `Interrupted` at once: nothing half done is in the state."""
        self._at_once = True
        try:
            if self.received:
                raise Interrupted(f"stopped by {self.received}")
            yield
        except Exception as error:
            if self.received:
                # Whatever Keras or TensorFlow made of it on its way.
                raise Interrupted(f"stopped by {self.received}") from error
            raise
        finally:
            self._at_once = False

    def _handle(self, number: int, frame: object) -> None:
        name = signal.Signals(number).name
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = name
        if self._at_once:
            raise Interrupted(f"stopped by {name}")
