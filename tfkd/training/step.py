"""One training step, as one of several replicas makes it."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.layers import dropout_key
from tfkd.training.combiners import Combiner, Sum
from tfkd.training.dropout_keys import slice_key
from tfkd.training.gradients import clipped, dense, global_norm
from tfkd.training.parameters import Parameter

Batch = Mapping[str, Any]
Scalars = dict[str, tf.Tensor]
# The most statistics of a step that is made in micro-batches.
_ROOM = 512


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
    streams: int = 1,
    loss_scale: tf.Tensor | None = None,
    more: Mapping[str, tf.Tensor] | None = None,
) -> StepResult:
    """Computes the gradient of a step up to its application.

    Loss = sum_i weight_i * sum_i / N_i, with N_i counted in the whole batch before the backward
    pass, so that gradients of slices are only summed. The order: for each group of terms, make
    dense, accumulate over this replica's micro-batches, sum over replicas; then combine; then clip.

    Args:
        distiller: Gives `terms`, `counts` and `objective`.
        parameters: What is differentiated.
        batch: The whole step's batch, of all replicas. Its rows must be a multiple of replicas
            times micro-batches times streams; replica i takes the i-th block of them.
        key: int32 `[2]`: the step's dropout key.
        combiner: How groups become one gradient; None: their sum.
        clip_norm: The largest norm of the combined gradient.
        micro_batches: Parts that the replica's rows are taken in, one after the other.
        streams: Parts of a micro-batch that nothing orders, so that a CPU's cores can take one
            each.
        loss_scale: float32 scalar: what is differentiated is the loss times this, and gradients are
            divided by it in float32; for backward passes in float16.
        more: float32 scalars of this replica by name; their sums over replicas join the statistics.
    """
    combiner = combiner or Sum()
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    replica = context.replica_id_in_sync_group if replicas > 1 else 0
    counts = distiller.counts(batch)
    rows = tf.shape(tf.nest.flatten(batch)[0])[0] // (replicas * micro_batches * streams)
    groups = _groups(distiller.terms, combiner)
    work = _Backward(distiller, parameters, counts, groups, loss_scale)

    def one(micro: int | tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        if replicas * micro_batches * streams == 1:
            return work(batch, key)
        first = (replica * micro_batches + micro) * streams
        return _added([slice_of_step(first + stream) for stream in range(streams)])

    def slice_of_step(number: int | tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        number = tf.cast(number, tf.int32)
        part = tf.nest.map_structure(lambda x: _block(x, number, rows), batch)
        return work(part, slice_key(key, number))

    gradients, sums = one(0) if micro_batches == 1 else _accumulate(one, work, micro_batches)
    more = more or {}
    sums = tf.concat([sums, tf.stack(list(more.values()))], 0) if more else sums
    if replicas > 1:
        *gradients, sums = context.all_reduce(tf.distribute.ReduceOp.SUM, [*gradients, sums])
    combined = combiner(work.by_group(gradients), parameters)
    norm = global_norm(combined.gradients)
    names = [*work.names, *more]
    statistics = dict(zip(names, tf.unstack(sums, num=len(names)), strict=True))
    statistics |= {f"count/{name}": count for name, count in counts.items()}
    statistics["norm"] = norm
    statistics |= {
        f"combiner/{name}": tf.cast(value, tf.float32) for name, value in combined.metrics.items()
    }
    return StepResult(
        clipped(combined.gradients, norm, clip_norm),
        statistics,
        tf.math.is_finite(norm) & tf.math.is_finite(statistics["loss"]),
    )


def _added(
    slices: Sequence[tuple[list[tf.Tensor], tf.Tensor]],
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Gradients and statistics of several slices, added up."""
    if len(slices) == 1:
        return slices[0]
    gradients, sums = zip(*slices, strict=True)
    return [tf.add_n(same) for same in zip(*gradients, strict=True)], tf.add_n(sums)


def _block(values: tf.Tensor, number: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Rows `number * rows` to `(number + 1) * rows`, of a shape known to XLA, unlike a slice."""
    values = tf.convert_to_tensor(values)
    blocks = tf.reshape(values, tf.concat([[-1, rows], tf.shape(values)[1:]], 0))
    return tf.ensure_shape(blocks[number], [None, *values.shape[1:]])


class _Backward:
    """The loss and the gradients of one slice of the batch.

    Called, it returns the gradients that exist, group by group, and the additive statistics.

    Attributes:
        names: Names of the additive statistics, known once it was called.
    """

    def __init__(self, distiller, parameters, counts, groups, loss_scale=None):
        self._distiller, self._parameters = distiller, parameters
        self._groups = groups
        # Divisors scaled down scale every term up, from its first derivative on.
        self._unscale = None if loss_scale is None else 1.0 / loss_scale
        self._counts = counts
        if loss_scale is not None:
            self._counts = {name: count * self._unscale for name, count in counts.items()}
        self._reached: dict[str, list[bool]] = {}
        self.names: list[str] = []

    def __call__(self, part: Batch, key: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        gradients, statistics = [], {"loss": tf.constant(0.0)}
        values = [parameter.value for parameter in self._parameters]
        for group, terms in self._groups.items():
            # What is frozen is not watched: no gradient is computed below the lowest trained layer.
            with (
                tf.GradientTape(watch_accessed_variables=False) as tape,
                dropout_key(key),
            ):
                tape.watch(values)
                loss, sums, metrics = self._distiller.objective(
                    part, self._counts, training=True, terms=terms
                )
            found = [
                self._unscaled(dense(gradient, value.shape))
                for gradient, value in zip(tape.gradient(loss, values), values, strict=True)
            ]
            self._reached[group] = [gradient is not None for gradient in found]
            gradients += [gradient for gradient in found if gradient is not None]
            statistics["loss"] += self._unscaled(loss)
            statistics |= {f"sum/{name}": value for name, value in sums.items()}
            for name, (value, count) in metrics.items():
                statistics[f"metric_sum/{name}"] = value
                statistics[f"metric_count/{name}"] = count
        self.names = list(statistics)
        return gradients, tf.stack([tf.cast(value, tf.float32) for value in statistics.values()])

    def _unscaled(self, value: tf.Tensor | None) -> tf.Tensor | None:
        return value if value is None or self._unscale is None else value * self._unscale

    def zeros(self) -> list[tf.Tensor]:
        """A gradient of 0 for each group and parameter."""
        shapes = [parameter.value.shape for parameter in self._parameters]
        return [tf.zeros(shape) for _ in self._groups for shape in shapes]

    def filled(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """What a call returned, with 0 for each group and parameter that is not reached."""
        rest = iter(gradients)
        return [
            next(rest) if there else zero
            for there, zero in zip(self._all_reached(), self.zeros(), strict=True)
        ]

    def reached(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The inverse of `filled`."""
        return list(itertools.compress(gradients, self._all_reached()))

    def _all_reached(self) -> list[bool]:
        return [there for reached in self._reached.values() for there in reached]

    def by_group(self, gradients: Sequence[tf.Tensor]) -> dict[str, list[tf.Tensor | None]]:
        """The flat list of gradients by group, with None where a group does not reach."""
        rest = iter(gradients)
        return {
            group: [next(rest) if there else None for there in reached]
            for group, reached in self._reached.items()
        }


def _groups(terms: Sequence[Any], combiner: Combiner) -> dict[str, list[Any]]:
    if not combiner.grouped:
        return {"all": list(terms)}
    groups: dict[str, list[Any]] = {"main": [], "auxiliary": []}
    for term in terms:
        groups[term.group].append(term)
    return {group: members for group, members in groups.items() if members}


def _accumulate(one, work: _Backward, micro_batches: int) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Sums `one(j)` over the micro-batches, one after the other.

    A loop in the graph, not in Python: the graph stays as large as that of one micro-batch, and no
    two of them hold their activations at once. Which weights are reached and which statistics there
    are is only known when the body was traced, so the loop carries room for all.
    """

    def body(micro, gradients, sums):
        found, statistics = one(micro)
        filled = work.filled(found)
        statistics = tf.pad(statistics, [[0, _ROOM - len(work.names)]])
        return micro + 1, list(map(tf.add, gradients, filled)), sums + statistics

    _, gradients, sums = tf.while_loop(
        lambda micro, *_: micro < micro_batches,
        body,
        (tf.constant(0), work.zeros(), tf.zeros([_ROOM])),
        parallel_iterations=1,
        maximum_iterations=micro_batches,
    )
    return work.reached(gradients), sums[: len(work.names)]
