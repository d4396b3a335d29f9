"""A small Transformer with the terms that distil into it, on drawn ids."""

import numpy as np

from tfkd.models.transformer import Transformer
from tfkd.objectives import CrossEntropy, SoftTargets
from tfkd.training import Distiller

VOCABULARY = 23
TOP_K = 4


class PairBatcher:
    """Pairs of drawn ids in two views, with stored targets; the last row is empty.

    Uneven, the last batch of an epoch has one row, and some rows of the store are missing.
    """

    batches_per_epoch = 5

    def __init__(self, rows=5, length=7, uneven=False):
        self.rows, self.length, self.uneven = rows, length, uneven

    def _pair(self, draw, real):
        sides = {}
        for side in ("source", "target"):
            lengths = draw.integers(1, self.length + 1, self.rows)
            lengths[real:] = 0
            valid = np.arange(self.length) < lengths[:, None]
            ids = draw.integers(1, VOCABULARY, (2, self.rows, self.length), np.int32) * valid
            sides[side] = {"ids": ids[0], "valid": valid}
        return sides, ids[1]

    def batch(self, number):
        draw = np.random.default_rng(number)
        batch = {"examples": np.arange(self.rows)}
        last = number % self.batches_per_epoch == self.batches_per_epoch - 1
        real = 1 if self.uneven and last else self.rows - 1
        batch["examples"][real:] = -1
        for view in ("plain", "other"):
            batch[view], labels = self._pair(draw, real)
            target = batch[view]["target"]
            target |= {"labels": labels, "selected": target["valid"]}
        shape = (self.rows, self.length, TOP_K)
        log_probabilities = np.log(draw.dirichlet(np.ones(TOP_K + 1), shape[:2])[..., :TOP_K])
        batch["stores"] = {
            "targets": {
                "ids": draw.permuted(np.arange(VOCABULARY))[:TOP_K] * np.ones(shape, np.int32),
                "log_probabilities": log_probabilities.astype(np.float16),
            }
        }
        batch["stores"]["targets"]["ids"] = batch["stores"]["targets"]["ids"].astype(np.int32)
        if self.uneven:
            batch["stores"]["targets"]["present"] = draw.random(shape[:2]) < 0.7
        return batch


def student(policy="float32", dropout=0.0):
    """A Transformer of one layer a side."""
    return Transformer(
        VOCABULARY,
        encoder_layers=1,
        decoder_layers=1,
        width=8,
        heads=2,
        dropout=dropout,
        seed=3,
        dtype=policy,
    )


def terms():
    """Three terms on two views, with three normalizers."""
    return [
        CrossEntropy(name="words", weight=0.5, label_smoothing=0.1),
        SoftTargets(name="soft", teacher="targets", weight=0.5, temperature=3.0),
        CrossEntropy(name="other", view="other", weight=0.3, divide_by="rows"),
    ]


def more_terms():
    """The same, and soft targets in their other form: two of them stand side by side."""
    hinton = SoftTargets(
        name="hinton", teacher="targets", weight=0.2, temperature=2.0, form="hinton", rest="bucket"
    )
    return [*terms(), hinton]


def distiller(policy="float32", dropout=0.0, terms=terms):
    """The student with its terms."""
    return Distiller(student(policy, dropout), terms())
