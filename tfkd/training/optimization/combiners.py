"""How the gradients of several groups of terms become one."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

from tfkd.training.optimization.parameters import Parameter

# For each group, a gradient for each parameter; None where no term of the group reaches it.
Groups = Mapping[str, Sequence[tf.Tensor | None]]


class Combined(NamedTuple):
    """What a combiner returns.

    Attributes:
        gradients: One for each parameter; None leaves it as it is.
        metrics: Scalars for the history, such as the share of open gates.
    """

    gradients: list[tf.Tensor | None]
    metrics: dict[str, tf.Tensor]


class Combiner(Protocol):
    """Makes one gradient of the groups' gradients, inside the step, on reduced gradients.

    Attributes:
        grouped: Whether it needs each group's gradient apart, which costs a backward pass a group;
            if not, it is given one group "all".
    """

    grouped: bool

    def __call__(self, groups: Groups, parameters: Sequence[Parameter]) -> Combined:
        """Combines.

        Args:
            groups: Dense float32 gradients by group ("main", "auxiliary"), divided by their terms'
                counts and summed over all micro-batches and replicas.
            parameters: What the gradients belong to, in the same order.
        """


class Sum:
    """The gradient of the weighted sum of all terms."""

    grouped = False

    def __call__(self, groups: Groups, parameters: Sequence[Parameter]) -> Combined:
        def total(*gradients: tf.Tensor | None) -> tf.Tensor | None:
            reached = [gradient for gradient in gradients if gradient is not None]
            return tf.add_n(reached) if len(reached) > 1 else next(iter(reached), None)

        return Combined(list(map(total, *groups.values())), {})
