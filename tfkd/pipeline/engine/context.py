"""What every stage is given: folders, the time limit, and a way to speak to the user."""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.spec.errors import UserError
from tfkd.training.hosts import Hosts
from tfkd.training.interruption import Interrupted, stop_signals

# Seconds until what could not be raised is raised again.
_MOMENT = 0.01
# Seconds between two lines on how far a stage has come.
_SAY_EVERY = 15.0


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
        hosts: The hosts of this run.
    """

    data_dir: Path
    runs_dir: Path
    deadline: Deadline = field(default_factory=Deadline)
    say: Callable[[str], None] = print
    hosts: Hosts = field(default_factory=Hosts)

    @property
    def stages(self) -> Path:
        """The folder of all stages' results."""
        return self.runs_dir / "stages"

    def folder(self, node: Node) -> StageFolder:
        """The folder of a node's result, made or not."""
        return StageFolder(self.stages, node.kind, node.fingerprint)

    def told_progress(self, label: str) -> Callable[[int, int], None]:
        """A callable that is told (rows done, rows): says what is left, and ends the work in time.

        Args:
            label: What the line begins with.
        """
        begun = last = time.monotonic()

        def show(done: int, total: int) -> None:
            nonlocal last
            self.deadline.check()
            now = time.monotonic()
            if now - last >= _SAY_EVERY:
                left = (now - begun) / max(done, 1) * (total - done)
                self.say(f"{label}: {done:,} of {total:,} rows, {left:.0f} s left")
                last = now

        return show


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
        before = float(read_checksummed(path)["seconds"])
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
                write_checksummed(path, {"seconds": round(elapsed(), 1)})

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield elapsed
    finally:
        stop.set()
        thread.join()
        with suppress(OSError):
            write_checksummed(path, {"seconds": round(elapsed(), 1)})


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
