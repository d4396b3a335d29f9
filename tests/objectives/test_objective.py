"""The sum of terms: what must not count, its parts, and one pass for all that read alike."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.objectives import (
    CausalLM,
    CrossEntropy,
    MaskedLM,
    SoftTargets,
    Term,
    objective_forward,
    term_counts,
)

from .fakes import TableModel, pair_record, sequence_record
from .tables import SIZE, TERMS, batch_of, forward, gradients


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


@pytest.mark.long
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
    graph = tf.function(lambda batch: step(batch, False), input_signature=[free], autograph=False)
    compiled = tf.function(lambda batch: step(batch, True), jit_compile=True, autograph=False)
    for run in (graph, compiled):
        loss, ours = run(tensors)
        np.testing.assert_allclose(loss, expected.loss, rtol=1e-5)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
