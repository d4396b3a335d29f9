"""Divergences against NumPy float64: values by their definitions, gradients by differences."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.objectives import OnlineTeacher, SoftTargets
from tfkd.objectives.divergences import DIVERGENCES, divergence_of

from . import reference
from .fakes import TableModel
from .test_terms import SIZE, batch_of, gradients, logits_of

OTHERS = [
    ("reverse_kl", 0.5),
    ("jensen_shannon", 0.5),
    ("jensen_shannon", 0.1),
    ("total_variation", 0.5),
]
INFINITE = ("reverse_kl", "drop")


def expected(name, q, p, beta):
    """By the definitions, over classes that hold all mass of both; 0 log 0 = 0."""

    def kl(a, b):
        ratio = np.log(np.where(a > 0, a, 1)) - np.log(np.where(a > 0, b, 1))
        return (a * ratio).sum(-1)

    m = beta * q + (1 - beta) * p
    return {
        "forward_kl": lambda: kl(q, p),
        "reverse_kl": lambda: kl(p, q),
        "jensen_shannon": lambda: beta * kl(q, m) + (1 - beta) * kl(p, m),
        "total_variation": lambda: np.abs(q - p).sum(-1) / 2,
    }[name]()


def taught(log_p, ids, temperature, rest):
    """The teacher's distribution over all words; with "bucket", over K + 1 classes."""
    if rest == "bucket":
        left = np.log(1 - np.exp(log_p).sum(-1, keepdims=True))
        return reference.softened(np.concatenate([log_p, left], -1), temperature)
    return reference.scatter(ids, reference.softened(log_p, temperature), SIZE)


def student(z, ids, temperature, rest):
    if rest == "drop":
        return np.exp(reference.log_softmax(z / temperature))
    top = np.take_along_axis(np.exp(reference.log_softmax(z)), ids, -1)
    classes = np.concatenate([top, 1 - top.sum(-1, keepdims=True)], -1)
    return reference.softened(np.log(classes), temperature)


@pytest.mark.parametrize(
    ("name", "beta", "rest"),
    [(*one, rest) for one in OTHERS for rest in ("drop", "bucket") if (one[0], rest) != INFINITE],
)
@pytest.mark.parametrize(
    ("form", "temperature"), few([("paper", 1.0), ("paper", 3.0), ("hinton", 3.0)], 1)
)
def test_of_a_stored_top_k(name, beta, rest, form, temperature):
    rng = np.random.default_rng(7)
    batch, model = batch_of(rng, [4, 0, 7, 2], 8), TableModel()
    store = batch["stores"]["targets"]
    store["present"][0] = False
    # Probabilities of three words that leave some mass to the others.
    raw = np.log(rng.dirichlet(np.ones(4), (4, 8))[..., :3])
    store["log_probabilities"] = np.where(store["present"][..., None], raw, 0).astype(np.float32)
    options = {"temperature": temperature, "form": form, "rest": rest, "weight": 0.4}
    term = SoftTargets(teacher="targets", divergence=name, beta=beta, **options)
    result, ours = gradients(model, [term], batch)
    where = store["present"]
    z, ids = logits_of(model, batch["plain"])[where], store["ids"][where]
    log_p = store["log_probabilities"][where].astype(np.float64)
    q = taught(log_p, ids, temperature, rest)
    own, factor = (temperature, temperature**2) if form == "hinton" else (1.0, 1.0)

    def losses(z):
        return factor * expected(name, q, student(z, ids, own, rest), beta)

    np.testing.assert_allclose(result.sums["soft_targets"], losses(z).sum(), rtol=2e-5)
    np.testing.assert_allclose(result.loss, 0.4 * losses(z).sum() / 9, rtol=2e-5)
    p = student(z, ids, own, rest)
    forward = factor * expected("forward_kl", q, p, beta).sum()
    np.testing.assert_allclose(result.metrics["soft_targets.kl"][0], forward, rtol=1e-4)
    bias = np.zeros((*where.shape, SIZE))
    bias[where] = 0.4 / 9 * reference.numeric_gradient(losses, z)
    np.testing.assert_allclose(ours[3], bias.sum((0, 1)), rtol=1e-3, atol=1e-5)
    matrix = model.head.weights[0].numpy()
    np.testing.assert_allclose(ours[1][:8], (bias @ matrix).sum(0), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("name", "beta"), OTHERS)
@pytest.mark.parametrize(("form", "temperature"), few([("paper", 3.0), ("hinton", 2.0)], 0))
def test_of_an_online_teachers_whole_distribution(name, beta, form, temperature):
    rng = np.random.default_rng(8)
    batch, model, teacher = batch_of(rng, [5, 3], 6), TableModel(), TableModel(seed=5)
    del batch["stores"]["targets"]
    teacher.input_layout = "pair"
    term = SoftTargets(teacher="t", divergence=name, beta=beta, form=form, temperature=temperature)
    term.attach(model, {"t": OnlineTeacher(teacher, start_id=0, end_id=1)})
    result, ours = gradients(model, [term], batch)
    where = batch["plain"]["target"]["valid"]
    z = logits_of(model, batch["plain"])[where]
    q = np.exp(reference.log_softmax(logits_of(teacher, batch["plain"])[where] / temperature))
    own, factor = (temperature, temperature**2) if form == "hinton" else (1.0, 1.0)

    def losses(z):
        return factor * expected(name, q, np.exp(reference.log_softmax(z / own)), beta)

    np.testing.assert_allclose(result.sums["soft_targets"], losses(z).sum(), rtol=2e-5)
    by_bias = reference.numeric_gradient(losses, z).sum(0) / 8
    np.testing.assert_allclose(ours[3], by_bias, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_of_equal_distributions_it_is_0_without_a_gradient_and_of_any_two_it_is_not_below(name):
    rng = np.random.default_rng(9)
    one, other = (reference.log_softmax(rng.normal(size=(50, 7)) * 9) for _ in range(2))
    one, other = tf.constant(one, tf.float32), tf.constant(other, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(one)
        # By the logits: of log-probabilities alone a gradient along all of them is no change.
        same = divergence_of(name, tf.nn.log_softmax(tf.stop_gradient(one)), tf.nn.log_softmax(one))
    np.testing.assert_allclose(same, np.zeros(50), atol=1e-6)
    np.testing.assert_allclose(tape.gradient(same, one), np.zeros((50, 7)), atol=1e-6)
    assert np.all(divergence_of(name, one, other).numpy() > 0)


def test_jensen_shannon_goes_from_the_forward_to_the_reverse_divergence():
    rng = np.random.default_rng(10)
    q, p = (tf.nn.log_softmax(tf.constant(rng.normal(size=(20, 7)), tf.float32)) for _ in "qp")
    for beta, share, limit in ((1e-3, 1e-3, "forward_kl"), (1 - 1e-3, 1e-3, "reverse_kl")):
        near = divergence_of("jensen_shannon", q, p, beta=beta) / share
        np.testing.assert_allclose(near, divergence_of(limit, q, p), rtol=1e-2, atol=1e-3)


def test_a_probability_of_0_counts_as_the_least_in_the_reverse_divergence():
    batch, model = batch_of(np.random.default_rng(12), [4, 2], 5), TableModel()
    store = batch["stores"]["targets"]
    q, shape = np.array([0.7, 0.2, 0.09, 0.0]), (*store["present"].shape, 4)
    said = np.where(q > 0, np.log(np.maximum(q, 1e-30)), -65504)  # the least of a store
    store["log_probabilities"] = np.broadcast_to(said, shape).astype(np.float32)
    store["ids"] = np.broadcast_to(np.arange(4), shape).astype(np.int32)
    term = SoftTargets(teacher="targets", divergence="reverse_kl", rest="bucket")
    result, _ = gradients(model, [term], batch)
    where = batch["plain"]["target"]["selected"] & store["present"]
    p = student(logits_of(model, batch["plain"])[where], store["ids"][where], 1.0, "bucket")
    floored = np.maximum([*q, 1 - q.sum()], 1e-7)
    wanted = (p * (np.log(p) - np.log(floored))).sum()
    np.testing.assert_allclose(result.sums["soft_targets"], wanted, rtol=1e-4)


def test_what_would_be_infinite_is_refused():
    batch = batch_of(np.random.default_rng(11), [4, 2], 5)
    term = SoftTargets(teacher="targets", divergence="reverse_kl")
    with pytest.raises(ValueError, match=r"top K.*infinite.*rest='bucket'"):
        gradients(TableModel(), [term], batch)
    for beta in (0.0, 1.0):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            SoftTargets(teacher="targets", divergence="jensen_shannon", beta=beta)
    with pytest.raises(ValueError, match="forward_kl, reverse_kl"):
        SoftTargets(teacher="targets", divergence="kl")
