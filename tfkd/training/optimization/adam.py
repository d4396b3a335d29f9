"""Adam, the update of dense gradients."""

from collections.abc import Sequence

import tensorflow as tf

from tfkd.training.optimization.parameters import Parameter


class Adam:
    """Adam with decoupled weight decay and an optional bias correction.

        m <- beta_1 m + (1 - beta_1) g            v <- beta_2 v + (1 - beta_2) g^2
        w <- w - rate * decay * w                 (not biases, not normalizations)
        w <- w - rate * m' / (sqrt(v') + epsilon)

    with m' = m / (1 - beta_1^t) and v' = v / (1 - beta_2^t) at update t = 1, 2, ...; without the
    correction m' = m and v' = v, as BERT's own optimizer does it.

    Gradients must be dense, float32, and already summed over all replicas: in a replica context
    each replica updates its own copy, all with the same numbers.

    Args:
        beta_1: Decay of the mean of gradients.
        beta_2: Decay of the mean of squared gradients.
        epsilon: Added to the root.
        weight_decay: The decay's factor.
        bias_correction: Whether m and v are corrected for their start at 0.
        clip_norm: The largest global norm of a step's gradient; None: as it comes. The step that
            reduces the gradients clips them; kept here as the spec names it here.

    Reference: Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.98,
        epsilon: float = 1e-9,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        clip_norm: float | None = None,
    ):
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.weight_decay = weight_decay
        self.bias_correction = bias_correction
        self.clip_norm = clip_norm
        self.slots: dict[str, tf.Variable] = {}
        self._parameters: list[Parameter] = []

    def build(self, parameters: Sequence[Parameter]) -> None:
        """Makes the slots m and v of each weight, zero; call it in the strategy's scope."""
        self._parameters = list(parameters)
        for parameter in self._parameters:
            for slot in ("m", "v"):
                self.slots[f"{parameter.path}/{slot}"] = tf.Variable(
                    tf.zeros(parameter.variable.shape, tf.float32), trainable=False, name=slot
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
        count = tf.cast(update, tf.float32)
        one = tf.constant(1.0)
        power_1 = power_2 = tf.constant(0.0)
        epsilon = tf.constant(self.epsilon)
        if self.bias_correction:
            power_1, power_2 = tf.pow(self.beta_1, count), tf.pow(self.beta_2, count)
            # The fused operation adds epsilon to the root of the uncorrected v.
            epsilon *= tf.sqrt(one - power_2)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is None:
                continue
            # Handles, not variables: in a replica context a handle is that of the replica's own
            # copy, which is written without another reduction.
            handle = parameter.value.handle
            before = []
            if self.weight_decay and parameter.decayed:
                weight = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)
                before.append(
                    tf.raw_ops.AssignSubVariableOp(
                        resource=handle, value=rate * self.weight_decay * weight
                    )
                )
            with tf.control_dependencies(before):
                tf.raw_ops.ResourceApplyAdam(
                    var=handle,
                    m=self.slots[f"{parameter.path}/m"].handle,
                    v=self.slots[f"{parameter.path}/v"].handle,
                    beta1_power=power_1,
                    beta2_power=power_2,
                    lr=rate,
                    beta1=self.beta_1,
                    beta2=self.beta_2,
                    epsilon=epsilon,
                    grad=gradient,
                )
