"""What every stage is given: folders, the time limit, and a way to speak to the user."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tfkd.data.files import write_atomically
from tfkd.spec.errors import UserError
from tfkd.training.hosts import Hosts


class Interrupted(Exception):  # noqa: N818 - no error of anybody's
    """The run stopped early and the same command continues it. Exit code 3."""


class Deadline:
    """A time limit, counted from when it is made.

    Args:
        seconds: The limit; None means none.
    """

    def __init__(self, seconds: float | None = None):
        self.seconds = seconds
        self._stopped: str | None = None
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
        self._stopped = reason

    def check(self) -> None:
        """Raises `Interrupted` when the time is up, or a signal came."""
        if self._stopped:
            raise Interrupted(self._stopped)
        if self.expired:
            raise Interrupted(f"the time limit of {self.seconds:.0f} s is reached")


_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


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


@dataclass
class Context:
    """The surroundings of a run.

    Attributes:
        data_dir: The folder that a spec's data paths are relative to.
        runs_dir: The folder of run folders and of `stages/`.
        deadline: The run's time limit.
        say: Called with each line meant for the user.
        terminal: Whether a person watches: progress lines may rewrite themselves.
        hosts: The hosts of this run.
    """

    data_dir: Path
    runs_dir: Path
    deadline: Deadline = field(default_factory=Deadline)
    say: Callable[[str], None] = print
    terminal: bool = False
    hosts: Hosts = field(default_factory=Hosts)

    @property
    def stages(self) -> Path:
        """The folder of all stages' results."""
        return self.runs_dir / "stages"


@contextmanager
def stopwatch(path: Path, every: float = 5.0):
    """Adds up the seconds spent in the block over several attempts, kills included.

    Args:
        path: A small file that holds the seconds so far, written every few seconds.
        every: Seconds between two writes: what a kill may lose.

    Yields:
        A callable that returns the seconds of all attempts up to now.
    """
    try:
        before = float(path.read_text())
    except (OSError, ValueError):
        before = 0.0
    start = time.monotonic()
    stop = threading.Event()

    def elapsed() -> float:
        return before + time.monotonic() - start

    def keep() -> None:
        while not stop.wait(every):
            # A full disk is told of by the work itself.
            with suppress(OSError):
                write_atomically(path, f"{elapsed():.1f}")

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield elapsed
    finally:
        stop.set()
        thread.join()
        with suppress(OSError):
            write_atomically(path, f"{elapsed():.1f}")


@contextmanager
def stopping(deadline: Deadline) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the block by `Interrupted`: saved, exit code 3.

    The deadline is told as well: an exception that comes while Python cannot raise one (in a
    destructor, in a callback from C++) is only printed, and the next check raises it again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        reason = f"stopped by {signal.Signals(number).name}"
        deadline.stop(reason)
        raise Interrupted(reason)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
