"""Terms with a teacher that is asked in the step, against NumPy float64 and one row at a time."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from margins import share_right
from rings import few

from tfkd.layers import dropout_key
from tfkd.objectives import (
    CrossEntropy,
    HiddenStates,
    MaskedLM,
    OnlineTeacher,
    SoftTargets,
)

from . import reference
from .online_teachers import (
    CLS,
    SEP,
    SIZE,
    attached,
    batch_of,
    by_row,
    float64,
    forward,
    student,
    teacher,
)


def head_logits(head, hidden):
    return float64(head.logits(tf.cast(hidden, tf.float32)))


def test_a_bert_reads_the_source_from_cls_and_answers_at_its_positions():
    online, batch = teacher(), batch_of()
    side = batch["masked"]["source"]
    states = online.states(batch["masked"])
    for row, alone in enumerate(by_row(online, side)):
        length = side["valid"][row].sum()
        for name, value in states.items():
            np.testing.assert_allclose(
                float64(value)[row, :length], alone[name][:length], atol=2e-5, err_msg=name
            )


def test_a_sequence_is_read_as_it_stands():
    online = teacher()
    record = {"ids": np.array([[CLS, 7, 8, SEP]], np.int32), "valid": np.ones((1, 4), bool)}
    expected = online.model(record, training=False)["hidden"]
    np.testing.assert_array_equal(online.states(record)["hidden"], expected)


def dense_reference(term, online, batch, view, positions):
    """sum of -sum_v q log p over some positions, and above the teacher's entropy."""
    side = batch[view]["source"]
    hidden = term.test_states["encoder.hidden"]
    z = head_logits(term.classifier, hidden)
    temperature = term.temperature
    total = entropy = 0.0
    for row, states in enumerate(by_row(online, side)):
        for place in np.flatnonzero(positions[row]):
            teacher_z = head_logits(online.head, states["hidden"][None, place])[0]
            log_q = reference.log_softmax(teacher_z / temperature)
            q = np.exp(log_q)
            if term.top_k is not None:
                best = np.argsort(-teacher_z)[: term.top_k]
                log_q = reference.log_softmax(reference.log_softmax(teacher_z)[best] / temperature)
                q = np.zeros(SIZE)
                q[best] = np.exp(log_q)
            ours = temperature if term.form == "hinton" else 1.0
            total -= (q * reference.log_softmax(z[row, place] / ours)).sum()
            entropy -= (np.exp(log_q) * log_q).sum()
    factor = temperature**2 if term.form == "hinton" else 1.0
    return factor * total, factor * (total - entropy)


FORMS = [("paper", 1.0), ("paper", 2.5), ("hinton", 2.5)]


READ = [("masked", "selected"), ("masked", "all"), ("plain", "all")]


@pytest.mark.parametrize(
    ("form", "temperature", "view", "at", "top_k"),
    few(
        [
            (*FORMS[one], *READ[two], top_k)
            for one, two, top_k in itertools.product(range(3), range(3), (None, 3))
        ],
        *(1, 8, 12, 17),  # each form, way to read and kind of store
    ),
)
def test_soft_targets_of_an_online_teacher_are_the_papers(form, temperature, view, at, top_k):
    online, model, batch = teacher(), student(), batch_of()
    term = attached(
        SoftTargets(
            teacher="bert", view=view, at=at, top_k=top_k, form=form, temperature=temperature,
            module="encoder",
        ),
        model, online,
    )  # fmt: skip
    side = batch[view]["source"]
    positions = side["selected"] if at == "selected" else side["valid"] & (side["ids"] != SEP)
    term.test_states = model(batch[view], training=False)
    loss, above = dense_reference(term, online, batch, view, positions)
    result = forward(model, [term], batch)
    assert float(term.count(batch)) == positions.sum()
    assert float(result.sums["soft_targets"]) == pytest.approx(loss, rel=1e-4)
    assert float(result.metrics["soft_targets.kl"][0]) == pytest.approx(above, rel=1e-3, abs=1e-3)


def test_the_gradient_is_that_of_all_logits_at_once():
    online, model, batch = teacher(), student(), batch_of()
    term = attached(
        SoftTargets(teacher="bert", view="masked", module="encoder", temperature=2.0), model, online
    )
    selected = batch["masked"]["source"]["selected"]
    q = tf.nn.softmax(online.head.logits(online.states(batch["masked"])["hidden"]) / 2.0)
    variables = [*model.trainable_variables, *term.trainable_variables]
    with tf.GradientTape() as tape:
        z = term.classifier.logits(model(batch["masked"])["encoder.hidden"])
        plain = -tf.reduce_sum(q * tf.nn.log_softmax(z), -1)
        expected = tf.reduce_sum(tf.where(selected, plain, 0.0)) / selected.sum()
    wanted = tape.gradient(expected, variables)
    with tf.GradientTape() as tape:
        loss = forward(model, [term], batch).loss
    found = tape.gradient(loss, variables)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    for variable, one, other in zip(variables, found, wanted, strict=True):
        assert (one is None) == (other is None), variable.path
        if one is not None:
            np.testing.assert_allclose(
                tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=2e-6
            )
    reached = {v.path.split("/")[1] for v, g in zip(variables, found, strict=True) if g is not None}
    assert "decoder" not in reached
    assert "encoder" in reached


def test_a_student_equal_to_its_teacher_has_no_divergence_and_right_words_are_counted():
    online = teacher(dropout=0.0)
    batch = batch_of()
    sequence = online._sequence(batch["masked"]["source"])
    none = np.zeros((4, 1), bool)
    side = batch["masked"]["source"]
    record = {
        **sequence,
        "labels": np.concatenate([np.full((4, 1), CLS, np.int32), side["labels"]], 1),
        "selected": np.concatenate([none, side["selected"]], 1),
    }
    term = SoftTargets(teacher="bert", view="masked", at="all")
    term.attach(online.model, {"bert": online})
    result = forward(online.model, [term], {"examples": np.arange(4), "masked": record})
    assert float(result.metrics["soft_targets.kl"][0]) == pytest.approx(0.0, abs=1e-4)
    words = side["valid"] & (side["labels"] != SEP)
    logits = head_logits(online.head, online.states(batch["masked"])["hidden"])
    right, count = result.metrics["soft_targets.accuracy"]
    assert float(count) == words.sum()
    assert float(right / count) == share_right(logits[words], side["labels"][words])


def test_a_teacher_has_no_dropout_no_gradient_and_no_place_among_the_weights():
    from tfkd.training import Distiller

    online, model, batch = teacher(dropout=0.6), student(), batch_of()
    term = SoftTargets(teacher="bert", view="masked", module="encoder", group="auxiliary")
    distiller = Distiller(model, [CrossEntropy(), term], teachers={"bert": online})
    ids = {id(weight) for weight in online.model.weights}
    assert ids.isdisjoint(id(weight) for weight in distiller.weights)
    assert ids.isdisjoint(id(parameter.variable) for parameter in distiller.parameters)
    assert any(p.path.startswith("terms/soft_targets/classifier") for p in distiller.parameters)
    with dropout_key([1, 2]):
        one = distiller.objective(batch, distiller.counts(batch), training=True)
    weights = [weight.value for weight in online.model.weights]
    with dropout_key([3, 4]), tf.GradientTape() as tape:
        tape.watch(weights)
        two = distiller.objective(batch, distiller.counts(batch), training=True)
    assert float(one.loss) == float(two.loss)
    assert all(gradient is None for gradient in tape.gradient(two.loss, weights))
    assert not online.model.trainable_weights


def test_the_classifier_starts_from_the_seed():
    online, model = teacher(), student()
    makes = [
        attached(SoftTargets(teacher="bert", module="encoder"), model, online, seed).classifier
        for seed in (1, 1, 2)
    ]
    one, same, other = (make.own_matrix.numpy() for make in makes)
    assert one.shape == (SIZE, 8)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_words_hidden_from_an_encoder_are_predicted_without_a_teacher_too():
    model, batch = student(), batch_of()
    term = attached(MaskedLM(view="masked", module="encoder"), model, None)
    side = batch["masked"]["source"]
    z = head_logits(term.classifier, model(batch["masked"])["encoder.hidden"])
    log_p = reference.log_softmax(z)
    expected = -np.take_along_axis(log_p, side["labels"][..., None], -1)[side["selected"]].sum()
    assert float(forward(model, [term], batch).sums["masked_lm"]) == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("at", ["selected", "all"])
def test_an_encoder_decoder_teaches_one_at_the_targets_words(at):
    """Of another vocabulary than the source's: its own [CLS] and [SEP] end words."""
    batch = batch_of()
    target = batch["plain"]["target"]
    last = target["valid"] & ~np.pad(target["valid"], ((0, 0), (0, 1)))[:, 1:]
    target["labels"] = np.where(last, 12, target["labels"]).astype(np.int32)
    online = OnlineTeacher(student(dropout=0.5), start_id=11, end_id=12)
    term = SoftTargets(teacher="bert", at=at)
    term.attach(online.model, {"bert": online})
    result = forward(online.model, [term], batch, training=False)
    assert float(result.metrics["soft_targets.kl"][0]) == pytest.approx(0.0, abs=1e-4)
    words = target["valid"] & (target["labels"] != 12) & (target["labels"] != 11)
    expected = words if at == "all" else target["selected"]
    assert float(term.count(batch)) == expected.sum()
    assert term.classifier is None


def test_a_teacher_that_is_missing_is_named():
    with pytest.raises(ValueError, match="Expected an online teacher 'bert'"):
        HiddenStates(teacher="bert", module="encoder").attach(student(), {})
