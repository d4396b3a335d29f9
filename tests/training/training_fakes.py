"""A tiny student, terms and batches, quick to trace."""

import keras
import numpy as np
import tensorflow as tf

from tfkd.layers import Dropout
from tfkd.objectives import Objective
from tfkd.training import Combined, Distiller

VOCABULARY, WIDTH = 11, 6


class Student(keras.Model):
    """Embeds ids, drops out, and gives logits; frozen parts and a state can be had."""

    def __init__(self, dropout=0.0, seed=0, name="student"):
        super().__init__(name=name)
        draw = keras.initializers.RandomNormal(stddev=0.5, seed=seed + 1)
        self.embedding = keras.layers.Embedding(
            VOCABULARY, WIDTH, embeddings_initializer=draw, name="embedding"
        )
        self.drop = Dropout(dropout, name="drop")
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.output_layer = keras.layers.Dense(
            VOCABULARY,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=seed + 2),
            name="output",
        )
        self.embedding.build((None, None))
        self.drop.build()
        self.norm.build((None, None, WIDTH))
        self.output_layer.build((None, None, WIDTH))
        self.built = True

    def call(self, ids, training=False):
        return self.output_layer(self.norm(self.drop(self.embedding(ids), training=training)))


class Term(keras.layers.Layer):
    """Cross-entropy over the selected positions of one view; may own a scale."""

    def __init__(self, name, view="plain", weight=1.0, rows=False, group="main", own=False):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.view, self.weight, self.rows, self.group = view, weight, rows, group
        self.kind = "fake"
        self.scale = self.add_weight((), initializer="ones", name="scale") if own else None

    def count(self, batch):
        if self.rows:
            return tf.reduce_sum(tf.cast(batch["examples"] >= 0, tf.float32))
        return tf.reduce_sum(tf.cast(batch[self.view]["selected"], tf.float32))

    def sum(self, logits, record):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(record["labels"], logits)
        if self.scale is not None:
            losses = losses * self.scale
        right = tf.argmax(logits, -1, output_type=tf.int32) == record["labels"]
        selected = tf.cast(record["selected"], tf.float32)
        accuracy = tf.reduce_sum(tf.cast(right, tf.float32) * selected)
        return tf.reduce_sum(losses * selected), (accuracy, tf.reduce_sum(selected))


class FakeDistiller(Distiller):
    """A distiller whose objective is the plain sum, without the pass over the vocabulary."""

    def objective(self, batch, counts, *, training, apart=False):
        losses, sums, metrics = {term.group: tf.zeros([]) for term in self.terms}, {}, {}
        for term in self.terms:
            record = batch[term.view]
            value, accuracy = term.sum(self.student(record["ids"], training=training), record)
            sums[term.name] = value
            metrics[f"{term.name}.accuracy"] = accuracy
            losses[term.group] += tf.math.divide_no_nan(term.weight * value, counts[term.name])
        return Objective(tf.add_n(list(losses.values())), sums, metrics, losses)


class Batcher:
    """Batch n as a pure function of (seed, n); widths vary, some rows are empty."""

    batches_per_epoch = 7

    def __init__(self, seed=0, rows=6, views=("plain", "masked"), poison=None, widths=(3, 7)):
        self.seed, self.rows, self.views, self.poison = seed, rows, views, poison
        self.widths = widths

    def batch(self, number):
        draw = np.random.default_rng([self.seed, number])
        length = int(draw.integers(self.widths[0], self.widths[1] + 1))
        batch = {"examples": draw.integers(0, 1000, self.rows)}
        batch["examples"][-1] = -1
        for view in self.views:
            lengths = draw.integers(1, length + 1, self.rows)
            lengths[-1] = 0
            valid = np.arange(length) < lengths[:, None]
            batch[view] = {
                "ids": draw.integers(0, VOCABULARY, (self.rows, length), np.int32),
                "labels": draw.integers(0, VOCABULARY, (self.rows, length), np.int32),
                "valid": valid,
                "selected": valid & (draw.random((self.rows, length)) < 0.7),
            }
        return batch


def two_terms(**options):
    """Terms with different views and normalizers."""
    return [
        Term("words", weight=0.5, **options),
        Term("masked", view="masked", weight=0.7, rows=True, group="auxiliary"),
    ]


def distiller(dropout=0.0, seed=0, terms=None, **options):
    """A fresh fake distiller."""
    return FakeDistiller(Student(dropout, seed), terms or two_terms(), **options)


def weights_of(model):
    """All weights by path, as NumPy arrays."""
    return {variable.path: variable.value.numpy() for variable in model.variables}


class Gate:
    """Adds the auxiliary gradient of a weight where its inner product with the main one is > 0."""

    grouped = True

    def __call__(self, groups, parameters):
        combined, opened = [], []
        for main, auxiliary in zip(groups["main"], groups["auxiliary"], strict=True):
            if main is None or auxiliary is None:
                combined.append(main if auxiliary is None else auxiliary)
                continue
            gate = tf.cast(tf.reduce_sum(main * auxiliary) > 0, tf.float32)
            opened.append(gate)
            combined.append(main + gate * auxiliary)
        return Combined(combined, {"open": tf.reduce_mean(tf.stack(opened))})
