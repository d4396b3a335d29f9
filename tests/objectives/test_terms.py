"""Terms against NumPy float64: sums, normalizers, gradients, and what must not count."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from margins import FLOAT32, margins

from tfkd.objectives import (
    CausalLM,
    CrossEntropy,
    MaskedLM,
    SoftTargets,
    Term,
    objective_forward,
    term_counts,
)

from . import reference
from .fakes import TableModel, pair_record, sequence_record

SIZE = 11


def batch_of(rng, lengths, width, k=3):
    """A pair batch with a store of k random targets a position; the last rows may be filler."""
    record = pair_record(rng, lengths, width, SIZE)
    log_p = np.sort(rng.normal(-2, 1, (len(lengths), width, k)) - 1.5, -1)[..., ::-1]
    ids = reference.distinct(rng, len(lengths) * width, k, SIZE).reshape(len(lengths), width, k)
    present = record["target"]["valid"].copy()
    store = {
        "ids": np.where(present[..., None], ids, 0).astype(np.int32),
        "log_probabilities": np.where(present[..., None], log_p, 0).astype(np.float16),
        "present": present,
    }
    examples = np.where(np.asarray(lengths) > 0, np.arange(len(lengths)), -1)
    return {"examples": examples, "plain": record, "stores": {"targets": store}}


def logits_of(model, record):
    ids = record["target"]["ids"]
    hidden = model.table.numpy().astype(np.float64)[ids] + model.places.numpy()[: ids.shape[1]]
    matrix, bias = (w.numpy().astype(np.float64) for w in model.head.weights)
    return hidden @ matrix.T + bias


def forward(model, terms, batch, **options):
    return objective_forward(model, terms, batch, term_counts(terms, batch), True, **options)


def gradients(model, terms, batch, **options):
    with tf.GradientTape() as tape:
        result = forward(model, terms, batch, **options)
    return result, [
        tf.convert_to_tensor(g).numpy() for g in tape.gradient(result.loss, model.variables)
    ]


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
@pytest.mark.parametrize("form", ["paper", "hinton"])
@pytest.mark.parametrize("temperature", [1.0, 10.0])
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


TERMS = {
    "cross_entropy": lambda: CrossEntropy(label_smoothing=0.1, weight=0.5),
    "soft_targets": lambda: SoftTargets(teacher="targets", temperature=10.0, weight=0.5),
}


@pytest.mark.parametrize("static_shapes", [False, True])
def test_padding_and_filler_rows_count_exactly_nothing(static_shapes):
    rng = np.random.default_rng(6)
    model = TableModel()
    batch = batch_of(rng, [5, 3], 5)
    terms = [make() for make in TERMS.values()]
    alone, expected = gradients(model, terms, batch, static_shapes=static_shapes)

    def pad(value):
        return np.pad(value, [(0, 2), (0, 3)] + [(0, 0)] * (value.ndim - 2))

    padded = {
        "examples": np.array([0, 1, -1, -1]),
        **tf.nest.map_structure(pad, {k: batch[k] for k in ("plain", "stores")}),
    }
    target = padded["plain"]["target"]
    target["ids"][~target["valid"]] = 7
    target["labels"][~target["valid"]] = 4
    store = padded["stores"]["targets"]
    store["log_probabilities"][~store["present"]] = -np.inf  # whatever it is, it is not read
    store["log_probabilities"][~store["present"], 0] = 0
    result, ours = gradients(model, terms, padded, static_shapes=static_shapes)
    for name in alone.sums:
        np.testing.assert_allclose(result.sums[name], alone.sums[name], rtol=1e-6)
        assert term_counts(terms, padded)[name] == term_counts(terms, batch)[name] == 8
    for name, (value, positions) in alone.metrics.items():
        np.testing.assert_allclose(result.metrics[name], (value, positions), rtol=1e-5)
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    empty = tf.nest.map_structure(lambda value: value[2:], padded)
    result, ours = gradients(model, terms, empty, static_shapes=static_shapes)
    assert result.loss == 0
    assert all(value == 0 for value in result.sums.values())
    assert all((g == 0).all() for g in ours)


def test_counts_over_parts_make_the_parts_add_up_to_the_whole():
    rng = np.random.default_rng(7)
    model = TableModel()
    batch = batch_of(rng, [5, 0, 1, 7], 7)
    batch["stores"]["targets"]["present"][3] = False
    terms = [make() for make in TERMS.values()]
    whole, expected = gradients(model, terms, batch)
    halves = [
        tf.nest.map_structure(lambda value, part=part: value[part], batch)
        for part in (slice(0, 2), slice(2, 4))
    ]
    counts = tf.nest.map_structure(
        lambda *values: sum(values), *(term_counts(terms, half) for half in halves)
    )
    assert counts["soft_targets"] == 6
    total, summed = 0.0, [0.0] * 4
    for half in halves:
        with tf.GradientTape() as tape:
            loss = objective_forward(model, terms, half, counts, True).loss
        total += loss
        found = tape.gradient(loss, model.variables)
        summed = [s + tf.convert_to_tensor(g) for s, g in zip(summed, found, strict=True)]
    np.testing.assert_allclose(total, whole.loss, rtol=1e-6)
    for one, other in zip(summed, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_terms_of_one_view_share_one_call_and_one_pass_with_their_own_positions():
    rng = np.random.default_rng(8)
    model, batch = TableModel(), batch_of(rng, [5, 6], 6)
    batch["stores"]["targets"]["present"][1] = False
    terms = [make() for make in TERMS.values()]
    both = forward(model, terms, batch)
    assert len(model.calls) == 1
    for term in terms:
        single = forward(model, [term], batch)
        np.testing.assert_allclose(both.sums[term.name], single.sums[term.name], rtol=1e-6)


def test_each_view_and_each_head_has_its_own_pass():
    rng = np.random.default_rng(9)
    model = TableModel()
    batch = {
        "examples": np.arange(2),
        "mlm": sequence_record(rng, [5, 6], 6, SIZE),
        "plain": sequence_record(rng, [3, 2], 4, SIZE),
    }
    terms = [
        MaskedLM(name="words", view="mlm", weight=2.0),
        CausalLM(head="other", view="mlm"),
        CausalLM(name="next", divide_by="rows"),
    ]
    result = forward(model, terms, batch)
    assert len(model.calls) == 2
    counts = term_counts(terms, batch)
    assert counts["words"] == batch["mlm"]["selected"].sum()
    assert counts["next"] == 2
    weights = [2.0, 1.0, 1.0]
    expected = sum(
        w * result.sums[t.name] / counts[t.name] for w, t in zip(weights, terms, strict=True)
    )
    np.testing.assert_allclose(result.loss, expected, rtol=1e-6)
    assert result.sums["words"] != result.sums["causal_lm"]


def test_divisors_of_sequences_and_pairs():
    rng = np.random.default_rng(10)
    sequence = sequence_record(rng, [6, 9, 0], 9, SIZE)
    single = {**sequence, "types": np.zeros_like(sequence["types"])}
    pair = pair_record(rng, [6, 9, 0], 9, SIZE)
    batch = {"examples": np.array([4, 2, -1]), "s": sequence, "one": single, "p": pair}

    def count(view, divide_by):
        return float(CrossEntropy(view=view, divide_by=divide_by).count(batch))

    assert count("s", "own") == count("s", "selected") == sequence["selected"].sum()
    assert count("s", "tokens") == 15
    assert count("s", "target_tokens") == 3 + 5
    assert count("one", "target_tokens") == 5 + 8
    assert count("p", "target_tokens") == count("p", "own") == 15
    assert count("s", "rows") == count("p", "rows") == 2


class Norms(Term):
    """A term with a weight of its own that is no loss over the vocabulary."""

    kind = "norms"

    def __init__(self, **options):
        super().__init__(name="norms", **options)
        self.factor = self.add_weight((), initializer="ones", name="factor")

    def call(self, states, batch):
        selected = tf.cast(self.positions(batch, batch[self.view]), tf.float32)
        squares = tf.reduce_sum(tf.square(states["embedding"]), -1)
        return self.factor * tf.reduce_sum(squares * selected)


def test_a_term_on_hidden_states_may_own_weights():
    rng = np.random.default_rng(11)
    model, batch = TableModel(), batch_of(rng, [5, 6], 6)
    terms = [CrossEntropy(), Norms(weight=0.1, divide_by="rows", group="auxiliary")]
    assert terms[1].trainable_variables
    with tf.GradientTape() as tape:
        result = forward(model, terms, batch)
    assert len(model.calls) == 1
    np.testing.assert_allclose(
        tape.gradient(result.loss, terms[1].trainable_variables[0]),
        0.1 * result.sums["norms"] / 2,
        rtol=1e-6,
    )


def test_graph_xla_and_eager_agree():
    rng = np.random.default_rng(12)
    model, batch = TableModel(), batch_of(rng, [5, 0, 6], 6)
    terms = [CrossEntropy(label_smoothing=0.1), SoftTargets(teacher="targets", temperature=10.0)]
    expected, theirs = gradients(model, terms, batch)

    def step(batch, static_shapes):
        with tf.GradientTape() as tape:
            result = forward(model, terms, batch, static_shapes=static_shapes)
        found = tape.gradient(result.loss, model.variables)
        return result.loss, [tf.convert_to_tensor(g) for g in found]

    tensors = tf.nest.map_structure(tf.convert_to_tensor, batch)
    free = tf.nest.map_structure(
        lambda value: tf.TensorSpec(
            [None, *[None] * (len(value.shape) > 1), *value.shape[2:]], value.dtype
        ),
        tensors,
    )
    graph = tf.function(lambda batch: step(batch, False), input_signature=[free])
    compiled = tf.function(lambda batch: step(batch, True), jit_compile=True)
    for run in (graph, compiled):
        loss, ours = run(tensors)
        np.testing.assert_allclose(loss, expected.loss, rtol=1e-5)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


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
