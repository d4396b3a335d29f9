"""The RNN in the training step: the same weights whichever way a batch is taken."""

import numpy as np
import pytest
import tensorflow as tf
from real_models import VOCABULARY, PairBatcher

from tfkd.models import Rnn
from tfkd.objectives import build_terms
from tfkd.training import Distiller, build_optimizer
from tfkd.training.step_function import StepFunction

WAYS = {
    "streams": {"streams": 2, "fuse": True},
    "micro_batches": {"micro_batches": 2},
    "xla": {"jit_compile": True},
}


def trained(**options):
    """The weights after two steps, by path, and the first step's."""
    model = Rnn(VOCABULARY, layers=2, width=8, dropout=0.0, seed=3)
    terms = build_terms(
        {
            "words": {"kind": "cross_entropy", "label_smoothing": 0.1, "weight": 0.5},
            "soft": {"kind": "soft_targets", "teacher": "targets", "weight": 0.5},
            "mask": {"kind": "masked_lm", "view": "masked", "weight": 0.3},
        },
        modules={"mask": "encoder"},
    )
    distiller = Distiller(model, terms)
    optimizer = build_optimizer({"kind": "adam", "epsilon": 1e-3})
    optimizer.build(distiller.parameters)
    before = {one.path: one.value.numpy() for one in distiller.parameters}
    step = StepFunction(
        distiller, optimizer, strategy=tf.distribute.get_strategy(),
        **options,
    )  # fmt: skip
    batcher = PairBatcher(rows=4)
    for number in range(2):
        batch = batcher.batch(number)
        other = batch.pop("other")["source"]
        batch["masked"] = {"source": {**other, "labels": other["ids"], "selected": other["valid"]}}
        step(tf.nest.map_structure(tf.convert_to_tensor, batch), number + 1, 0.01).numpy()
    return before, {one.path: one.value.numpy() for one in distiller.parameters}


@pytest.fixture(scope="module")
def plain():
    return trained()


@pytest.mark.long
def test_every_weight_is_taught(plain):
    before, after = plain
    assert any(path.startswith("terms/mask/") for path in after)
    for path, value in after.items():
        assert np.isfinite(value).all()
        assert np.abs(value - before[path]).max() > 1e-5, path


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_all_ways_lead_to_the_same_weights(plain, way):
    _, after = trained(**WAYS[way])
    for path, value in plain[1].items():
        np.testing.assert_allclose(after[path], value, atol=2e-5, err_msg=path)
