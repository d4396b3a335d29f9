"""A training from wherever its folder stands to its end."""

import contextlib
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.data.batches.prefetcher import Prefetcher
from tfkd.models import save_weights
from tfkd.spec.errors import UserError
from tfkd.training.callbacks import CallbackFailedError, ValidationPoint, call_all
from tfkd.training.interruption import Interrupted
from tfkd.training.optimization.updates import Updates
from tfkd.training.pace import Pace
from tfkd.training.progress import Progress
from tfkd.training.settings import TrainSettings
from tfkd.training.state.checkpoints import Checkpoint, CheckpointFolder
from tfkd.training.state.history import History, digest_of_start
from tfkd.training.state.keep import Keeper
from tfkd.training.state.tensor_file import DamagedFileError
from tfkd.training.state.training_state import TrainedArrays, assign
from tfkd.training.step_function import StepFunction
from tfkd.training.stopping import Stopping
from tfkd.training.validation import Validation

HISTORY = "history.jsonl"
WEIGHTS = "weights.safetensors"
# What the chief tells the other hosts after a validation.
CONTINUE, EXHAUSTED, STOP = range(3)


class TrainingRun:
    """One training; see `tfkd.training.train` for what it is given.

    Attributes:
        step: Steps made so far.
        seconds: Seconds of training over all attempts.
        best: `{"step", "metric", "value"}` of the best validation.
    """

    def __init__(self, distiller: Any, batcher: Any, settings: TrainSettings):
        self._distiller, self._batcher, self._settings = distiller, batcher, settings
        folder, hosts = settings.folder, settings.hosts
        self._keeper = Keeper(settings.keep, folder / "kept", settings.patience, settings.set_aside)
        self._progress = Progress(
            settings.steps,
            settings.progress if hosts.chief else False,
            settings.say if hosts.chief else _silent,
        )
        self._validation = Validation(settings.validate, folder / "validations.json", settings.of)
        parameters, optimizer = distiller.parameters, settings.optimizer
        with settings.strategy.scope():
            optimizer.build(parameters)
        function = StepFunction(
            distiller,
            optimizer,
            strategy=settings.strategy,
            seed=settings.seed,
            micro_batches=settings.micro_batches,
            jit_compile=settings.jit_compile,
            streams=settings.streams,
            fuse=settings.fuse,
        )
        view = getattr(distiller.terms[0], "view", None)
        self._updates = Updates(
            function, batcher, settings.schedule, view, folder if hosts.chief else None
        )
        self._stopping = Stopping(
            function, hosts, settings.time_limit, settings.steps_per_execution
        )
        self._pace = Pace()
        self._arrays = TrainedArrays(distiller.student, parameters, optimizer)
        self._checkpoints = CheckpointFolder(folder / "checkpoints")
        self._validated, self._exhausted = 0, False
        self._history: History
        self._seconds_before, self._started = 0.0, time.monotonic()
        self._save_seconds = 0.0

    @property
    def best(self) -> dict[str, Any] | None:
        return self._keeper.best

    @property
    def set_aside(self) -> dict[int, Path]:
        """The files of the last validated weights by their steps."""
        return self._keeper.set_aside()

    @property
    def step(self) -> int:
        return self._updates.step

    @property
    def seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def run(self) -> None:
        """Trains to the end, and leaves the kept weights in the student and in the folder.

        Raises:
            Interrupted: A signal or the time limit; everything is saved.
            TrainingDiverged: Loss or gradient is not finite.
        """
        offset = self._restore()
        self._started = time.monotonic()
        events = self._settings.folder / "tensorboard" if self._settings.tensorboard else None
        self._history = History(self._settings.folder / HISTORY, events, offset)
        self._progress.start(self.step)
        try:
            with self._stopping.signal.listening():
                try:
                    self._make_steps()
                except (Interrupted, CallbackFailedError):
                    self._save()
                    raise
                if self.step < self._settings.steps:  # patience ran out
                    self._save()
                self._finish()
                if received := self._stopping.signal.received:
                    # This training is done, but what comes after it was asked to stop as well.
                    raise Interrupted(f"stopped by {received}")
        finally:
            self._progress.stop()
            self._history.close()

    # ------------------------------------------------------------------------------ steps

    def _make_steps(self) -> None:
        with Prefetcher(
            self._batcher, self.step, stop=self._settings.steps, prepare=self._updates.prepare
        ) as batches:
            self._pace.begin(self._updates, batches)
            self._last_save = time.monotonic()
            first = True
            while True:
                ended = self.step >= self._settings.steps
                if ended:
                    # Before a validation that a longer training has not: see `state.ends`.
                    self._save()
                if self._due():
                    self._validate(batches)
                if ended or self._exhausted:
                    break
                self._stopping.check(self.step, self._pace.step_seconds, self._save_seconds)
                begun, before = time.monotonic(), self.step
                self._call(batches)
                if first:
                    self._pace.set_aside(time.monotonic() - begun, self.step - before)
                first = False
                self._progress.advance(self.step)
                if self.step % self._settings.log_every == 0 or self.step == self._settings.steps:
                    self._log(batches)
                if time.monotonic() - self._last_save > self._settings.save_every_seconds:
                    self._save()
                    self._pace.begin(self._updates, batches)

    def _call(self, batches: Prefetcher) -> None:
        """Makes the steps of one call: no more than are due before something else is."""
        how = self._settings
        ends = [how.steps, self.step + how.steps_per_execution]
        ends += [
            (self.step // every + 1) * every
            for every in (how.log_every, how.validate_every)
            if every
        ]
        taken = [next(batches) for _ in range(min(ends) - self.step)]
        self._stopping.take(self._updates.make(taken))

    def _log(self, batches: Prefetcher) -> None:
        self._updates.settle()
        pace = self._pace.measure(self._updates, batches)
        line = {
            "step": self.step,
            "epoch": round(self._epochs(), 4),
            "seconds": round(self.seconds, 3),
            **self._updates.line(),
            **pace,
            **self._updates.loss_scale(),
        }
        self._history.append(line)
        self._progress.show(line, self._pace.step_seconds * (self._settings.steps - self.step))
        self._updates.clear()
        self._pace.begin(self._updates, batches)

    def _epochs(self) -> float:
        """How often the steps have gone through the rows, as far as the batcher tells."""
        if (told := getattr(self._batcher, "epochs_in", None)) is not None:
            return told(self.step)
        return self.step / getattr(self._batcher, "batches_per_epoch", 1)

    # ------------------------------------------------------------------------ validations

    def _due(self) -> bool:
        every = self._settings.validate_every
        if not every or not self.step or self._validated == self.step:
            return False
        return self.step % every == 0 or self.step == self._settings.steps

    def _validate(self, batches: Prefetcher) -> None:
        self._updates.settle()
        begun = time.monotonic()
        try:
            limit = self._stopping.time_limit
            if limit is not None and limit.remaining <= self._validation.seconds:
                raise Interrupted(f"the time limit is reached before the validation at {self.step}")
            metrics = self._measure()
        except (Interrupted, CallbackFailedError):
            # Where a host that died is the reason, there is nobody to tell.
            with contextlib.suppress(tf.errors.OpError):
                self._settings.hosts.agree(STOP)
            raise
        self._keeper.see(self.step, metrics, self._arrays.student)
        self._validated, self._exhausted = self.step, self._keeper.exhausted
        self._settings.hosts.agree(EXHAUSTED if self._exhausted else CONTINUE)
        # Time spent here is part of the training's, not of the interval's speed.
        self._pace.leave_out(time.monotonic() - begun)

    def _measure(self, note: str = "") -> dict[str, float]:
        with self._stopping.signal.at_once():
            student = self._distiller.student
            metrics = self._validation(self.step, student, self._arrays.student)
            if not note:
                # Before anything is noted of it: where one fails, the training comes by here again.
                point = ValidationPoint(self.step, self._settings.steps, dict(metrics), student)
                call_all(self._settings.callbacks, point)
        if metrics:
            line = {"step": self.step, "validation": metrics}
            self._history.append({**line, "of": note} if note else line)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            self._progress.say(f"step {self.step} validation{note and f' ({note})'}: {shown}")
        return metrics

    # ------------------------------------------------------------------------ checkpoints

    def _save(self) -> None:
        self._updates.settle()
        begun = time.monotonic()
        size, digest = self._history.settled()
        state = {
            "of": self._settings.of,
            "seed": self._settings.seed,
            "frozen": self._arrays.frozen,
            "seconds": self.seconds,
            **self._updates.state(),
            "keeper": self._keeper.state(),
            "history": {"bytes": size, "sha256": digest},
        }
        self._checkpoints.save(self.step, state, self._arrays.named())
        self._keeper.remove_unused([state["keeper"] for state in self._checkpoints.states()])
        self._last_save = time.monotonic()
        self._save_seconds = self._last_save - begun

    def _restore(self) -> int:
        """Goes to the newest whole checkpoint; returns how much of the history belongs to it."""
        checkpoint = self._checkpoints.newest(self._progress.say, self._whole)
        self._settings.hosts.agree(-1 if checkpoint is None else checkpoint.step)
        if checkpoint is None:
            return 0
        self._take(checkpoint)
        self._progress.say(f"going on from step {self.step} of {self._settings.steps}")
        return checkpoint.state["history"]["bytes"]

    def _take(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.state
        path, seed, of = self._checkpoints.path, self._settings.seed, self._settings.of
        # Older versions do not say.
        if of and (theirs := state.get("of", of)) != of:
            raise UserError(
                f"{path} holds checkpoints of another training, {theirs!r}; this one is {of!r}: "
                f"remove {path} to train from the start."
            )
        if state["seed"] != seed:
            raise UserError(
                f"{path} holds checkpoints of a training with seed {state['seed']}, this one has "
                f"{seed}: remove it to train from the start."
            )
        self._arrays.restore(checkpoint.tensors, state["frozen"], self._checkpoints.path)
        self._updates.restore(checkpoint.step, state)
        self._seconds_before = state["seconds"]
        self._keeper.restore(state["keeper"])
        self._validated, self._exhausted = self._keeper.validated, self._keeper.exhausted

    def _whole(self, checkpoint: Checkpoint) -> None:
        """Refuses a checkpoint whose history or kept weights are not what they were."""
        history = self._settings.folder / HISTORY
        if (
            digest_of_start(history, checkpoint.state["history"]["bytes"])
            != checkpoint.state["history"]["sha256"]
        ):
            raise DamagedFileError(f"{history} is damaged: a line of it is not what was written")
        self._keeper.verify(checkpoint.state["keeper"])

    def _finish(self) -> None:
        chosen = self._keeper.chosen()
        if chosen is not None:
            assign(self._arrays.student, chosen)
            if self._keeper.averages:
                self._measure(f"mean of steps {', '.join(map(str, self._keeper.steps))}")
        path = self._settings.folder / WEIGHTS
        save_weights(self._distiller.student, path, self._settings.kept_elsewhere)


def _silent(line: str) -> None:
    """What the chief says needs not be said twice."""
