"""A teacher beside itself without context: its figures by hand, from all logits at once."""

import numpy as np
import pytest
import tensorflow as tf
from margins import share_right

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import MassView
from tfkd.models import Transformer
from tfkd.pipeline.tasks.context_check import beside_itself
from tfkd.pipeline.tasks.translation import Translation

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIALS = Specials(PAD, UNK, CLS, SEP, MASK, (PAD, UNK, CLS, SEP, MASK), 20)


def test_the_encoder_of_a_teacher_of_segments_reads_nothing():
    random = np.random.default_rng(2)
    rows = Ragged.from_rows([random.integers(5, 20, n) for n in random.integers(1, 9, 40)])
    examples = ExampleSet([Part("texts", {("text", "t"): rows}, len(rows))])
    view = MassView("t", SPECIALS)
    model = Transformer(
        20, encoder_layers=1, decoder_layers=1, width=8, heads=2, max_length=16, seed=1
    )
    for weight in model.weights:
        noise = 0.5 * random.normal(size=weight.shape)
        weight.assign(np.asarray(weight.value).astype(np.float32) + noise)
    blind, names = Translation().without_context(view)
    found = beside_itself(model, examples, view, 3, blind)
    record = view(examples, np.arange(len(rows)), 0, 0)
    source, target = record["source"], record["target"]

    def accuracy(source):
        both = tf.nest.map_structure(tf.constant, {"source": source, "target": target})
        logits = model.head.logits(model(both)["hidden"]).numpy()
        return share_right(logits[target["valid"]], target["labels"][target["valid"]])

    words = np.arange(source["ids"].shape[1]) < source["valid"].sum(1, keepdims=True) - 1
    ends = source["valid"] & ~words
    blank = {
        "ids": np.where(words, MASK, np.where(ends, SEP, PAD)).astype(np.int32),
        "valid": source["valid"],
        "memory_valid": ends,
    }
    gold = target["labels"][target["valid"]]
    assert found["figures"]["accuracy"] == accuracy(source)
    assert found["blind"]["accuracy"] == accuracy(blank)
    assert found["blind"]["loss"] != pytest.approx(found["figures"]["loss"])
    assert found["figures"]["positions"] == found["blind"]["positions"] == len(gold)
    assert found["most_frequent"] == pytest.approx(np.bincount(gold).max() / len(gold))
    assert names["beside"] == "the teacher that reads no text around"
