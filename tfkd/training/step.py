"""One training step, as one of several replicas makes it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.layers.fusion import fusing
from tfkd.training.dropout_keys import slice_key
from tfkd.training.optimization.combiners import Combiner, Groups
from tfkd.training.optimization.gradients import clipped, global_norm
from tfkd.training.optimization.slices import (
    Added,
    Batch,
    Scalars,
    SliceGradients,
    accumulated,
    added,
    groups_of,
)


class StepResult(NamedTuple):
    """What a step leaves, the same on every replica.

    Attributes:
        gradients: The combined and clipped gradient of each parameter, or None.
        statistics: Scalars over the whole step: "loss", "norm" (before clipping), "sum/TERM",
            "count/TERM", "metric_sum/NAME", "metric_count/NAME", "combiner/NAME".
        finite: Whether loss and norm are.
    """

    gradients: Sequence[tf.Tensor | None]
    statistics: Scalars
    finite: tf.Tensor


class Step:
    """One replica's step, from a batch to the gradient that an optimizer applies.

    Loss = sum_i weight_i * sum_i / N_i, with N_i counted in the whole batch before the backward
    pass, so that gradients of slices are only summed. Where the distiller has `on_policy`, the
    batch may first get the student's own outputs. The order: for each group of terms, make
    dense, accumulate over this replica's micro-batches, sum over replicas; then combine; then clip.

    What comes before the sum over replicas speaks with none of them, so that XLA can compile all of
    it: an exchange inside of a compiled function would mix the devices of several replicas.

    Args:
        distiller: Gives `terms`, `counts`, `objective` and `parameters`.
        combiner: How groups become one gradient; None: the distiller's.
        clip_norm: The largest norm of the combined gradient.
        micro_batches: Parts that the replica's rows are taken in, one after the other.
        streams: Parts of a micro-batch that nothing orders, so that a CPU's cores can take one
            each; 1 with `jit_compile`, since XLA has one order for all that it compiles.
        jit_compile: Compile forward and backward passes by XLA, anew for each shape of batch.
        fuse: Compile chains of elementwise operations alone; see `tfkd.layers.fusion.fusing`.

    Attributes:
        parameters: What is differentiated.
        slices: Parts that a replica's rows are taken in, and must be a multiple of.
    """

    def __init__(
        self,
        distiller: Any,
        *,
        combiner: Combiner | None = None,
        clip_norm: float | None = None,
        micro_batches: int = 1,
        streams: int = 1,
        jit_compile: bool = False,
        fuse: bool = False,
    ):
        self._distiller, self.parameters = distiller, distiller.parameters
        self._combiner, self._clip_norm = combiner or distiller.combiner, clip_norm
        self._groups = groups_of(distiller.terms, self._combiner)
        self._micro_batches = micro_batches
        self._streams, self._fuse = (1, False) if jit_compile else (streams, fuse)
        self.slices = self._micro_batches * self._streams
        self._share = self._of_replica
        if jit_compile:
            distiller.static_shapes = True
            self._share = tf.function(self._of_replica, jit_compile=True, autograph=False)

    def __call__(
        self,
        batch: Batch,
        key: tf.Tensor,
        *,
        loss_scale: tf.Tensor | None = None,
        more: Mapping[str, tf.Tensor] | None = None,
    ) -> StepResult:
        """Makes it, up to the gradient's application.

        Args:
            batch: The whole step's batch, of all replicas. Its rows must be a multiple of replicas
                times `slices`; replica i takes the i-th block of them.
            key: int32 `[2]`: the step's dropout key.
            loss_scale: float32 scalar: what is differentiated is the loss times this, and gradients
                are divided by it in float32; for backward passes in float16.
            more: float32 scalars of this replica by name; their sums over replicas join the
                statistics.
        """
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        replica = context.replica_id_in_sync_group if replicas > 1 else 0
        if (own := getattr(self._distiller, "on_policy", None)) is not None:
            batch = own(self._distiller.student, batch, key)
        with fusing(self._fuse):
            groups, sums, counts = self._share(batch, key, replica, replicas, loss_scale)
        sums = {**sums, **(more or {})}
        if replicas > 1:
            groups, sums = _over_replicas(context, groups, sums)
        combined = self._combiner(groups, self.parameters)
        norm = global_norm(combined.gradients)
        told = {f"combiner/{n}": tf.cast(one, tf.float32) for n, one in combined.metrics.items()}
        statistics = {
            **sums,
            **{f"count/{name}": count for name, count in counts.items()},
            "norm": norm,
            **told,
        }
        return StepResult(
            clipped(combined.gradients, norm, self._clip_norm),
            statistics,
            tf.math.is_finite(norm) & tf.math.is_finite(statistics["loss"]),
        )

    def _of_replica(
        self, batch, key, replica, replicas, loss_scale
    ) -> tuple[Groups, Scalars, Scalars]:
        """One replica's gradients by group, its additive statistics, and the terms' normalizers in
        the whole step."""
        counts = self._distiller.counts(batch)
        slices = replicas * self.slices
        rows = tf.shape(tf.nest.flatten(batch)[0])[0] // slices
        work = SliceGradients(self._distiller, self.parameters, counts, self._groups, loss_scale)

        def one(micro: int | tf.Tensor) -> Added:
            if slices == 1:
                return work(batch, key)
            first = (replica * self._micro_batches + micro) * self._streams
            return added([of_slice(first + stream) for stream in range(self._streams)])

        def of_slice(number: int | tf.Tensor) -> Added:
            number = tf.cast(number, tf.int32)
            part = tf.nest.map_structure(lambda x: _block(x, number, rows), batch)
            return work(part, slice_key(key, number))

        if self._micro_batches == 1:
            gradients, sums = one(0)
        else:
            gradients, sums = accumulated(one, work, self._micro_batches)
        named = zip(work.names, tf.unstack(sums, num=len(work.names)), strict=True)
        return work.by_group(gradients), dict(named), counts


def _over_replicas(context: Any, groups: Groups, sums: Scalars) -> tuple[Groups, Scalars]:
    """Sums over replicas, in one exchange."""
    # Absent gradients are no leaves of the structure for an all-reduce, and scalars go as one.
    found = [gradient for group in groups.values() for gradient in group if gradient is not None]
    vector = tf.stack(list(sums.values()))
    *found, vector = context.all_reduce(tf.distribute.ReduceOp.SUM, [*found, vector])
    rest = iter(found)
    reduced = {
        name: [None if gradient is None else next(rest) for gradient in group]
        for name, group in groups.items()
    }
    return reduced, dict(zip(sums, tf.unstack(vector, num=len(sums)), strict=True))


def _block(values: tf.Tensor, number: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Rows `number * rows` to `(number + 1) * rows`, of a shape known to XLA, unlike a slice."""
    values = tf.convert_to_tensor(values)
    blocks = tf.reshape(values, tf.concat([[-1, rows], tf.shape(values)[1:]], 0))
    return tf.ensure_shape(blocks[number], [None, *values.shape[1:]])
