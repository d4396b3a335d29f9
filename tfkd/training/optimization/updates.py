"""The updates of a training: made call by call, and told of when they are read back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.training.divergence import StepTooLarge, diverged
from tfkd.training.optimization.loss_scale import restored, saved
from tfkd.training.optimization.schedules import Schedule
from tfkd.training.statistics import Totals, line_of
from tfkd.training.step_function import StepFunction, filled_to_multiple, tokens_in


class Updates:
    """Makes updates without waiting for the device, and adds up their statistics.

    Args:
        function: Makes steps.
        batcher: Gives `batch(n)`.
        schedule: Learning rate of update 1, 2, ...
        view: The view whose tokens count; None: the batch's first.
        folder: Where the batch of an update that is not finite goes; None: another host writes it.

    Attributes:
        step: Updates made so far, over all attempts.
        tokens: Tokens of their batches.
    """

    def __init__(
        self,
        function: StepFunction,
        batcher: Any,
        schedule: Schedule,
        view: str | None,
        folder: Path | None,
    ):
        self._function, self._batcher = function, batcher
        self._schedule, self._view, self._folder = schedule, view, folder
        self._totals = Totals()
        self.step, self.tokens = 0, 0

    def prepare(self, batch: Any) -> tuple[Any, int]:
        """A batch as tensors, its rows a multiple of the step's slices; and its tokens."""
        tokens = tokens_in(batch, self._view)
        batch = filled_to_multiple(batch, self._function.slices)
        return tf.nest.map_structure(tf.convert_to_tensor, batch), tokens

    def make(self, taken: Sequence[tuple[Any, int]]) -> tf.Tensor:
        """Makes one update a batch, all by one call.

        Args:
            taken: What `prepare` returned.

        Returns:
            The last one's statistics, still on the device.

        Raises:
            StepTooLarge: It does not fit into a device's memory.
        """
        first = self.step + 1
        rates = [self._schedule(first + number) for number in range(len(taken))]
        try:
            vectors = self._function.steps([batch for batch, _ in taken], first, rates)
        except tf.errors.ResourceExhaustedError as error:
            raise StepTooLarge(str(error).partition("\n")[0][:200]) from error
        for vector in vectors:
            self._totals.add(vector)
        self.step += len(taken)
        self.tokens += sum(tokens for _, tokens in taken)
        return vectors[-1]

    def settle(self) -> None:
        """Waits for the updates under way and reads their statistics.

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
                self._folder,
            )
        self._totals.settle()

    def line(self) -> dict[str, Any]:
        """The means over the updates since the last `clear`, for the history; settled before."""
        return {
            **line_of(self._totals, self._function.names),
            "learning_rate": self._schedule(self.step),
            "tokens": self.tokens,
        }

    def loss_scale(self) -> dict[str, Any]:
        """The loss's scale and the updates that it skipped; empty where it is not scaled."""
        if not self._function.scales:
            return {}
        state = self._function.state
        return {"loss_scale": float(state.scale), "skipped_steps": int(state.skipped)}

    def clear(self) -> None:
        """Starts the means anew."""
        self._totals.clear()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the step."""
        return {
            "tokens": self.tokens,
            "totals": self._totals.state(),
            "loss_scale": saved(self._function.state),
        }

    def restore(self, step: int, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.step, self.tokens = step, state["tokens"]
        self._totals.restore(state["totals"])
        self._function.state = restored(state["loss_scale"])
