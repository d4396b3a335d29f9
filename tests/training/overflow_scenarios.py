"""Float16 steps, two of which overflow in one row; run as a script, since devices are set up once.

python overflow_scenarios.py OUTPUT.npz WAY...
"""

import sys

import numpy as np
import tensorflow as tf
from real_models import PairBatcher, student

from tfkd.objectives import CrossEntropy, Term
from tfkd.training import Adam, Distiller, build_strategy
from tfkd.training.step_function import StepFunction

STEPS = 18
# The first step of a call of three, and the last one.
SPIKED = (4, 9)
# Of 8 rows, one that the second of two replicas has, and the second of its two micro-batches.
ROW = 6

WAYS = {
    "one_device": {},
    "accumulated": {"micro_batches": 2},
    "several_steps_a_call": {"steps_a_call": 3},
    "two_replicas": {"replicas": 2},
    "two_replicas_accumulated": {"replicas": 2, "micro_batches": 2},
    "two_replicas_several_steps_a_call": {"replicas": 2, "steps_a_call": 3},
    # What the first of two replicas has, alone.
    "first_half": {"rows": slice(4)},
}


class Spiked(Term):
    """The states' size; its gradient is beyond float16's range where a row's `spike` is large."""

    kind = "spiked"

    def __init__(self):
        super().__init__(name="spiked", weight=0.1)

    def call(self, states, batch):
        sizes = tf.reduce_mean(tf.square(tf.cast(states["hidden"], tf.float32)), [1, 2])
        return tf.reduce_sum(sizes * batch["spike"])


class SpikedBatcher(PairBatcher):
    def __init__(self):
        super().__init__(rows=8)

    def batch(self, number):
        batch = super().batch(number)
        batch["spike"] = (batch["examples"] >= 0).astype(np.float32)
        if number in SPIKED:
            batch["spike"][ROW] = 1e6
        return batch


class CountingAdam(Adam):
    """Keeps the number that each replica's last update was given."""

    def build(self, parameters):
        super().build(parameters)
        self.count = tf.Variable(tf.constant(0, tf.int64), trainable=False)

    def apply(self, gradients, rate, update):
        super().apply(gradients, rate, update)
        tf.raw_ops.AssignVariableOp(resource=self.count.handle, value=update)


def steps(replicas=1, micro_batches=1, steps_a_call=1, rows=slice(None)):
    """Makes the steps; returns which were skipped, and what each replica has after each call."""
    strategy = build_strategy(replicas)
    optimizer = CountingAdam(clip_norm=1.0, epsilon=1e-4)
    with strategy.scope():
        model = Distiller(student("mixed_float16"), [CrossEntropy(name="words"), Spiked()])
        parameters = model.parameters
        optimizer.build(parameters)
    function = StepFunction(model, optimizer, strategy=strategy, micro_batches=micro_batches)
    variables = [*(p.value for p in parameters), *optimizer.slots.values()]
    skipped, counts, values = [], [], []
    for first in range(1, STEPS + 1, steps_a_call):
        numbers = range(first, first + steps_a_call)
        batches = [
            tf.nest.map_structure(lambda x: tf.convert_to_tensor(x[rows]), batcher.batch(number))
            for number in numbers
        ]
        vectors = function.steps(batches, first, [0.01] * steps_a_call)
        skipped += [vector.numpy()[function.names.index("skipped")] for vector in vectors]
        counts.append(local(strategy, optimizer.count))
        by_variable = [local(strategy, variable) for variable in variables]
        values.append(
            [np.concatenate([v.ravel() for v in copy]) for copy in zip(*by_variable, strict=True)]
        )
    return {
        "skipped": np.array(skipped),
        "state": np.array([float(value) for value in function.state]),
        "counts": np.array(counts),
        "values": np.array(values),
    }


def local(strategy, variable):
    return [copy.numpy() for copy in strategy.experimental_local_results(variable)]


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    batcher = SpikedBatcher()
    np.savez(
        sys.argv[1],
        **{
            f"{way}:{name}": value
            for way in sys.argv[2:]
            for name, value in steps(**WAYS[way]).items()
        },
    )
