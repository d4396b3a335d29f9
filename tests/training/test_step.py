"""The step up to its application, run eagerly."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from training_fakes import Batcher, FakeDistiller, Gate, Student, Term, distiller, two_terms

from tfkd.training import Step
from tfkd.training.optimization.gradients import global_norm


def tensors(batch):
    return tf.nest.map_structure(tf.convert_to_tensor, batch)


def step(model, batch=None, **options):
    batch = tensors(batch or Batcher().batch(0))
    return Step(model, **options)(batch, tf.constant([1, 2]))


@pytest.mark.parametrize("combiner", [None, Gate()])
def test_clips_what_was_combined(combiner):
    model = distiller()
    whole = step(model, combiner=combiner)
    cut = step(model, combiner=combiner, clip_norm=0.1)
    norm = float(global_norm(whole.gradients))
    assert norm > 0.1
    for result in (whole, cut):
        assert float(result.statistics["norm"]) == pytest.approx(norm, rel=1e-6)
    assert float(global_norm(cut.gradients)) == pytest.approx(0.1, rel=1e-5)
    np.testing.assert_allclose(cut.gradients[-1], whole.gradients[-1] * 0.1 / norm, rtol=1e-4)
    loose = step(model, combiner=combiner, clip_norm=2 * norm)
    np.testing.assert_array_equal(loose.gradients[-1], whole.gradients[-1])


def test_each_micro_batch_has_masks_of_its_own():
    sums = []

    class Recording(FakeDistiller):
        def objective(self, batch, counts, **options):
            result = super().objective(batch, counts, **options)
            sums.append(float(result.sums["words"]))
            return result

    half = Batcher(rows=4).batch(0)
    batch = tf.nest.map_structure(lambda x: np.concatenate([x, x]), half)
    step(Recording(Student(dropout=0.5), two_terms()), batch, micro_batches=2)
    assert len(sums) == 2
    assert sums[0] != sums[1]
    sums.clear()
    step(Recording(Student(), two_terms()), batch, micro_batches=2)
    assert sums[0] == sums[1]


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_what_no_term_reaches_has_no_gradient(micro_batches):
    student = Student()
    student.unused = keras.layers.Dense(2, name="unused")
    student.unused.build((None, 3))
    model = FakeDistiller(student, [Term("words", own=True), Term("other", group="auxiliary")])
    found = {}

    class Spy(Gate):
        def __call__(self, groups, parameters):
            found.update(
                {
                    group: {p.path for p, g in zip(parameters, gradients, strict=True) if g is None}
                    for group, gradients in groups.items()
                }
            )
            return super().__call__(groups, parameters)

    result = step(model, combiner=Spy(), micro_batches=micro_batches)
    unused = {"unused/kernel", "unused/bias"}
    assert found == {"main": unused, "auxiliary": unused | {"terms/words/scale"}}
    missing = {p.path for p, g in zip(model.parameters, result.gradients, strict=True) if g is None}
    assert missing == unused


def test_a_count_of_zero_is_a_term_of_zero():
    batch = Batcher().batch(0)
    batch["masked"]["selected"][:] = False
    batch["examples"][:] = -1
    alone = distiller(terms=two_terms()[:1])
    both = step(distiller(), batch)
    assert bool(both.finite)
    assert float(both.statistics["loss"]) == float(step(alone, batch).statistics["loss"])
