"""What a Distiller's `fit`, `evaluate` and `predict` refuse, and why."""

import numpy as np
import pytest
import real_models
from training_fakes import Batcher
from training_fakes import distiller as fake_distiller

from tfkd.objectives import CrossEntropy
from tfkd.training import Distiller

BATCH = Batcher().batch(0)


def compiled(model):
    model.compile("sgd", run_eagerly=True)
    return model


def given(*batches):
    yield from batches


@pytest.mark.parametrize("verb", ["train_step", "test_step"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((BATCH, BATCH["plain"]["labels"]), "argument `y`. Expected none"),
        ((BATCH, None, np.ones(6)), "argument `sample_weight`. Expected none"),
        ((BATCH["plain"],), r"Batcher, with plain, masked: .*Received: \['ids', 'labels'"),
        (({"plain": BATCH["plain"]},), r"Received: \['plain'\]"),
        ((BATCH["plain"]["ids"],), "Received: ndarray"),
    ],
)
def test_what_is_no_batch_is_refused(verb, data, message):
    with pytest.raises(ValueError, match=message):
        getattr(fake_distiller(), verb)(data)


def test_a_teacher_that_is_nowhere_is_named():
    model = compiled(real_models.distiller())
    batch = real_models.PairBatcher().batch(0)
    batch["stores"]["other"] = batch["stores"].pop("targets")
    with pytest.raises(ValueError, match=r"soft asks the teacher 'targets'.*stores of other"):
        model.fit(given((batch,)), steps_per_epoch=1)


def test_rows_to_divide_by_are_asked_for():
    model = Distiller(real_models.student(), [CrossEntropy(name="words", divide_by="rows")])
    batch = real_models.PairBatcher().batch(0)
    del batch["examples"]
    with pytest.raises(ValueError, match=r"Batcher, with plain, examples"):
        model.train_step((batch,))


@pytest.mark.parametrize("name", ["loss", "metrics", "weighted_metrics"])
def test_losses_and_metrics_of_keras_would_never_be_asked(name):
    with pytest.raises(ValueError, match=rf"argument `{name}`. Expected none: .*of its terms"):
        fake_distiller().compile("sgd", **{name: ["mse"]})


def test_predict_reads_a_record():
    model = compiled(Distiller(real_models.student(), [CrossEntropy(name="words")]))
    batch = real_models.PairBatcher().batch(0)
    assert "hidden" in model.predict(batch["plain"], verbose=0)
    with pytest.raises(ValueError, match=r"with source. Received: .*by view: give one of them"):
        model.predict({"plain": batch["plain"]}, verbose=0)
