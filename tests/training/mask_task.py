"""A small Transformer that learns to translate and, from an online BERT, to fill in masks."""

import numpy as np

from tfkd.models.bert import Bert
from tfkd.models.transformer import Transformer
from tfkd.objectives import CrossEntropy, HiddenStates, OnlineTeacher, SoftTargets
from tfkd.training import Distiller, GatedGradients

SOURCES, TARGETS = 19, 13
CLS, SEP, MASK = 2, 3, 4


class PairAndMaskBatcher:
    """Pairs of drawn ids, and their sources with words hidden; the last row is empty.

    Uneven, the last batch of an epoch has one row.
    """

    batches_per_epoch = 5

    def __init__(self, rows=5, length=7, uneven=False):
        self.rows, self.length, self.uneven = rows, length, uneven

    def batch(self, number):
        draw = np.random.default_rng(number)
        last = number % self.batches_per_epoch == self.batches_per_epoch - 1
        real = 1 if self.uneven and last else self.rows - 1
        examples = np.arange(self.rows)
        examples[real:] = -1
        column = np.arange(self.length)
        lengths = draw.integers(2, self.length, self.rows)
        there = (examples >= 0)[:, None]
        words = (column < lengths[:, None]) & there
        valid = (column <= lengths[:, None]) & there
        shape = words.shape
        ids = np.where(words, draw.integers(5, SOURCES, shape), np.where(valid, SEP, 0))
        selected = words & (draw.random(shape) < 0.4)
        masked = np.where(selected & (draw.random(shape) < 0.8), MASK, ids)
        targets = draw.integers(5, TARGETS, (2, *shape)) * valid
        return {
            "examples": examples,
            "plain": {
                "source": {"ids": ids.astype(np.int32), "valid": valid},
                "target": {
                    "ids": targets[0].astype(np.int32),
                    "labels": targets[1].astype(np.int32),
                    "valid": valid,
                    "selected": valid,
                },
            },
            "masked": {
                "source": {
                    "ids": masked.astype(np.int32),
                    "valid": valid,
                    "labels": ids.astype(np.int32),
                    "selected": selected,
                }
            },
        }


def student(policy="float32", dropout=0.0):
    """A Transformer of two layers in the encoder and one in the decoder."""
    return Transformer(
        TARGETS,
        source_vocabulary_size=SOURCES,
        encoder_layers=2,
        decoder_layers=1,
        width=8,
        heads=2,
        dropout=dropout,
        share_embeddings="target",
        seed=3,
        dtype=policy,
    )


def teacher():
    """A BERT at chance, which drops out if it is let."""
    model = Bert(
        SOURCES, layers=2, width=12, heads=2, max_length=16, dropout=0.5, initializer_range=0.5,
        seed=7,
    )  # fmt: skip
    return OnlineTeacher(model, start_id=CLS, end_id=SEP)


def terms(hidden_view="masked"):
    """Words; the whole distribution and the top K of hidden words; hidden states by a mix."""
    auxiliary = {"teacher": "bert", "module": "encoder", "group": "auxiliary"}
    return [
        CrossEntropy(name="words", label_smoothing=0.1),
        SoftTargets(name="mask_task", view="masked", weight=0.5, **auxiliary),
        SoftTargets(
            name="some", view="masked", weight=0.2, temperature=2.0, form="hinton", top_k=4,
            at="all", **auxiliary,
        ),
        HiddenStates(
            name="states", view=hidden_view, weight=0.3, divide_by="rows",
            layers={"layer_1": "layer_1", "hidden": "mix"}, **auxiliary,
        ),
    ]  # fmt: skip


def distiller(policy="float32", dropout=0.0, modules="layer", hidden_view="masked"):
    """The student with its terms, its gates and its teacher."""
    return Distiller(
        student(policy, dropout), terms(hidden_view), GatedGradients(modules), {"bert": teacher()}
    )
