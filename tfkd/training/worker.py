"""A training on a host that is not the chief (a worker): the same steps, and no files."""

import time
from collections.abc import Callable

from tfkd.data.batches.prefetcher import Prefetcher
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted
from tfkd.training.state.tensor_file import DamagedFileError
from tfkd.training.training_run import CONTINUE, STOP, TrainingRun

# A network file system may show a file that another host wrote some seconds late.
PATIENCE_SECONDS = 60.0


class Worker(TrainingRun):
    """What `TrainingRun` does, on a host that takes its decisions from the chief.

    It makes every step, reads the chief's checkpoint when the training goes on, and waits while the
    chief validates. It writes nothing: the chief's files are the training's.
    """

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
        checkpoint = awaited(lambda: self._checkpoints.read(step), self._checkpoints.path)
        self._take(checkpoint)


def awaited(read: Callable, place: object, patience: float = PATIENCE_SECONDS):
    """What `read` returns as soon as it does not raise.

    Args:
        read: Raises while what another host wrote is not to be seen.
        place: Where it is, for the message.
        patience: Seconds to try.

    Raises:
        UserError: It is still not to be seen.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return read()
        except (OSError, DamagedFileError) as error:
            if time.monotonic() > end:
                raise UserError(
                    f"{place} is not here as host 0 wrote it ({error}). All hosts need one folder "
                    "of runs: name it with --runs-dir, on a file system that they share"
                ) from error
            time.sleep(0.5)
