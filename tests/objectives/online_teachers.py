"""A small BERT that is asked in the step, a student of pairs, and a batch for both.

Models are made once, for tests that leave them as they are.
"""

import functools

import numpy as np

from tfkd.models.bert import Bert
from tfkd.models.transformer import Transformer
from tfkd.objectives import (
    OnlineTeacher,
    objective_forward,
    term_counts,
)

PAD, CLS, SEP, MASK, SIZE, TARGETS = 0, 2, 3, 4, 17, 13


@functools.cache
def teacher(layers=3, width=12, dropout=0.4, seed=5):
    """A BERT whose every weight matters."""
    model = Bert(SIZE, layers=layers, width=width, heads=2, max_length=16, dropout=dropout, seed=1)
    draw = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(variable + 0.4 * draw.normal(size=variable.shape))
    return OnlineTeacher(model, start_id=CLS, end_id=SEP)


@functools.cache
def student(dropout=0.0, layers=2, width=8):
    return Transformer(
        TARGETS,
        source_vocabulary_size=SIZE,
        encoder_layers=layers,
        decoder_layers=1,
        width=width,
        heads=2,
        dropout=dropout,
        share_embeddings="target",
    )


def batch_of(seed=0, lengths=(5, 2, 0, 6), width=8):
    """A pair with its masked source beside it; a length of 0 is a batch's filler."""
    draw = np.random.default_rng(seed)
    lengths = np.asarray(lengths)
    column = np.arange(width)
    words = column < lengths[:, None]
    real = (lengths > 0)[:, None]
    valid = (column <= lengths[:, None]) & real
    ids = np.where(words, draw.integers(5, SIZE, words.shape), 0)
    ids = np.where((column == lengths[:, None]) & real, SEP, ids).astype(np.int32)
    selected = words & (draw.random(words.shape) < 0.5)
    masked = np.where(selected & (draw.random(words.shape) < 0.8), MASK, ids).astype(np.int32)
    target = draw.integers(5, TARGETS, (2, *words.shape)).astype(np.int32) * valid
    return {
        "examples": np.where(lengths > 0, np.arange(len(lengths)), -1),
        "plain": {
            "source": {"ids": ids, "valid": valid},
            "target": {"ids": target[0], "labels": target[1], "valid": valid, "selected": valid},
        },
        "masked": {"source": {"ids": masked, "valid": valid, "labels": ids, "selected": selected}},
    }


def forward(model, terms, batch, training=True, **options):
    return objective_forward(model, terms, batch, term_counts(terms, batch), training, **options)


def attached(term, model, online, seed=3):
    term.attach(model, {"bert": online}, seed)
    return term


def float64(tensor):
    return np.asarray(tensor, np.float64)


def by_row(online, side):
    """The teacher's states of each row alone: `[CLS] x [SEP]` without padding, [CLS] taken off."""
    states = []
    for ids, valid in zip(side["ids"], side["valid"], strict=True):
        row = np.concatenate([[CLS], ids[valid]])[None].astype(np.int32)
        found = online.model({"ids": row}, training=False)
        states.append({name: float64(value)[0, 1:] for name, value in found.items()})
    return states
