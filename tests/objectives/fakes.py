"""Small stand-ins for models, so that objectives are tested alone."""

import numpy as np
import tensorflow as tf


class Head:
    """A head over given weights."""

    def __init__(self, matrix, bias):
        self.weights = (tf.Variable(matrix), tf.Variable(bias))

    def transform(self, hidden):
        return hidden

    def matrix(self):
        return tf.convert_to_tensor(self.weights[0])

    def bias(self):
        return tf.convert_to_tensor(self.weights[1])

    def logits(self, hidden):
        return tf.matmul(hidden, self.matrix(), transpose_b=True) + self.bias()


class TableModel:
    """Hidden states are looked up by id and position; counts its calls."""

    input_layout = "sequence"

    def __init__(self, size=11, width=5, length=12, seed=0):
        rng = np.random.default_rng(seed)

        def draw(*shape):
            return rng.normal(size=shape).astype(np.float32)

        self.table = tf.Variable(draw(size, width))
        self.places = tf.Variable(draw(length, width))
        self.head = Head(draw(size, width), draw(size))
        self.heads = {"words": self.head, "other": Head(draw(size, width), draw(size))}
        self.calls = []

    @property
    def variables(self):
        return [self.table, self.places, *self.head.weights]

    def __call__(self, record, training=False):
        self.calls.append(record)
        side = record.get("target", record)
        ids = tf.convert_to_tensor(side["ids"])
        hidden = tf.gather(self.table, ids) + self.places[: tf.shape(ids)[1]]
        return {"hidden": hidden, "embedding": hidden * 2}


def sequence_record(rng, lengths, width, size=11, share=0.6):
    """A sequence record of rows of the given lengths; filler rows have length 0."""
    lengths = np.asarray(lengths)
    valid = np.arange(width) < lengths[:, None]
    shape = (len(lengths), width)
    return {
        "ids": np.where(valid, rng.integers(1, size, shape), 0).astype(np.int32),
        "types": ((np.arange(width) >= lengths[:, None] // 2) & valid).astype(np.int32),
        "valid": valid,
        "labels": np.where(valid, rng.integers(1, size, shape), 0).astype(np.int32),
        "selected": valid & (rng.random(shape) < share),
    }


def pair_record(rng, lengths, width, size=11):
    """A pair record whose target has the given lengths, all of it selected."""
    sequence = sequence_record(rng, lengths, width, size)
    source = {"ids": sequence["ids"], "valid": sequence["valid"]}
    target = {name: sequence[name] for name in ("ids", "valid", "labels")}
    return {"source": source, "target": {**target, "selected": sequence["valid"].copy()}}
