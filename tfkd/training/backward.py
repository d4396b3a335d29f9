"""What each replica computes by itself in a step: the loss of its rows, and its gradients."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.layers import dropout_key
from tfkd.layers.fusion import fusing
from tfkd.objectives.term import GROUPS
from tfkd.training.combiners import Combiner
from tfkd.training.dropout_keys import slice_key
from tfkd.training.gradients import dense
from tfkd.training.parameters import Parameter

Batch = Mapping[str, Any]
Scalars = dict[str, tf.Tensor]
# The most statistics of a step that is made in micro-batches.
_ROOM = 512


class Share(NamedTuple):
    """One replica's share in a step.

    Attributes:
        gradients: For each group of terms, a gradient for each parameter; None where no term of the
            group reaches it.
        sums: Statistics that are added up over replicas: "loss", "sum/TERM", "metric_sum/NAME",
            "metric_count/NAME".
        counts: Each term's normalizer in the whole step, the same on every replica.
    """

    gradients: dict[str, list[tf.Tensor | None]]
    sums: Scalars
    counts: Scalars


class Backward:
    """The forward and backward passes over one replica's rows, in micro-batches.

    Nothing in here speaks with other replicas, so that XLA can compile all of it: an exchange
    inside of a compiled function would mix the devices of several replicas.

    Args:
        distiller: Gives `terms`, `counts` and `objective`.
        parameters: What is differentiated.
        combiner: Says whether groups of terms are differentiated apart.
        micro_batches: Parts that the replica's rows are taken in, one after the other.
        streams: Parts of a micro-batch that nothing orders, so that a CPU's cores can take one
            each; 1 with `jit_compile`, since XLA has one order for all that it compiles.
        jit_compile: Compile it by XLA, once for each device and shape of batch.
        fuse: Compile chains of elementwise operations alone; see `tfkd.layers.fusion.fusing`.

    Attributes:
        slices: Parts that a replica's rows are taken in, and must be a multiple of.
    """

    def __init__(
        self,
        distiller: Any,
        parameters: Sequence[Parameter],
        combiner: Combiner,
        *,
        micro_batches: int = 1,
        streams: int = 1,
        jit_compile: bool = False,
        fuse: bool = False,
    ):
        self._distiller, self._parameters = distiller, parameters
        self._groups = _groups(distiller.terms, combiner)
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
        replica: Any = 0,
        replicas: int = 1,
        loss_scale: tf.Tensor | None = None,
    ) -> Share:
        """The share of one replica.

        Args:
            batch: The whole step's batch. Its rows must be a multiple of replicas times
                `slices`; replica i takes the i-th block of them.
            key: int32 `[2]`: the step's dropout key.
            replica: The replica's number.
            replicas: How many there are.
            loss_scale: What is differentiated is the loss times this, and gradients are divided by
                it in float32.
        """
        with fusing(self._fuse):
            return self._share(batch, key, replica, replicas, loss_scale)

    def _of_replica(self, batch, key, replica, replicas, loss_scale) -> Share:
        counts = self._distiller.counts(batch)
        slices = replicas * self.slices
        rows = tf.shape(tf.nest.flatten(batch)[0])[0] // slices
        work = _Slice(self._distiller, self._parameters, counts, self._groups, loss_scale)

        def one(micro: int | tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            if slices == 1:
                return work(batch, key)
            first = (replica * self._micro_batches + micro) * self._streams
            return _added([of_slice(first + stream) for stream in range(self._streams)])

        def of_slice(number: int | tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            number = tf.cast(number, tf.int32)
            part = tf.nest.map_structure(lambda x: _block(x, number, rows), batch)
            return work(part, slice_key(key, number))

        if self._micro_batches == 1:
            gradients, sums = one(0)
        else:
            gradients, sums = _accumulate(one, work, self._micro_batches)
        named = zip(work.names, tf.unstack(sums, num=len(work.names)), strict=True)
        return Share(work.by_group(gradients), dict(named), counts)


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


class _Slice:
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
        values = [parameter.value for parameter in self._parameters]
        apart = len(self._groups) > 1
        # One forward pass for all groups, which may share views. What is frozen is not watched: no
        # gradient is computed below the lowest trained layer.
        with (
            tf.GradientTape(persistent=apart, watch_accessed_variables=False) as tape,
            dropout_key(key),
        ):
            tape.watch(values)
            result = self._distiller.objective(part, self._counts, training=True, apart=apart)
        gradients = []
        for group in self._groups:
            loss = result.by_group[group] if apart else result.loss
            found = [
                self._unscaled(dense(gradient, value.shape))
                for gradient, value in zip(tape.gradient(loss, values), values, strict=True)
            ]
            self._reached[group] = [gradient is not None for gradient in found]
            gradients += [gradient for gradient in found if gradient is not None]
        statistics = {"loss": self._unscaled(result.loss)}
        statistics |= {f"sum/{name}": value for name, value in result.sums.items()}
        for name, (value, count) in result.metrics.items():
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


def _groups(terms: Sequence[Any], combiner: Combiner) -> list[str]:
    """The groups that are differentiated apart; one, "all", where none are."""
    if not combiner.grouped:
        return ["all"]
    return [group for group in GROUPS if any(term.group == group for term in terms)]


def _accumulate(one, work: _Slice, micro_batches: int) -> tuple[list[tf.Tensor], tf.Tensor]:
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
