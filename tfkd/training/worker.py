"""A training on a host that is not the chief (a worker): the same steps, and no files."""

import time
from pathlib import Path

from tfkd.data.batches.prefetcher import Prefetcher
from tfkd.training.awaited import awaited
from tfkd.training.interruption import Interrupted
from tfkd.training.state.tensor_file import DamagedFileError
from tfkd.training.training_run import CONTINUE, STOP, TrainingRun


class Worker(TrainingRun):
    """What `TrainingRun` does, on a host that takes its decisions from the chief.

    It makes every step, reads the chief's checkpoint when the training goes on, and waits while the
    chief validates. It writes nothing: the chief's files are the training's.
    """

    @property
    def set_aside(self) -> dict[int, Path]:
        """Nothing: the chief's."""
        return {}

    def run(self) -> None:
        self._restore()
        self._started = time.monotonic()
        with self._stopping.signal.listening():
            self._make_steps()
            self._updates.settle()
            if received := self._stopping.signal.received:
                raise Interrupted(f"stopped by {received}")

    def _log(self, batches: Prefetcher) -> None:
        self._updates.settle()
        self._pace.measure(self._updates, batches)
        self._updates.clear()
        self._pace.begin(self._updates, batches)

    def _validate(self, batches: Prefetcher) -> None:
        self._updates.settle()
        answer = self._settings.hosts.agree()
        if answer == STOP:
            raise Interrupted(f"host 0 was stopped in the validation at step {self.step}")
        self._validated, self._exhausted = self.step, answer != CONTINUE
        self._pace.begin(self._updates, batches)

    def _save(self) -> None:
        self._updates.settle()
        self._last_save = time.monotonic()

    def _restore(self) -> None:
        step = self._settings.hosts.agree()
        if step < 0:
            return
        path, errors = self._checkpoints.path, (OSError, DamagedFileError)
        checkpoint = awaited(lambda: self._checkpoints.read(step), path, errors)
        self._take(checkpoint)
