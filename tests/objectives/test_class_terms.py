"""Terms over classes with a real model: NumPy's sums, rows without a class, teachers."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.data.views.classify import read_at
from tfkd.models import Bert
from tfkd.objectives import (
    CrossEntropy,
    OnlineTeacher,
    SoftTargets,
    TokenLoss,
    objective_forward,
    term_counts,
)
from tfkd.training import Distiller

CLASSES, WIDTH = 3, 8


def bert(seed, dropout=0.0):
    heads = {"classifier": {"classes": CLASSES, "dropout": dropout}}
    return Bert(
        20, layers=1, width=WIDTH, heads=2, max_length=12, dropout=0.0, seed=seed,
        initializer_range=0.5, output_heads=heads,
    )  # fmt: skip


def record(labels, places):
    ids = np.random.default_rng(1).integers(5, 20, (len(labels), 5)).astype(np.int32)
    sequence = {"ids": ids, "types": np.zeros_like(ids), "valid": np.ones(ids.shape, bool)}
    present = np.ones(len(labels), bool)
    return read_at(sequence, np.array(places), np.array(labels), present, CLASSES)


def logits(model, batch):
    """By the formula, in float64."""
    states = model({key: batch["plain"][key] for key in ("ids", "types", "valid")})
    hidden = states["hidden"].numpy().astype(np.float64)[batch["plain"]["selected"]]
    head = model.heads["classifier"]
    pooled = np.tanh(hidden @ head.dense.kernel.numpy() + head.dense.bias.numpy())
    return pooled @ head.own_matrix.numpy().T + head.own_bias.numpy()


def log_softmax(values):
    values = values - values.max(-1, keepdims=True)
    return values - np.log(np.exp(values).sum(-1, keepdims=True))


@pytest.fixture(scope="module")
def student():
    model = bert(1)
    model.heads["classifier"].own_bias.assign([0.3, -0.2, 0.1])
    return model


@pytest.fixture(scope="module")
def batch():
    # Of the second row no class is known; of the last, one that is none.
    return {"plain": record([2, -1, 0, CLASSES], [0, 3, 1, 0]), "examples": np.arange(4)}


def forward(model, terms, batch, **options):
    counts = term_counts(terms, batch)
    return objective_forward(model, terms, batch, counts, False, gradients=True, **options)


@pytest.mark.parametrize("static_shapes", [False, True])
def test_cross_entropy_counts_known_rows_and_divides_by_all(student, batch, static_shapes):
    expected = -log_softmax(logits(student, batch)[[0, 2]])[[0, 1], [2, 0]].sum()
    own, by_rows = CrossEntropy(name="own"), CrossEntropy(name="rows", divide_by="rows")
    found = forward(student, [own], batch, static_shapes=static_shapes)
    assert float(found.loss) == pytest.approx(expected / 2, rel=1e-5)
    found = forward(student, [by_rows], batch, static_shapes=static_shapes)
    assert float(found.loss) == pytest.approx(expected / 4, rel=1e-5)


class Taught(TokenLoss):
    """Soft targets at temperature 1, as a formula."""

    def loss(self, log_probabilities, labels, teacher=None):
        return -tf.reduce_sum(tf.exp(teacher) * log_probabilities, -1)


@pytest.mark.parametrize("kind", [SoftTargets, Taught])
@pytest.mark.parametrize("static_shapes", [False, True])
def test_stored_classes_are_of_all_rows_that_have_some(student, batch, static_shapes, kind):
    stored = log_softmax(np.random.default_rng(2).normal(size=(4, CLASSES)))
    order = np.argsort(-stored, 1)
    present = np.array([True, True, False, True])
    stores = {
        "ids": order[:, None].astype(np.int32),
        "log_probabilities": np.take_along_axis(stored, order, 1)[:, None].astype(np.float16),
        "present": present[:, None],
    }
    term = kind(teacher="labels")
    seen = {**batch, "stores": {"labels": stores}}
    found = forward(student, [term], seen, static_shapes=static_shapes)
    ours = log_softmax(logits(student, batch))
    expected = -(np.exp(stored) * ours).sum(1)[present].mean()
    assert float(found.loss) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("kind", [SoftTargets, Taught])
def test_of_several_labels_a_row_the_nth_stored_is_the_nth_selected(student, kind):
    selected = np.zeros((3, 5), bool)
    selected[0, [1, 4]] = selected[1, [0, 2, 3]] = True  # the last row has none
    one = {**record([-1, -1, -1], [0, 0, 0]), "selected": selected, "gold": np.zeros((3, 5), bool)}
    stored = log_softmax(np.random.default_rng(3).normal(size=(3, 4, CLASSES)))
    order = np.argsort(-stored, -1)
    present = np.arange(4) < np.array([[2], [3], [0]])
    stores = {
        "ids": order.astype(np.int32),
        "log_probabilities": np.take_along_axis(stored, order, -1).astype(np.float16),
        "present": present,
    }
    seen = {"plain": one, "examples": np.arange(3), "stores": {"labels": stores}}
    ours = log_softmax(logits(student, seen))
    expected = -(np.exp(stored[present]) * ours).sum(1).mean()
    found = forward(student, [kind(teacher="labels")], seen)
    assert float(found.loss) == pytest.approx(expected, rel=2e-3)


def test_an_online_teacher_equal_to_its_student_teaches_nothing(batch):
    model, twin = bert(4), bert(4)
    term = SoftTargets(teacher="twin", head="classifier")
    distiller = Distiller(model, [term], None, {"twin": OnlineTeacher(twin, start_id=2, end_id=3)})
    with tf.GradientTape() as tape:
        found = forward(model, distiller.terms, batch)
    total, positions = found.metrics["soft_targets.kl"]
    assert float(positions) == 4
    assert float(total) == pytest.approx(0, abs=1e-5)
    weights = [weight.value for weight in model.trainable_weights]
    for gradient in tape.gradient(found.loss, weights):
        if gradient is not None:
            assert np.abs(tf.convert_to_tensor(gradient).numpy()).max() < 1e-6


def test_the_heads_dropout_is_on_in_training_alone(batch):
    model = bert(1, dropout=0.5)
    hidden = tf.ones([64, WIDTH])
    head = model.heads["classifier"]
    still = head.transform(hidden)
    assert np.array_equal(still, head.transform(hidden, training=False))
    dropped = head.transform(hidden, training=True).numpy()
    assert 0.3 < (dropped == 0).mean() < 0.7
    kept = dropped != 0
    assert np.allclose(dropped[kept], (2 * still.numpy())[kept], rtol=2e-2)
    plain = forward(model, [CrossEntropy()], batch)
    counts = term_counts([CrossEntropy()], batch)
    drawn = objective_forward(model, [CrossEntropy()], batch, counts, True)
    assert float(plain.loss) != float(drawn.loss)
