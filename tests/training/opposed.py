"""Rows whose halves disagree about the sign of <main, auxiliary>: one gate opens, one closes."""

import keras
import numpy as np
import tensorflow as tf

from tfkd.objectives import Objective
from tfkd.training import Distiller, GatedGradients

# Gradients of the two losses by each row, for two modules of two weights: the first two rows are
# the first replica's. Whole step "open": (1, 1) . (1, -0.5) > 0, though the second half says -0.5;
# "shut": (1, 1) . (-1, 0.5) < 0, though the second half says 0.5.
MAIN = np.array([[1, 0], [0, 0], [0, 1], [0, 0]], np.float32)
OPEN = np.array([[1, 0], [0, 0], [0, -0.5], [0, 0]], np.float32)
GATED = {"open.layer_1": 0.0, "shut.layer_1": 1.0}


class Rows:
    """The same four rows each time."""

    batches_per_epoch = 1

    def batch(self, number):
        return {"examples": np.arange(4), "main": MAIN, "auxiliary": OPEN}


class Linear(keras.Model):
    """Two modules of two weights."""

    def __init__(self):
        super().__init__(name="linear")
        self.blocks = []
        for name in GATED:
            layer = keras.layers.Layer(name=name)
            layer.add_weight((2,), initializer="ones", name="weight")
            layer.built = True
            self.blocks.append(layer)
        self.built = True

    @property
    def weight_of(self):
        return [layer.weights[0] for layer in self.blocks]


class Share(keras.layers.Layer):
    """One of the two losses, linear in the weights."""

    kind = "fake"

    def __init__(self, group):
        super().__init__(name=group, dtype="float32")
        self.group, self.view, self.weight = group, "main", 1.0

    def count(self, batch):
        return tf.reduce_sum(tf.ones_like(batch["examples"], tf.float32)) / 4.0


class Opposed(Distiller):
    """Both losses are sums over rows of gradient . weight; the second module has the auxiliary's
    sign turned."""

    def objective(self, batch, counts, *, training, apart=False):
        one, other = (tf.convert_to_tensor(weight) for weight in self.student.weight_of)
        losses = {
            "main": tf.reduce_sum(batch["main"] * (one + other)),
            "auxiliary": tf.reduce_sum(batch["auxiliary"] * (one - other)),
        }
        losses = {group: loss / counts[group] for group, loss in losses.items()}
        return Objective(tf.add_n(list(losses.values())), losses, {}, losses)


def distiller():
    """The two modules with their two losses."""
    return Opposed(Linear(), [Share("main"), Share("auxiliary")], GatedGradients())
