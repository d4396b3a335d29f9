"""A training from wherever its folder stands to its end."""

import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.data.prefetcher import Prefetcher
from tfkd.models import save_weights
from tfkd.spec.errors import UserError
from tfkd.training.checkpoints import Checkpoint, CheckpointFolder
from tfkd.training.divergence import diverged
from tfkd.training.history import History, digest_of_start
from tfkd.training.interruption import Interrupted, StopSignal, TimeLimit
from tfkd.training.keep import Keeper
from tfkd.training.optimizers import Optimizer
from tfkd.training.progress import Progress
from tfkd.training.schedules import Schedule
from tfkd.training.statistics import Totals, line_of
from tfkd.training.step_function import StepFunction, filled_to_multiple, tokens_in
from tfkd.training.tensor_file import DamagedFileError
from tfkd.training.training_state import TrainedArrays, assign
from tfkd.training.validation import Validate, Validation

HISTORY = "history.jsonl"
WEIGHTS = "weights.safetensors"


class TrainingRun:
    """One training; see `tfkd.training.train` for what it is given.

    Attributes:
        step: Steps made so far.
        seconds: Seconds of training over all attempts.
    """

    def __init__(
        self,
        distiller: Any,
        batcher: Any,
        *,
        steps: int,
        optimizer: Optimizer,
        schedule: Schedule,
        folder: Path,
        validate: Validate | None,
        validate_every: int | None,
        keeper: Keeper,
        seed: int,
        log_every: int,
        save_every_seconds: float,
        time_limit: TimeLimit | None,
        strategy: tf.distribute.Strategy,
        micro_batches: int,
        progress: Progress,
        tensorboard: bool,
        jit_compile: bool,
    ):
        self._distiller, self._batcher = distiller, batcher
        self._steps, self._schedule, self._folder = steps, schedule, folder
        self._every, self._keeper, self._seed = validate_every, keeper, seed
        self._log_every, self._save_every = log_every, save_every_seconds
        self._time_limit, self._progress = time_limit, progress
        self._tensorboard = tensorboard
        self._validation = Validation(validate, folder / "validations.json")
        parameters = distiller.parameters
        with strategy.scope():
            optimizer.build(parameters)
        self._function = StepFunction(
            distiller,
            parameters,
            optimizer,
            strategy=strategy,
            micro_batches=micro_batches,
            seed=seed,
            jit_compile=jit_compile,
        )
        self._arrays = TrainedArrays(distiller.student, parameters, optimizer)
        self._checkpoints = CheckpointFolder(folder / "checkpoints")
        self._stop = StopSignal()
        self._totals = Totals()
        self._history: History
        self.step, self._tokens = 0, 0
        self._seconds_before, self._started = 0.0, time.monotonic()
        self._save_seconds, self._step_seconds = 0.0, 0.0

    @property
    def best(self) -> dict[str, Any] | None:
        """`{"step", "metric", "value"}` of the best validation."""
        return self._keeper.best

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
        events = self._folder / "tensorboard" if self._tensorboard else None
        self._history = History(self._folder / HISTORY, events, offset)
        self._progress.start(self.step)
        try:
            with self._stop.listening():
                try:
                    self._make_steps()
                except Interrupted:
                    self._save()
                    raise
                self._save()
                self._finish()
                if self._stop.received:
                    # This training is done, but what comes after it was asked to stop as well.
                    raise Interrupted(f"stopped by {self._stop.received}")
        finally:
            self._progress.stop()
            self._history.close()

    # ------------------------------------------------------------------------------ steps

    def _make_steps(self) -> None:
        with Prefetcher(
            self._batcher, self.step, stop=self._steps, prepare=self._prepare
        ) as batches:
            self._begin_interval(batches)
            self._last_save = time.monotonic()
            while True:
                if self._due():
                    self._validate(batches)
                if self.step >= self._steps or self._keeper.exhausted:
                    break
                self._check_stop()
                batch, tokens = next(batches)
                update = self.step + 1
                self._totals.add(self._function(batch, update, self._schedule(update)))
                self.step = update
                self._tokens += tokens
                self._interval_tokens += tokens
                self._progress.advance(update)
                if update % self._log_every == 0 or update == self._steps:
                    self._log(batches)
                if time.monotonic() - self._last_save > self._save_every:
                    self._save()
                    self._begin_interval(batches)

    def _prepare(self, batch: Any) -> tuple[Any, int]:
        tokens = tokens_in(batch, getattr(self._distiller.terms[0], "view", None))
        batch = filled_to_multiple(batch, self._function.slices)
        return tf.nest.map_structure(tf.convert_to_tensor, batch), tokens

    def _begin_interval(self, batches: Prefetcher) -> None:
        """Starts the measure of speed anew: validations and checkpoints are not part of it."""
        self._interval_start = time.monotonic()
        self._interval_step, self._interval_tokens = self.step, 0
        self._interval_waited = batches.waited

    def _log(self, batches: Prefetcher) -> None:
        self._settle()
        elapsed = max(time.monotonic() - self._interval_start, 1e-9)
        made = max(1, self.step - self._interval_step)
        self._step_seconds = elapsed / made
        line = {
            "step": self.step,
            "epoch": round(self.step / getattr(self._batcher, "batches_per_epoch", 1), 4),
            "seconds": round(self.seconds, 3),
            **line_of(self._totals, self._function.names),
            "learning_rate": self._schedule(self.step),
            "tokens": self._tokens,
            "tokens_per_second": round(self._interval_tokens / elapsed, 1),
            "waiting_share": round((batches.waited - self._interval_waited) / elapsed, 4),
        }
        self._history.append(line)
        self._progress.show(line, self._step_seconds * (self._steps - self.step))
        self._totals.clear()
        self._begin_interval(batches)

    def _settle(self) -> None:
        """Waits for the steps under way and reads their statistics.

        Raises:
            TrainingDiverged: One of them was not finite.
        """
        failed = int(self._function.failed)
        if failed:
            statistics = self._totals.pending(failed - 1 - self.step)
            raise diverged(
                failed,
                self._batcher.batch(failed - 1),
                dict(zip(self._function.names, statistics, strict=True)),
                self._schedule(failed),
                self._folder,
            )
        self._totals.settle()

    def _check_stop(self) -> None:
        if self._stop.received:
            raise Interrupted(f"stopped by {self._stop.received} after step {self.step}")
        if self._time_limit is not None:
            # What a step and a checkpoint take must still fit.
            margin = 2 * (self._save_seconds + self._step_seconds)
            if self._time_limit.remaining <= margin:
                raise Interrupted(f"the time limit is reached after step {self.step}")

    # ------------------------------------------------------------------------ validations

    def _due(self) -> bool:
        if not self._every or not self.step or self._keeper.validated == self.step:
            return False
        return self.step % self._every == 0 or self.step == self._steps

    def _validate(self, batches: Prefetcher) -> None:
        self._settle()
        if self._time_limit is not None and self._time_limit.remaining <= self._validation.seconds:
            raise Interrupted(f"the time limit is reached before the validation at {self.step}")
        begun = time.monotonic()
        metrics = self._measure()
        self._keeper.see(self.step, metrics, self._arrays.student)
        # Time spent here is part of the training's, not of the interval's speed.
        self._interval_start += time.monotonic() - begun

    def _measure(self, note: str = "") -> dict[str, float]:
        with self._stop.at_once():
            metrics = self._validation(self.step, self._distiller.student, self._arrays.student)
        if metrics:
            line = {"step": self.step, "validation": metrics}
            self._history.append({**line, "of": note} if note else line)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            self._progress.say(f"step {self.step} validation{note and f' ({note})'}: {shown}")
        return metrics

    # ------------------------------------------------------------------------ checkpoints

    def _save(self) -> None:
        self._settle()
        begun = time.monotonic()
        size, digest = self._history.settled()
        state = {
            "seed": self._seed,
            "frozen": self._arrays.frozen,
            "seconds": self.seconds,
            "tokens": self._tokens,
            "totals": self._totals.state(),
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
        if checkpoint is None:
            return 0
        state = checkpoint.state
        if state["seed"] != self._seed:
            raise UserError(
                f"{self._checkpoints.path} holds checkpoints of a training with seed "
                f"{state['seed']}, this one has {self._seed}: remove it to train from the start."
            )
        self._arrays.restore(checkpoint.tensors, state["frozen"], self._checkpoints.path)
        self.step, self._tokens = checkpoint.step, state["tokens"]
        self._seconds_before = state["seconds"]
        self._totals.restore(state["totals"])
        self._keeper.restore(state["keeper"])
        self._progress.say(f"going on from step {self.step} of {self._steps}")
        return state["history"]["bytes"]

    def _whole(self, checkpoint: Checkpoint) -> None:
        """Refuses a checkpoint whose history or kept weights are not what they were."""
        history = self._folder / HISTORY
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
        save_weights(self._distiller.student, self._folder / WEIGHTS)
