"""A small BERT with every term over one sequence, on drawn sentences in the package's own views."""

import keras
import numpy as np
import tensorflow as tf

from tfkd.data.batches.batcher import build_batcher
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.models.bert import Bert
from tfkd.objectives import CausalLM, CrossEntropy, MaskedLM, Term
from tfkd.training import Distiller

VOCABULARY = 29
SPECIALS = {"t": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), VOCABULARY)}
VIEWS = {
    "plain": ("none", {}),
    "mlm": ("mlm", {"p": 0.3}),
    "cmlm": ("conditional_mlm", {"p": {"uniform": [0.15, 0.7]}}),
    "prefix": ("prefix_lm", {}),
    "spans": ("spans", {"p": 0.4}),
}


def batcher(pairs=38, sentences=7):
    """Batches of 7 rows, no multiple of any number of replicas, some of them empty.

    Of one shape, so that XLA compiles once.
    """
    draw = np.random.default_rng(5)
    fields = {
        (side, "t"): Ragged.from_rows(
            [draw.integers(5, VOCABULARY, draw.integers(1, 4)) for _ in range(pairs)]
        )
        for side in ("source", "target")
    }
    return build_batcher(
        ExampleSet([Part("train", fields, pairs)]),
        {
            name: build_view(kind, {"text": "t"}, SPECIALS, name=name, **options)
            for name, (kind, options) in VIEWS.items()
        },
        size=sentences,
        unit="sentences",
        seed=3,
        pad_to=12,
        fixed_widths=True,
    )


class RowLength(Term):
    """Squared error of each row's length, read off its first state by weights of the term's own."""

    def __init__(self, **options):
        super().__init__(name="length", divide_by="rows", **options)
        self.read = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.RandomNormal(seed=4), name="read"
        )
        self.read.build((None, 8))

    def call(self, states, batch):
        length = tf.reduce_sum(tf.cast(batch[self.view]["valid"], tf.float32), -1)
        error = self.read(tf.cast(states["hidden"], tf.float32)[:, 0])[:, 0] - length / 10
        return tf.reduce_sum(tf.where(length > 0, error**2, 0.0))


def terms():
    """Terms on all views, each with a normalizer of its own."""
    return [
        MaskedLM(view="mlm", weight=0.4, label_smoothing=0.1, smoothing="fairseq"),
        MaskedLM(name="conditional", view="cmlm", weight=0.5, divide_by="target_tokens"),
        MaskedLM(name="spans", view="spans", weight=0.2),
        CausalLM(view="prefix", weight=0.3, divide_by="tokens"),
        CrossEntropy(name="whole", weight=0.2, divide_by="selected", label_smoothing=0.2),
        RowLength(view="cmlm", weight=0.1, group="auxiliary"),
    ]


def student(policy="float32", dropout=0.0):
    """A BERT of one layer."""
    return Bert(
        VOCABULARY,
        layers=1,
        width=8,
        heads=2,
        max_length=24,
        dropout=dropout,
        initializer_range=0.3,
        seed=3,
        dtype=policy,
    )


def distiller(policy="float32", dropout=0.0):
    """The BERT with its terms."""
    return Distiller(student(policy, dropout), terms())
