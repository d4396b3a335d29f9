"""A batch of pairs with a store of targets, and a model of tables that reads it."""

import numpy as np
import tensorflow as tf

from tfkd.objectives import (
    CrossEntropy,
    SoftTargets,
    objective_forward,
    term_counts,
)

from . import reference
from .fakes import pair_record

SIZE = 11


def batch_of(rng, lengths, width, k=3):
    """A pair batch with a store of k random targets a position; the last rows may be filler."""
    record = pair_record(rng, lengths, width, SIZE)
    log_p = np.sort(rng.normal(-2, 1, (len(lengths), width, k)) - 1.5, -1)[..., ::-1]
    ids = reference.distinct(rng, len(lengths) * width, k, SIZE).reshape(len(lengths), width, k)
    present = record["target"]["valid"].copy()
    store = {
        "ids": np.where(present[..., None], ids, 0).astype(np.int32),
        "log_probabilities": np.where(present[..., None], log_p, 0).astype(np.float16),
        "present": present,
    }
    examples = np.where(np.asarray(lengths) > 0, np.arange(len(lengths)), -1)
    return {"examples": examples, "plain": record, "stores": {"targets": store}}


def logits_of(model, record):
    ids = record["target"]["ids"]
    hidden = model.table.numpy().astype(np.float64)[ids] + model.places.numpy()[: ids.shape[1]]
    matrix, bias = (w.numpy().astype(np.float64) for w in model.head.weights)
    return hidden @ matrix.T + bias


def forward(model, terms, batch, **options):
    return objective_forward(model, terms, batch, term_counts(terms, batch), True, **options)


def gradients(model, terms, batch, **options):
    with tf.GradientTape() as tape:
        result = forward(model, terms, batch, **options)
    return result, [
        tf.convert_to_tensor(g).numpy() for g in tape.gradient(result.loss, model.variables)
    ]


TERMS = {
    "cross_entropy": lambda: CrossEntropy(label_smoothing=0.1, weight=0.5),
    "soft_targets": lambda: SoftTargets(teacher="targets", temperature=10.0, weight=0.5),
}
