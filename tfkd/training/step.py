"""One training step, as one of several replicas makes it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.training.backward import Backward, Batch, Scalars
from tfkd.training.combiners import Combiner, Sum
from tfkd.training.gradients import clipped, global_norm
from tfkd.training.parameters import Parameter


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


def replica_step(
    distiller: Any,
    parameters: Sequence[Parameter],
    batch: Batch,
    key: tf.Tensor,
    *,
    combiner: Combiner | None = None,
    clip_norm: float | None = None,
    micro_batches: int = 1,
    loss_scale: tf.Tensor | None = None,
    more: Mapping[str, tf.Tensor] | None = None,
    backward: Backward | None = None,
) -> StepResult:
    """Computes the gradient of a step up to its application.

    Loss = sum_i weight_i * sum_i / N_i, with N_i counted in the whole batch before the backward
    pass, so that gradients of slices are only summed. The order: for each group of terms, make
    dense, accumulate over this replica's micro-batches, sum over replicas; then combine; then clip.

    Args:
        distiller: Gives `terms`, `counts` and `objective`.
        parameters: What is differentiated.
        batch: The whole step's batch, of all replicas. Its rows must be a multiple of replicas
            times micro-batches; replica i takes the i-th block of them.
        key: int32 `[2]`: the step's dropout key.
        combiner: How groups become one gradient; None: their sum.
        clip_norm: The largest norm of the combined gradient.
        micro_batches: Parts that the replica's rows are taken in, one after the other.
        loss_scale: float32 scalar: what is differentiated is the loss times this, and gradients are
            divided by it in float32; for backward passes in float16.
        more: float32 scalars of this replica by name; their sums over replicas join the statistics.
        backward: What computes the replica's share, made once for many steps, with the same
            distiller, parameters, combiner and micro-batches; None: made for this step.
    """
    combiner = combiner or Sum()
    backward = backward or Backward(distiller, parameters, combiner, micro_batches=micro_batches)
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    replica = context.replica_id_in_sync_group if replicas > 1 else 0
    share = backward(batch, key, replica=replica, replicas=replicas, loss_scale=loss_scale)
    groups, sums = share.gradients, {**share.sums, **(more or {})}
    if replicas > 1:
        groups, sums = _over_replicas(context, groups, sums)
    combined = combiner(groups, parameters)
    norm = global_norm(combined.gradients)
    statistics = {
        **sums,
        **{f"count/{name}": count for name, count in share.counts.items()},
        "norm": norm,
        **{f"combiner/{n}": tf.cast(value, tf.float32) for n, value in combined.metrics.items()},
    }
    return StepResult(
        clipped(combined.gradients, norm, clip_norm),
        statistics,
        tf.math.is_finite(norm) & tf.math.is_finite(statistics["loss"]),
    )


def _over_replicas(
    context: Any, groups: dict[str, list[tf.Tensor | None]], sums: Scalars
) -> tuple[dict[str, list[tf.Tensor | None]], Scalars]:
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
