"""A training from wherever its folder stands to its end."""

import contextlib
import time
from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.data.prefetcher import Prefetcher
from tfkd.models import save_weights
from tfkd.spec.errors import UserError
from tfkd.training.checkpoints import Checkpoint, CheckpointFolder
from tfkd.training.divergence import StepTooLarge, diverged
from tfkd.training.history import History, digest_of_start
from tfkd.training.hosts import Hosts
from tfkd.training.interruption import Interrupted, StopSignal, TimeLimit
from tfkd.training.keep import Keeper
from tfkd.training.loss_scale import restored, saved
from tfkd.training.optimizers import Optimizer
from tfkd.training.progress import Progress
from tfkd.training.schedules import Schedule
from tfkd.training.statistics import Totals, line_of
from tfkd.training.step_function import ASKED, StepFunction, filled_to_multiple, tokens_in
from tfkd.training.tensor_file import DamagedFileError
from tfkd.training.training_state import TrainedArrays, assign
from tfkd.training.validation import Validate, Validation

HISTORY = "history.jsonl"
WEIGHTS = "weights.safetensors"
# What the chief tells the other hosts after a validation.
CONTINUE, EXHAUSTED, STOP = range(3)
# Calls after which a host's wish to stop is read: far enough back not to wait for the device.
_LAG = 3


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
        hosts: Hosts,
        steps_per_execution: int,
        streams: int,
        fuse: bool,
        kept_elsewhere: Collection[str] = (),
    ):
        self._hosts, self._steps_per_execution = hosts, steps_per_execution
        self._distiller, self._batcher = distiller, batcher
        self._steps, self._schedule, self._folder = steps, schedule, folder
        self._every, self._keeper, self._seed = validate_every, keeper, seed
        self._log_every, self._save_every = log_every, save_every_seconds
        self._time_limit, self._progress = time_limit, progress
        self._tensorboard, self._kept_elsewhere = tensorboard, kept_elsewhere
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
            streams=streams,
            fuse=fuse,
        )
        self._arrays = TrainedArrays(distiller.student, parameters, optimizer)
        self._checkpoints = CheckpointFolder(folder / "checkpoints")
        self._stop = StopSignal()
        self._wishes: deque[Any] = deque(maxlen=_LAG)
        self._validated, self._exhausted = 0, False
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
                if self.step >= self._steps or self._exhausted:
                    break
                self._check_stop()
                self._call(batches)
                self._progress.advance(self.step)
                if self.step % self._log_every == 0 or self.step == self._steps:
                    self._log(batches)
                if time.monotonic() - self._last_save > self._save_every:
                    self._save()
                    self._begin_interval(batches)

    def _call(self, batches: Prefetcher) -> None:
        """Makes the steps of one call: no more than are due before something else is."""
        ends = [self._steps, self.step + self._steps_per_execution]
        ends += [
            (self.step // every + 1) * every for every in (self._log_every, self._every) if every
        ]
        updates = range(self.step + 1, min(ends) + 1)
        taken = [next(batches) for _ in updates]
        try:
            vectors = self._function.steps(
                [batch for batch, _ in taken], updates[0], [self._schedule(u) for u in updates]
            )
        except tf.errors.ResourceExhaustedError as error:
            raise StepTooLarge(str(error).partition("\n")[0][:200]) from error
        for vector in vectors:
            self._totals.add(vector)
        self._wishes.append(vectors[-1])
        self.step = updates[-1]
        tokens = sum(count for _, count in taken)
        self._tokens += tokens
        self._interval_tokens += tokens

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
        if self._function.scales:
            state = self._function.state
            line |= {"loss_scale": float(state.scale), "skipped_steps": int(state.skipped)}
        self._history.append(line)
        self._progress.show(line, self._step_seconds * (self._steps - self.step))
        self._totals.clear()
        self._begin_interval(batches)

    def _settle(self) -> None:
        """Waits for the steps under way and reads their statistics.

        Raises:
            TrainingDiverged: One of them was not finite.
        """
        failed = int(self._function.state.failed)
        if failed:
            statistics = self._totals.pending(failed - 1 - self.step)
            raise diverged(
                failed,
                self._batcher.batch(failed - 1),
                dict(zip(self._function.names, statistics, strict=True)),
                self._schedule(failed),
                self._folder if self._hosts.chief else None,
            )
        self._totals.settle()

    def _check_stop(self) -> None:
        reason = self._reason_to_stop()
        if self._hosts.number > 1:
            # Every host makes the same steps: they stop where all have seen that one wants to.
            self._function.asks_to_stop = reason is not None
            if not self._asked():
                return
            reason = reason or "another host was asked to stop, and so do all"
        if reason:
            raise Interrupted(f"{reason} after step {self.step}")

    def _reason_to_stop(self) -> str | None:
        if self._stop.received:
            return f"stopped by {self._stop.received}"
        if self._time_limit is not None:
            # What a step and a checkpoint take must still fit.
            calls = 1 if self._hosts.number == 1 else _LAG + 1
            steps = calls * self._steps_per_execution
            margin = 2 * (self._save_seconds + steps * self._step_seconds)
            if self._time_limit.remaining <= margin:
                return "the time limit is reached"
        return None

    def _asked(self) -> bool:
        if len(self._wishes) < _LAG:
            return False
        wish = self._wishes[0].numpy()[self._function.names.index(ASKED)]
        return wish > 0

    # ------------------------------------------------------------------------ validations

    def _due(self) -> bool:
        if not self._every or not self.step or self._validated == self.step:
            return False
        return self.step % self._every == 0 or self.step == self._steps

    def _validate(self, batches: Prefetcher) -> None:
        self._settle()
        begun = time.monotonic()
        try:
            limit = self._time_limit
            if limit is not None and limit.remaining <= self._validation.seconds:
                raise Interrupted(f"the time limit is reached before the validation at {self.step}")
            metrics = self._measure()
        except Interrupted:
            # Where a host that died is the reason, there is nobody to tell.
            with contextlib.suppress(tf.errors.OpError):
                self._hosts.agree(STOP)
            raise
        self._keeper.see(self.step, metrics, self._arrays.student)
        self._validated, self._exhausted = self.step, self._keeper.exhausted
        self._hosts.agree(EXHAUSTED if self._exhausted else CONTINUE)
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
            "loss_scale": saved(self._function.state),
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
        self._hosts.agree(-1 if checkpoint is None else checkpoint.step)
        if checkpoint is None:
            return 0
        self._take(checkpoint)
        self._progress.say(f"going on from step {self.step} of {self._steps}")
        return checkpoint.state["history"]["bytes"]

    def _take(self, checkpoint: Checkpoint) -> None:
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
        self._function.state = restored(state["loss_scale"])
        self._keeper.restore(state["keeper"])
        self._validated, self._exhausted = self._keeper.validated, self._keeper.exhausted

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
        save_weights(self._distiller.student, self._folder / WEIGHTS, self._kept_elsewhere)
