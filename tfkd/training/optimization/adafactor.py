"""Adafactor: second moments by rows and columns, no first moments."""

from collections.abc import Sequence

import tensorflow as tf

from tfkd.training.optimization.parameters import Parameter


class Adafactor:
    """Adafactor, whose state is a row and a column for each matrix.

        r <- b r + (1 - b) sum_columns(g^2 + epsilon)     c <- b c + (1 - b) sum_rows(g^2 + epsilon)
        v = r c^T / sum(r)                        (vectors: v <- b v + (1 - b) (g^2 + epsilon))
        u = g / sqrt(v)                           u <- u / max(1, rms(u) / clip_threshold)
        w <- w - rate * decay * w                 (not biases, not normalizations)
        w <- w - rate * max(epsilon_weights, rms(w)) * u

    with b = 1 - t^(-beta_2_decay) at update t = 1, 2, ... The rate is relative to each weight's
    size; the paper's own is min(0.01, t^(-1/2)). Weights of more than two axes are factored over
    the last two.

    Gradients must be dense, float32, and already summed over all replicas: in a replica context
    each replica updates its own copy, all with the same numbers.

    Args:
        beta_2_decay: How fast b goes to 1.
        epsilon: Added to squared gradients.
        epsilon_weights: The least size that a weight counts as.
        clip_threshold: The largest root mean square of u.
        weight_decay: The decay's factor.
        clip_norm: The largest global norm of a step's gradient; None: as it comes. The step that
            reduces the gradients clips them; kept here as the spec names it here.

    Reference: Shazeer and Stern 2018, Adafactor, algorithms 4 and 5 (without momentum), section 8.
    """

    def __init__(
        self,
        beta_2_decay: float = 0.8,
        epsilon: float = 1e-30,
        epsilon_weights: float = 1e-3,
        clip_threshold: float = 1.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        self.beta_2_decay = beta_2_decay
        self.epsilon, self.epsilon_weights = epsilon, epsilon_weights
        self.clip_threshold, self.weight_decay = clip_threshold, weight_decay
        self.clip_norm = clip_norm
        self.slots: dict[str, tf.Variable] = {}
        self._parameters: list[Parameter] = []

    def build(self, parameters: Sequence[Parameter]) -> None:
        """Makes the slots of each weight, zero; call it in the strategy's scope."""
        self._parameters = list(parameters)
        for parameter in self._parameters:
            shape = list(parameter.variable.shape)
            shapes = {"v": shape}
            if len(shape) > 1:
                shapes = {"rows": shape[:-1], "columns": [*shape[:-2], shape[-1]]}
            for slot, size in shapes.items():
                self.slots[f"{parameter.path}/{slot}"] = tf.Variable(
                    tf.zeros(size, tf.float32), trainable=False, name=slot
                )

    def apply(
        self, gradients: Sequence[tf.Tensor | None], rate: tf.Tensor, update: tf.Tensor
    ) -> None:
        """Updates all weights once.

        Args:
            gradients: One for each weight that was built with, in that order; None leaves a weight
                as it is.
            rate: float32 scalar, the learning rate.
            update: Scalar, the number of this update, from 1.
        """
        beta_2 = 1.0 - tf.pow(tf.cast(update, tf.float32), -self.beta_2_decay)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is None:
                continue
            # Handles, not variables: see Adam.
            handle = parameter.value.handle
            weight = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)
            size = tf.maximum(self.epsilon_weights, _root_mean_square(weight))
            change = rate * size * self._direction(parameter, gradient, beta_2)
            if self.weight_decay and parameter.decayed:
                change += rate * self.weight_decay * weight
            tf.raw_ops.AssignSubVariableOp(resource=handle, value=change)

    def _direction(self, parameter: Parameter, gradient: tf.Tensor, beta_2: tf.Tensor) -> tf.Tensor:
        """u, after its slots were updated."""
        squared = tf.square(gradient) + self.epsilon

        def moved(slot: str, value: tf.Tensor) -> tf.Tensor:
            handle = self.slots[f"{parameter.path}/{slot}"].handle
            before = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)
            after = beta_2 * before + (1.0 - beta_2) * value
            tf.raw_ops.AssignVariableOp(resource=handle, value=after)
            return after

        if gradient.shape.rank > 1:
            # Means where the paper has sums: v is the same, and stays in float32's range.
            rows = moved("rows", tf.reduce_mean(squared, -1))
            columns = moved("columns", tf.reduce_mean(squared, -2))
            share = rows / tf.reduce_mean(rows, -1, keepdims=True)
            u = gradient * tf.math.rsqrt(share)[..., None] * tf.math.rsqrt(columns)[..., None, :]
        else:
            u = gradient * tf.math.rsqrt(moved("v", squared))
        return u / tf.maximum(1.0, _root_mean_square(u) / self.clip_threshold)


def _root_mean_square(value: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(value)))
