"""Rows that count by their weight: sums, normalizers and gradients against NumPy in float64."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.objectives import CrossEntropy, Term, objective_forward, term_counts

from . import reference
from .fakes import TableModel
from .tables import SIZE, TERMS, batch_of, forward, gradients, logits_of

WEIGHTS = np.array([0.75, 0.25, 1.0, 0.125], np.float32)


@pytest.fixture
def weighed():
    batch = batch_of(np.random.default_rng(3), [5, 2, 4, 3], 6)
    batch["stores"]["targets"]["present"][2] = False
    return {**batch, "row_weights": WEIGHTS}


def expected(model, batch, divide_by="own"):
    """Each term's weighed sum and normalizer in float64, with a loop over positions."""
    target, store = batch["plain"]["target"], batch["stores"]["targets"]
    logits = logits_of(model, batch["plain"])
    sums, counts = dict.fromkeys(TERMS, 0.0), dict.fromkeys(TERMS, 0.0)
    for row, place in np.argwhere(target["selected"]):
        weight = float(batch["row_weights"][row])
        gold = np.array([target["labels"][row, place]])
        q = {"cross_entropy": reference.smoothed(gold, SIZE, 0.1, "opennmt")}
        if store["present"][row, place]:
            log_p = store["log_probabilities"][row, place].astype(np.float64)[None]
            shares = reference.softened(log_p, 10.0)
            q["soft_targets"] = reference.scatter(store["ids"][row, place][None], shares, SIZE)
        for name, one in q.items():
            loss, _ = reference.cross_entropy(logits[row, place][None], one)
            sums[name] += weight * loss[0]
            counts[name] += weight
    return sums, counts


@pytest.mark.parametrize("static_shapes", [False, True])
def test_a_loss_is_the_weighed_mean_of_its_positions(weighed, static_shapes):
    model = TableModel()
    terms = [make() for make in TERMS.values()]
    result = forward(model, terms, weighed, static_shapes=static_shapes)
    sums, counts = expected(model, weighed)
    for name in TERMS:
        np.testing.assert_allclose(result.sums[name], sums[name], rtol=1e-5)
        np.testing.assert_allclose(term_counts(terms, weighed)[name], counts[name], rtol=1e-6)
    loss = sum(0.5 * sums[name] / counts[name] for name in TERMS)
    np.testing.assert_allclose(result.loss, loss, rtol=1e-5)
    # A metric is a mean of the same weights.
    (_, positions) = result.metrics["cross_entropy.nll"]
    assert float(positions) == pytest.approx(counts["cross_entropy"])


def test_weights_of_1_change_nothing_and_a_row_of_weight_0_counts_nothing(weighed):
    model, terms = TableModel(), [make() for make in TERMS.values()]
    plain = {name: value for name, value in weighed.items() if name != "row_weights"}
    alone, ours = gradients(model, terms, plain)
    ones, theirs = gradients(model, terms, {**plain, "row_weights": np.ones(4, np.float32)})
    np.testing.assert_allclose(ones.loss, alone.loss, rtol=1e-6)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    without = {**plain, "row_weights": np.array([1, 0, 1, 1], np.float32)}
    rows = np.array([0, 2, 3])
    left = tf.nest.map_structure(lambda value: value[rows], plain)
    np.testing.assert_allclose(
        forward(model, terms, without).loss, forward(model, terms, left).loss, rtol=1e-6
    )


def test_parts_of_a_weighed_batch_add_up_to_the_whole(weighed):
    """The normalizer is the sum of weights over all parts: accumulation stays exact."""
    model, terms = TableModel(), [make() for make in TERMS.values()]
    whole, wanted = gradients(model, terms, weighed)
    parts = [
        tf.nest.map_structure(lambda value, part=part: value[part], weighed)
        for part in (slice(0, 1), slice(1, 4))
    ]
    counts = tf.nest.map_structure(
        lambda *values: sum(values), *(term_counts(terms, part) for part in parts)
    )
    total, summed = 0.0, [0.0] * len(wanted)
    for part in parts:
        with tf.GradientTape() as tape:
            loss = objective_forward(model, terms, part, counts, True).loss
        total += loss
        found = tape.gradient(loss, model.variables)
        summed = [s + tf.convert_to_tensor(g) for s, g in zip(summed, found, strict=True)]
    np.testing.assert_allclose(total, whole.loss, rtol=1e-6)
    for one, other in zip(summed, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("divide_by", "count"),
    [
        ("own", 5 * 0.75 + 2 * 0.25 + 4 + 3 * 0.125),
        ("target_tokens", 5 * 0.75 + 2 * 0.25 + 4 + 3 * 0.125),
        ("rows", 0.75 + 0.25 + 1 + 0.125),
    ],
)
def test_every_normalizer_counts_weights(weighed, divide_by, count):
    assert float(CrossEntropy(divide_by=divide_by).count(weighed)) == pytest.approx(count)


def test_a_term_that_knows_no_weights_is_refused(weighed):
    class Plain(Term):
        def call(self, states, batch):
            return tf.reduce_sum(states["hidden"])

    with pytest.raises(ValueError, match="term plain counts each row as much"):
        forward(TableModel(), [Plain(name="plain")], weighed)
