"""The loss and the gradients of a slice of a step's batch, and of several slices in turn."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfkd.layers import dropout_key
from tfkd.objectives.term import GROUPS
from tfkd.training.optimization.combiners import Combiner
from tfkd.training.optimization.gradients import dense

Batch = Mapping[str, Any]
Scalars = dict[str, tf.Tensor]
# The gradients that exist, group by group, and the additive statistics.
Added = tuple[list[tf.Tensor], tf.Tensor]
# The most statistics of a step that is made in micro-batches.
_ROOM = 512


class SliceGradients:
    """The loss and the gradients of a slice of the batch: called, the gradients that exist, group
    by group, and the additive statistics.

    Args:
        distiller: Gives `objective`.
        parameters: What is differentiated.
        counts: Each term's normalizer in the whole step.
        groups: The groups of terms that are differentiated apart.
        loss_scale: What is differentiated is the loss times this; gradients are divided by it.

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

    def __call__(self, part: Batch, key: tf.Tensor) -> Added:
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


def groups_of(terms: Sequence[Any], combiner: Combiner) -> list[str]:
    """The groups that are differentiated apart; one, "all", where none are."""
    if not combiner.grouped:
        return ["all"]
    return [group for group in GROUPS if any(term.group == group for term in terms)]


def added(slices: Sequence[Added]) -> Added:
    """Gradients and statistics of several slices, added up."""
    if len(slices) == 1:
        return slices[0]
    gradients, sums = zip(*slices, strict=True)
    return [tf.add_n(same) for same in zip(*gradients, strict=True)], tf.add_n(sums)


def accumulated(one: Callable[[Any], Added], work: SliceGradients, micro_batches: int) -> Added:
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
