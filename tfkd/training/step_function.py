"""The step as a graph: on one device, or on the replicas of a strategy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfkd.objectives.term import predicted_side
from tfkd.training.dropout_keys import step_key
from tfkd.training.optimization.loss_scale import LossScale, StepState, loss_scale_of
from tfkd.training.optimization.optimizers import Optimizer
from tfkd.training.optimization.slices import Batch
from tfkd.training.step import Step

# Entries of the statistics beside the objective's: 1 where the step was skipped, and how many
# replicas belong to hosts that want to stop.
SKIPPED, ASKED = "skipped", "asked"


class StepFunction:
    """Makes steps, without waiting for them.

    A step whose loss or gradient is not finite is not applied, and neither is any after it: the
    weights stay as they were before it, and its number comes back, at no cost to the steps before.
    In float16, where the loss is scaled, an overflow only skips the step; see `LossScale`.

    Args:
        distiller: What is trained.
        optimizer: Built.
        strategy: Where the replicas are.
        seed: Seed of dropout.
        loss_scale: The rule of the loss's scale; None: what the student's precision needs.
        how: How each replica makes its rows' share, `micro_batches` and the like; see `Step`.

    Attributes:
        names: Names of the entries of the statistics' vector; known after the first step.
        state: What the last step handed to the next, still on the device.
        asks_to_stop: Whether this host wants to stop; each step tells the others.
    """

    def __init__(
        self,
        distiller: Any,
        optimizer: Optimizer,
        *,
        strategy: tf.distribute.Strategy,
        seed: int = 1,
        loss_scale: LossScale | None = None,
        **how: Any,
    ):
        self._optimizer, self._strategy = optimizer, strategy
        self._seed = seed
        self._functions: dict[int, Any] = {}
        self._step = Step(distiller, clip_norm=optimizer.clip_norm, **how)
        self.names: list[str] = []
        self.asks_to_stop = False
        self._loss_scale = loss_scale or loss_scale_of(distiller.student)
        self.state = self._loss_scale.start()

    @property
    def scales(self) -> bool:
        """Whether the loss is scaled, and steps may be skipped."""
        return self._loss_scale.interval is not None

    @property
    def slices(self) -> int:
        """What a batch's rows must be a multiple of."""
        return self._strategy.num_replicas_in_sync * self._step.slices

    def __call__(self, batch: Batch, update: int, rate: float) -> tf.Tensor:
        """Makes step number `update` (from 1) and returns its statistics, still on the device."""
        return self.steps([batch], update, [rate])[0]

    def steps(
        self, batches: Sequence[Batch], first: int, rates: Sequence[float]
    ) -> list[tf.Tensor]:
        """Makes some steps by one call, and returns the statistics of each.

        Args:
            batches: One a step.
            first: The number of the first step, from 1.
            rates: One a step.
        """
        count = len(batches)
        if count not in self._functions:
            self._functions[count] = self._build(batches)
        keys = [step_key(self._seed, first + number) for number in range(count)]
        statistics, *state = self._functions[count](
            list(batches),
            np.stack(keys),
            np.asarray(rates, np.float32),
            np.int64(first),
            self.state,
            np.float32(self.asks_to_stop),
        )
        self.state = StepState(*state)
        return list(statistics)

    def _build(self, batches: Sequence[Batch]) -> Any:
        whole = tf.TensorSpec([], tf.int64)
        real = tf.TensorSpec([], tf.float32)
        # Lengths and rows vary from batch to batch; with them open nothing is traced twice.
        signature = [
            tf.nest.map_structure(_open_spec, list(batches)),
            tf.TensorSpec([len(batches), 2], tf.int32),
            tf.TensorSpec([len(batches)], tf.float32),
            whole,
            StepState(whole, whole, whole, real),
            real,
        ]
        return tf.function(self._steps, input_signature=signature, autograph=False)

    def _steps(self, batches, keys, rates, first, state, asked):
        local = self._strategy.experimental_local_results
        statistics = []
        # One graph after the other, not a loop: shapes differ from batch to batch.
        for number, batch in enumerate(batches):
            update = first + number
            arguments = (batch, keys[number], rates[number], update, state, asked)
            results = self._strategy.run(self._replica, args=arguments)
            vector, *rest = (local(result)[0] for result in results)
            state = StepState(*rest)
            statistics.append(vector)
        return tuple(statistics), *state

    def _replica(self, batch, key, rate, update, state, asked):
        scale = state.scale if self.scales else None
        result = self._step(batch, key, loss_scale=scale, more={ASKED: asked})
        after, applied = self._loss_scale.after(state, result.finite, update)

        def apply() -> tf.Tensor:
            # A skipped step is none of the optimizer's: its corrections count those applied.
            self._optimizer.apply(result.gradients, rate, update - state.skipped)
            return tf.constant(True)

        tf.cond(applied, apply, lambda: tf.constant(False))
        self.names = [*result.statistics, SKIPPED]
        skipped = tf.cast(after.skipped - state.skipped, tf.float32)
        statistics = tf.stack([*result.statistics.values(), skipped])
        # What a skipped step would count is not finite, and it taught nothing.
        told = tf.constant([name in (SKIPPED, ASKED) for name in self.names])
        return tf.where((skipped > 0.0) & ~told, tf.zeros_like(statistics), statistics), *after


def _open_spec(value: Any) -> tf.TensorSpec:
    value = tf.convert_to_tensor(value)
    rank = value.shape.rank
    return tf.TensorSpec([None] * min(rank, 2) + value.shape[2:].as_list(), value.dtype)


def filled_to_multiple(batch: Batch, multiple: int) -> Batch:
    """A batch with empty rows added until their number is a multiple.

    An empty row has `examples` -1 and everything else 0 or False: it is valid nowhere, selected
    nowhere, and every term's sum and count are what they were.
    """
    rows = len(tf.nest.flatten(batch)[0])
    missing = -rows % multiple
    if not missing:
        return batch

    def fill(value: Any) -> np.ndarray:
        value = np.asarray(value)
        return np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1))

    filled = tf.nest.map_structure(fill, batch)
    if "examples" in filled:
        filled["examples"][rows:] = -1
    return filled


def tokens_in(batch: Batch, view: str | None) -> int:
    """Real tokens of a batch that are predicted or could be: the target's, or the sequence's."""
    record = batch.get(view) if view else None
    if record is None:
        record = next(
            (r for r in batch.values() if isinstance(r, dict) and _valid(r) is not None), {}
        )
    valid = _valid(record)
    return 0 if valid is None else int(np.count_nonzero(valid))


def _valid(record: Any) -> Any:
    return predicted_side(record).get("valid") if isinstance(record, dict) else None
