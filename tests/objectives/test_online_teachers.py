"""Terms with a teacher that is asked in the step, against NumPy float64 and one row at a time."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from margins import share_right

from tfkd.layers import dropout_key
from tfkd.models.bert import Bert
from tfkd.models.transformer import Transformer
from tfkd.objectives import (
    CrossEntropy,
    HiddenStates,
    MaskedLM,
    OnlineTeacher,
    SoftTargets,
    objective_forward,
    term_counts,
)
from tfkd.spec.checks.layer_pairs import layer_pairs

from . import reference


def in_pairs(cases):
    """A product whose last factor has two values and the one before it an odd number: in the short
    ring one of the two in turn, which leaves each pair of values of two factors."""
    turns = (0, 1, 1, 0)  # of four cases that follow each other
    marks = ([], [pytest.mark.long])
    return [
        pytest.param(*values, marks=marks[turns[number % 4]]) for number, values in enumerate(cases)
    ]


PAD, CLS, SEP, MASK, SIZE, TARGETS = 0, 2, 3, 4, 17, 13


def teacher(layers=3, width=12, dropout=0.4, seed=5):
    """A BERT whose every weight matters."""
    model = Bert(SIZE, layers=layers, width=width, heads=2, max_length=16, dropout=dropout, seed=1)
    draw = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(variable + 0.4 * draw.normal(size=variable.shape))
    return OnlineTeacher(model, start_id=CLS, end_id=SEP)


def student(dropout=0.0, layers=2, width=8):
    return Transformer(
        TARGETS,
        source_vocabulary_size=SIZE,
        encoder_layers=layers,
        decoder_layers=1,
        width=width,
        heads=2,
        dropout=dropout,
        share_embeddings="target",
    )


def batch_of(seed=0, lengths=(5, 2, 0, 6), width=8):
    """A pair with its masked source beside it; a length of 0 is a batch's filler."""
    draw = np.random.default_rng(seed)
    lengths = np.asarray(lengths)
    column = np.arange(width)
    words = column < lengths[:, None]
    real = (lengths > 0)[:, None]
    valid = (column <= lengths[:, None]) & real
    ids = np.where(words, draw.integers(5, SIZE, words.shape), 0)
    ids = np.where((column == lengths[:, None]) & real, SEP, ids).astype(np.int32)
    selected = words & (draw.random(words.shape) < 0.5)
    masked = np.where(selected & (draw.random(words.shape) < 0.8), MASK, ids).astype(np.int32)
    target = draw.integers(5, TARGETS, (2, *words.shape)).astype(np.int32) * valid
    return {
        "examples": np.where(lengths > 0, np.arange(len(lengths)), -1),
        "plain": {
            "source": {"ids": ids, "valid": valid},
            "target": {"ids": target[0], "labels": target[1], "valid": valid, "selected": valid},
        },
        "masked": {"source": {"ids": masked, "valid": valid, "labels": ids, "selected": selected}},
    }


def forward(model, terms, batch, training=True, **options):
    return objective_forward(model, terms, batch, term_counts(terms, batch), training, **options)


def attached(term, model, online, seed=3):
    term.attach(model, {"bert": online}, seed)
    return term


def float64(tensor):
    return np.asarray(tensor, np.float64)


def head_logits(head, hidden):
    return float64(head.logits(tf.cast(hidden, tf.float32)))


def by_row(online, side):
    """The teacher's states of each row alone: `[CLS] x [SEP]` without padding, [CLS] taken off."""
    states = []
    for ids, valid in zip(side["ids"], side["valid"], strict=True):
        row = np.concatenate([[CLS], ids[valid]])[None].astype(np.int32)
        found = online.model({"ids": row}, training=False)
        states.append({name: float64(value)[0, 1:] for name, value in found.items()})
    return states


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
    in_pairs(
        (*FORMS[one], *READ[two], top_k)
        for one, two, top_k in itertools.product(range(3), range(3), (None, 3))
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


LAYERS = ["last", "second_to_last", "every", "mix", {"layer_1": "embedding", "hidden": "mix"}]


@pytest.mark.parametrize(
    ("at", "layers", "over_width"),
    in_pairs(itertools.product(("all", "selected"), LAYERS, ("mean", "sum"))),
)
def test_hidden_states_are_compared_as_the_formula_says(layers, at, over_width):
    online, model, batch = teacher(), student(), batch_of()
    term = attached(
        HiddenStates(
            teacher="bert", view="masked", layers=layers, at=at, over_width=over_width,
            module="encoder",
        ),
        model, online,
    )  # fmt: skip
    draw = np.random.default_rng(1)
    for variable in term.weights:
        variable.assign(draw.normal(size=variable.shape))
    side = batch["masked"]["source"]
    chosen = side["selected"] if at == "selected" else side["valid"] & (side["ids"] != SEP)
    states = model(batch["masked"])

    def weight(path):
        return float64(next(v for v in term.weights if v.path.endswith(path)))

    total = 0.0
    for own, other in term.pairs.items():
        kernel, bias = (weight(f"projection_{own}/{name}") for name in ("kernel", "bias"))
        ours = float64(states[f"encoder.{own}"]) @ kernel + bias
        for row, theirs in enumerate(by_row(online, side)):
            if other == "mix":
                w = weight(f"mix_{own}")
                shares = np.exp(w) / np.exp(w).sum()
                state = sum(s * theirs[f"layer_{n + 1}"] for n, s in enumerate(shares))
            else:
                state = theirs[other]
            for place in np.flatnonzero(chosen[row]):
                total += ((ours[row, place] - state[place]) ** 2).sum()
    total /= 12 if over_width == "mean" else 1
    assert float(forward(model, [term], batch).sums["hidden_states"]) == pytest.approx(
        total, rel=1e-4
    )
    assert float(term.count(batch)) == chosen.sum()


def test_equal_states_without_a_projection_have_no_distance():
    online = teacher(dropout=0.0)
    record = {"ids": np.array([[CLS, 7, 8, SEP]], np.int32), "valid": np.ones((1, 4), bool)}
    term = HiddenStates(teacher="bert", layers="every", projection="none")
    term.attach(online.model, {"bert": online})
    batch = {"examples": np.arange(1), "plain": record}
    assert float(forward(online.model, [term], batch).loss) == 0.0
    assert not term.weights


def test_layers_are_paired_by_their_share_of_the_depth():
    assert layer_pairs("every", 3, 12) == {
        "layer_1": "layer_4", "layer_2": "layer_8", "hidden": "hidden"
    }  # fmt: skip
    assert layer_pairs("every", 4, 6) == {
        "layer_1": "layer_2", "layer_2": "layer_3", "layer_3": "layer_5", "hidden": "hidden"
    }  # fmt: skip
    assert layer_pairs("second_to_last", 3, 12) == {"hidden": "layer_11"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": {"layer_9": "hidden"}}, "Expected states of the student: embedding, layer_1"),
        ({"layers": {"hidden": "layer_4"}}, "Expected states of the teacher: .* Received: layer_4"),
        ({"projection": "none"}, "width 8 and a teacher of width 12"),
        ({"layers": "first"}, "Expected one of last, second_to_last, every, mix"),
    ],
)
def test_states_that_do_not_exist_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        attached(HiddenStates(teacher="bert", module="encoder", **options), student(), teacher())


def test_a_teacher_that_is_missing_is_named():
    with pytest.raises(ValueError, match="Expected an online teacher 'bert'"):
        HiddenStates(teacher="bert", module="encoder").attach(student(), {})
