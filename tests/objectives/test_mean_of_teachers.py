"""The mean of several online teachers against NumPy float64, whole and by its top K."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.objectives import (
    CrossEntropy,
    DenseMean,
    DenseTeacher,
    HiddenStates,
    OnlineMean,
    OnlineTeacher,
    SoftTargets,
    TokenLoss,
    TokenTerm,
    vocabulary_pass,
)
from tfkd.objectives.divergences import DIVERGENCES

from . import reference
from .fakes import TableModel
from .tables import SIZE, batch_of, gradients, logits_of
from .test_divergences import expected

WEIGHTS = [0.5, 0.2, 0.3]


def teachers(count=3):
    """Of several widths."""
    found = [TableModel(seed=5 + number, width=4 + number) for number in range(count)]
    for one in found:
        one.input_layout = "pair"
    return found


def asked(models, weights=None):
    return OnlineMean([OnlineTeacher(one, start_id=0, end_id=1) for one in models], weights)


def batch_without_stores(lengths=(5, 3), width=6):
    batch = batch_of(np.random.default_rng(8), lengths, width)
    del batch["stores"]
    return batch


def mean_of(models, record, where, weights, temperature):
    """softmax(log(sum w p) / T) at some positions, float64."""
    p = [np.exp(reference.log_softmax(logits_of(one, record)[where])) for one in models]
    mixed = sum(w * one for w, one in zip(weights, p, strict=True))
    return np.exp(reference.log_softmax(np.log(mixed) / temperature))


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize(("form", "temperature"), [("paper", 1.0), ("paper", 3.0), ("hinton", 2.0)])
def test_it_is_the_mean_of_the_distributions_with_its_gradient(name, form, temperature):
    batch, model, models = batch_without_stores(), TableModel(), teachers()
    term = SoftTargets(teacher="all", divergence=name, beta=0.3, form=form, temperature=temperature)
    term.attach(model, {"all": asked(models, [5, 2, 3])})
    result, ours = gradients(model, [term], batch)
    where = batch["plain"]["target"]["valid"]
    z = logits_of(model, batch["plain"])[where]
    q = mean_of(models, batch["plain"], where, WEIGHTS, temperature)
    own, factor = (temperature, temperature**2) if form == "hinton" else (1.0, 1.0)
    entropy = -factor * (q * np.log(q)).sum()

    def losses(z):
        return factor * expected(name, q, np.exp(reference.log_softmax(z / own)), 0.3)

    # The forward divergence is minimized as the cross-entropy, which has the same gradient.
    above = entropy if name == "forward_kl" else 0.0
    total = losses(z).sum() + above
    np.testing.assert_allclose(result.sums["soft_targets"], total, rtol=2e-5)
    forward = factor * expected("forward_kl", q, np.exp(reference.log_softmax(z / own)), 0.3).sum()
    np.testing.assert_allclose(result.metrics["soft_targets.kl"][0], forward, rtol=1e-4)
    by_z = reference.numeric_gradient(losses, z)
    np.testing.assert_allclose(ours[3], by_z.sum(0) / 8, rtol=1e-3, atol=1e-5)
    matrix, by_ids = model.head.weights[0].numpy(), np.zeros((SIZE, 5))
    np.add.at(by_ids, batch["plain"]["target"]["ids"][where], by_z @ matrix / 8)
    np.testing.assert_allclose(ours[0], by_ids, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_its_top_k_is_that_of_the_mean(temperature):
    batch, model, models = batch_without_stores(), TableModel(), teachers()
    term = SoftTargets(teacher="all", top_k=3, temperature=temperature)
    term.attach(model, {"all": asked(models, WEIGHTS)})
    result, _ = gradients(model, [term], batch)
    where = batch["plain"]["target"]["valid"]
    log_q = np.log(mean_of(models, batch["plain"], where, WEIGHTS, 1.0))
    ids = np.argsort(-log_q, -1)[:, :3]
    q = reference.softened(np.take_along_axis(log_q, ids, -1), temperature)
    log_p = np.take_along_axis(
        reference.log_softmax(logits_of(model, batch["plain"])[where]), ids, -1
    )
    np.testing.assert_allclose(result.sums["soft_targets"], -(q * log_p).sum(), rtol=2e-5)


def test_weights_alike_are_as_none_and_one_teacher_several_times_is_itself():
    batch, model, models = batch_without_stores(), TableModel(), teachers(2)
    found = {}
    for name, online in (
        ("none", asked(models)),
        ("alike", asked(models, [4, 4])),
        ("same", asked([models[0]] * 2, [3, 1])),
        ("alone", OnlineTeacher(models[0], start_id=0, end_id=1)),
    ):
        term = SoftTargets(teacher="t", divergence="jensen_shannon", temperature=2.0)
        term.attach(model, {"t": online})
        found[name] = float(gradients(model, [term], batch)[0].loss)
    assert found["none"] == found["alike"]
    assert found["same"] == pytest.approx(found["alone"], rel=1e-5)
    assert found["none"] != pytest.approx(found["alone"], rel=1e-3)


def test_each_model_is_run_once_in_a_view():
    batch, model, models = batch_without_stores(), TableModel(), teachers(2)
    alone = [OnlineTeacher(one, start_id=0, end_id=1) for one in models]
    online = {"first": alone[0], "both": OnlineMean(alone)}
    terms = [CrossEntropy(), *(SoftTargets(teacher=name, name=name) for name in online)]
    for term in terms:
        term.attach(model, online)
    gradients(model, terms, batch)
    assert [len(one.calls) for one in models] == [1, 1]


def test_a_loss_of_ones_own_is_given_the_mean():
    class Product(TokenLoss):
        kind = "product"

        def loss(self, log_probabilities, labels, teacher=None):
            return -tf.reduce_sum(tf.exp(teacher) * log_probabilities, -1)

    batch, model, models = batch_without_stores(), TableModel(), teachers()
    term, same = Product(teacher="all"), SoftTargets(teacher="all")
    for one in (term, same):
        one.attach(model, {"all": asked(models, WEIGHTS)})
    ours, theirs = (gradients(model, [one], batch) for one in (term, same))
    np.testing.assert_allclose(ours[0].loss, theirs[0].loss, rtol=1e-5)
    for one, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def shapes_in(graph):
    """The shapes of all results of a graph's operations, those of its loops and branches too."""
    for operation in graph.get_operations():
        yield from (output.shape for output in operation.outputs)
    for function in graph._functions.values():
        yield from shapes_in(function.graph)


@pytest.mark.parametrize("count", [1, 3])
def test_no_array_of_all_tokens_by_the_vocabulary_is_made(count):
    draw = np.random.default_rng(3)
    tokens, size = 64, 50

    def table(width):
        return tf.constant(draw.normal(size=(size, width)), tf.float32)

    members = tuple(
        DenseTeacher(tf.constant(draw.normal(size=(tokens, 4)), tf.float32), table(4))
        for _ in range(count)
    )
    teacher = members[0] if count == 1 else DenseMean(members, (0.2, 0.3, 0.5), 2.0)
    term = TokenTerm(
        weights=tf.ones([tokens]),
        picked=tf.zeros([tokens, 1], tf.int32),
        loss=lambda s, e: s.log_sum_exp[1.0] - s.expected,
        teacher=teacher,
    )
    matrix = table(5)

    @tf.function(input_signature=[tf.TensorSpec([tokens, 5])], autograph=False)
    def step(hidden):
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            loss = vocabulary_pass(hidden, matrix, None, [term], [1.0], chunk_rows=16).loss
        return loss, tape.gradient(loss, hidden)

    shapes = [shape.as_list() for shape in shapes_in(step.get_concrete_function().graph)
              if shape.rank == 2]  # fmt: skip
    assert [16, size] in shapes
    assert [tokens, size] not in shapes
    assert not any(None in shape and shape[1] == size for shape in shapes)


def test_what_has_no_mean_is_refused():
    small, large = TableModel(), TableModel(size=13)
    model, batch = TableModel(), batch_without_stores()
    for one in (small, large):
        one.input_layout = "pair"
    term = SoftTargets(teacher="t")
    term.attach(model, {"t": asked([small, large])})
    with pytest.raises(ValueError, match="have no mean: they predict 11 and 13 words"):
        gradients(model, [term], batch)
    with pytest.raises(ValueError, match="several teachers, which have no mean"):
        HiddenStates(teacher="t").attach(model, {"t": asked([small, small])})
    for members, weights in (([], None), ([small], [0]), ([small], [1, 2])):
        with pytest.raises(ValueError, match="Invalid value for argument"):
            asked(members, weights)
    small.input_layout = "sequence"
    with pytest.raises(ValueError, match=r"read alike\. Received: pair and sequence"):
        asked([small, large])
