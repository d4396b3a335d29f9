"""Terms against NumPy float64: sums, normalizers, gradients, and what must not count."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margins import FLOAT32, margins
from rings import few

from tfkd.objectives import (
    CrossEntropy,
    MaskedLM,
    SoftTargets,
)

from . import reference
from .fakes import TableModel, pair_record
from .tables import SIZE, batch_of, forward, gradients, logits_of


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.sampled_from(["opennmt", "fairseq"]),
    st.integers(0, 2**31),
)
def test_cross_entropy_equals_float64(lengths, rate, form, seed):
    rng = np.random.default_rng(seed)
    batch, model = batch_of(rng, lengths, 7), TableModel()
    term = CrossEntropy(label_smoothing=rate, smoothing=form)
    result = forward(model, [term], batch)
    target = batch["plain"]["target"]
    z = logits_of(model, batch["plain"])[target["valid"]]
    gold = target["labels"][target["valid"]]
    losses, _ = reference.cross_entropy(z, reference.smoothed(gold, SIZE, rate, form))
    count = max(1, sum(lengths))
    np.testing.assert_allclose(result.sums["cross_entropy"], losses.sum(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result.loss, losses.sum() / count, rtol=1e-5, atol=1e-6)
    right, positions = result.metrics["cross_entropy.accuracy"]
    above = margins(z, gold)
    assert (above > 2 * FLOAT32).sum() <= right <= (above >= -2 * FLOAT32).sum()
    assert positions == sum(lengths)
    nll = -reference.log_softmax(z)[np.arange(len(gold)), gold].sum()
    np.testing.assert_allclose(result.metrics["cross_entropy.nll"][0], nll, rtol=1e-5, atol=1e-6)


def expected_soft(z, log_p, ids, temperature, form, rest):
    """Loss by position, the gradient by z, and the teacher's entropy."""
    size = z.shape[-1]
    if rest == "bucket":
        left = np.log(np.maximum(1 - np.exp(log_p).sum(-1, keepdims=True), 1e-7))
        q = reference.softened(np.concatenate([log_p, left], -1), temperature)
    else:
        q = reference.softened(log_p, temperature)
    entropy = -(q * np.log(q)).sum(-1)
    student, factor = (temperature, temperature**2) if form == "hinton" else (1.0, 1.0)

    def loss(z):
        if rest == "drop":
            picked = np.take_along_axis(reference.log_softmax(z / student), ids, -1)
        else:
            top = np.take_along_axis(reference.log_softmax(z), ids, -1)
            left = np.log(1 - np.exp(top).sum(-1, keepdims=True))
            picked = reference.log_softmax(np.concatenate([top, left], -1) / student)
        return -factor * (q * picked).sum(-1)

    if rest == "drop":
        dense = reference.scatter(ids, q, size)
        by_z = factor / student * (np.exp(reference.log_softmax(z / student)) - dense)
    else:
        by_z = reference.numeric_gradient(loss, z)
    return loss(z), by_z, factor * entropy


@pytest.mark.parametrize("rest", ["drop", "bucket"])
@pytest.mark.parametrize("form", few(["paper", "hinton"], 0))
@pytest.mark.parametrize("temperature", few([1.0, 10.0], 1))
def test_soft_targets_equal_float64_with_their_gradient(temperature, form, rest):
    rng = np.random.default_rng(3)
    batch, model = batch_of(rng, [4, 0, 7, 2], 8), TableModel()
    store = batch["stores"]["targets"]
    store["present"][0] = False  # a pair which was too long to score
    term = SoftTargets(teacher="targets", temperature=temperature, form=form, rest=rest, weight=0.4)
    result, ours = gradients(model, [term], batch)
    where = store["present"]
    z = logits_of(model, batch["plain"])[where]
    log_p = store["log_probabilities"][where].astype(np.float64)
    ids = store["ids"][where]
    losses, by_z, entropy = expected_soft(z, log_p, ids, temperature, form, rest)
    np.testing.assert_allclose(result.sums["soft_targets"], losses.sum(), rtol=2e-5)
    np.testing.assert_allclose(result.loss, 0.4 * losses.sum() / 9, rtol=2e-5)
    above, positions = result.metrics["soft_targets.kl"]
    np.testing.assert_allclose(above, (losses - entropy).sum(), rtol=1e-4)
    assert positions == 9
    bias = np.zeros((*where.shape, SIZE))
    bias[where] = 0.4 / 9 * by_z
    np.testing.assert_allclose(ours[3], bias.sum((0, 1)), rtol=1e-3, atol=1e-5)
    matrix = model.head.weights[0].numpy()
    np.testing.assert_allclose(ours[1][:8], (bias @ matrix).sum(0), rtol=1e-3, atol=1e-5)


def test_the_whole_vocabulary_at_temperature_1_is_the_full_divergence_plus_entropy():
    rng = np.random.default_rng(4)
    model = TableModel()
    record = pair_record(rng, [5, 6], 6, SIZE)
    teacher = reference.log_softmax(rng.normal(size=(2, 6, SIZE)) * 2)
    order = np.argsort(-teacher, -1)
    stored = np.take_along_axis(teacher, order, -1)
    where = record["target"]["valid"]
    for form in ("paper", "hinton"):
        for rest in ("drop", "bucket"):
            store = {"ids": order.astype(np.int32), "log_probabilities": stored.astype(np.float32)}
            batch = {"examples": np.arange(2), "plain": record, "stores": {"t": store}}
            term = SoftTargets(teacher="t", form=form, rest=rest)
            result = forward(model, [term], batch)
            student = reference.log_softmax(logits_of(model, record))
            p = np.exp(teacher)
            entropy = -(p * teacher).sum(-1)[where].sum()
            divergence = (p * (teacher - student)).sum(-1)[where].sum()
            np.testing.assert_allclose(result.sums["soft_targets"], divergence + entropy, rtol=3e-5)
            np.testing.assert_allclose(result.metrics["soft_targets.kl"][0], divergence, rtol=1e-4)


def test_a_student_equal_to_its_targets_has_no_divergence_and_no_gradient():
    rng = np.random.default_rng(5)
    model, record = TableModel(), pair_record(rng, [6, 3], 6, SIZE)
    own = reference.log_softmax(logits_of(model, record))
    order = np.argsort(-own, -1)
    store = {
        "ids": order.astype(np.int32),
        "log_probabilities": np.take_along_axis(own, order, -1).astype(np.float32),
    }
    batch = {"examples": np.arange(2), "plain": record, "stores": {"t": store}}
    for temperature, form in ((1.0, "paper"), (3.0, "hinton")):
        term = SoftTargets(teacher="t", temperature=temperature, form=form)
        result, ours = gradients(model, [term], batch)
        assert abs(result.metrics["soft_targets.kl"][0]) < 1e-4
        assert max(abs(g).max() for g in ours) < 1e-5


def test_configurations_round_trip():
    for term in (
        MaskedLM(name="words", label_smoothing=0.1, smoothing="fairseq"),
        SoftTargets(teacher="t", temperature=5.0, form="hinton", rest="bucket", weight=0.3),
    ):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(term))
        assert again.get_config() == term.get_config()
        assert again.kind == term.kind


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CrossEntropy(label_smoothing=1.0), "label_smoothing"),
        (lambda: CrossEntropy(smoothing="keras"), "opennmt, fairseq"),
        (lambda: CrossEntropy(divide_by="words"), "target_tokens"),
        (lambda: SoftTargets(teacher="t", temperature=0.0), "temperature"),
        (lambda: SoftTargets(teacher="t", form="mine"), "paper, hinton"),
        (lambda: SoftTargets(teacher="t", rest="keep"), "drop, bucket"),
    ],
)
def test_wrong_options_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
