"""What every stage is given: folders, the time limit, and a way to speak to the user."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.training.deadline import Deadline
from tfkd.training.hosts import Hosts

# Seconds between two lines on how far a stage has come.
_SAY_EVERY = 15.0


@dataclass
class Context:
    """The surroundings of a run.

    Attributes:
        data_dir: The folder that a spec's data paths are relative to.
        runs_dir: The folder of run folders and of `stages/`.
        deadline: The run's time limit.
        say: Called with each line meant for the user.
        hosts: The hosts of this run.
        cluster: What makes shards elsewhere, a `tfkd.pipeline.cluster.cluster.Cluster`; None: all
            are made here.
    """

    data_dir: Path
    runs_dir: Path
    deadline: Deadline = field(default_factory=Deadline)
    say: Callable[[str], None] = print
    hosts: Hosts = field(default_factory=Hosts)
    cluster: Any = None

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
