"""The step as a graph: on one device, or on the replicas of a strategy."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfkd.training.dropout_keys import step_key
from tfkd.training.optimizers import Optimizer
from tfkd.training.parameters import Parameter
from tfkd.training.step import Batch, replica_step


class StepFunction:
    """Makes steps, without waiting for them.

    A step whose loss or gradient is not finite is not applied, and neither is any after it: the
    weights stay as they were before it, and its number comes back, at no cost to the steps before.

    Args:
        distiller: What is trained.
        parameters: Its trained weights.
        optimizer: Built.
        strategy: Where the replicas are.
        micro_batches: Parts that each replica takes its rows in.
        seed: Seed of dropout.
        jit_compile: Compile each replica's step by XLA, anew for each shape of batch.

    Attributes:
        names: Names of the entries of the statistics' vector; known after the first step.
    """

    def __init__(
        self,
        distiller: Any,
        parameters: list[Parameter],
        optimizer: Optimizer,
        *,
        strategy: tf.distribute.Strategy,
        micro_batches: int = 1,
        seed: int = 1,
        jit_compile: bool = False,
    ):
        self._distiller, self._parameters = distiller, parameters
        self._optimizer, self._strategy = optimizer, strategy
        self._micro_batches, self._seed = micro_batches, seed
        self._function: Any = None
        self._made = self._replica
        if jit_compile:
            distiller.static_shapes = True
            self._made = tf.function(self._replica, jit_compile=True, autograph=False)
        self.names: list[str] = []
        self.failed: Any = np.int64(0)

    @property
    def slices(self) -> int:
        """What a batch's rows must be a multiple of."""
        return self._strategy.num_replicas_in_sync * self._micro_batches

    def __call__(self, batch: Batch, update: int, rate: float) -> tf.Tensor:
        """Makes step number `update` (from 1) and returns its statistics, still on the device.

        Attribute `failed` is then the number of the first step that was not finite, or 0, still on
        the device too.
        """
        if self._function is None:
            self._function = self._build(batch)
        statistics, self.failed = self._function(
            batch,
            step_key(self._seed, update),
            np.float32(rate),
            np.int64(update),
            self.failed,
        )
        return statistics

    def _build(self, batch: Batch) -> Any:
        scalar = tf.TensorSpec([], tf.int64)
        # Lengths and rows vary from batch to batch; with them open nothing is traced twice.
        signature = [
            tf.nest.map_structure(_open_spec, batch),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([], tf.float32),
            scalar,
            scalar,
        ]
        return tf.function(self._step, input_signature=signature, autograph=False)

    def _step(self, batch, key, rate, update, failed):
        results = self._strategy.run(self._made, args=(batch, key, rate, update, failed))
        return tuple(self._strategy.experimental_local_results(result)[0] for result in results)

    def _replica(self, batch, key, rate, update, failed):
        result = replica_step(
            self._distiller,
            self._parameters,
            batch,
            key,
            combiner=self._distiller.combiner,
            clip_norm=self._optimizer.clip_norm,
            micro_batches=self._micro_batches,
        )
        failed = tf.where((failed == 0) & ~result.finite, update, failed)

        def apply() -> tf.Tensor:
            self._optimizer.apply(result.gradients, rate, update)
            return tf.constant(True)

        tf.cond(failed == 0, apply, lambda: tf.constant(False))
        self.names = list(result.statistics)
        return tf.stack(list(result.statistics.values())), failed


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
    """Real tokens of a batch that are predicted or could be: the target's, or the stream's."""
    record = batch.get(view) if view else None
    if record is None:
        record = next(
            (r for r in batch.values() if isinstance(r, dict) and _valid(r) is not None), {}
        )
    valid = _valid(record)
    return 0 if valid is None else int(np.count_nonzero(valid))


def _valid(record: Any) -> Any:
    return record.get("target", record).get("valid") if isinstance(record, dict) else None
