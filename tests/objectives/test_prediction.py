"""Predictions against NumPy float64, and their sums against loops."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.models.mean_of import MeanOf
from tfkd.objectives import (
    predictor,
    row_sums,
    teacher_forced_metrics,
    top_k_log_probabilities,
)

from . import reference
from .fakes import TableModel, pair_record, sequence_record


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(2, 20), st.integers(0, 5), st.integers(0, 2**31))
def test_log_probabilities_ranks_and_entropies_equal_float64(tokens, size, k, seed):
    rng = np.random.default_rng(seed)
    k = min(k, size)
    # Sixteenths, whose products and sums float32 has exactly, in whatever order they are added.
    hidden = (rng.integers(-48, 49, (tokens, 3)) / 16).astype(np.float32)
    matrix = (rng.integers(-48, 49, (size, 3)) / 16).astype(np.float32)
    matrix[-1] = matrix[0]  # equal logits: the smaller id goes first
    gold = rng.integers(0, size, tokens)
    found = top_k_log_probabilities(
        tf.constant(hidden), tf.constant(matrix), None, k, gold, chunk_rows=8
    )
    z = hidden.astype(np.float64) @ matrix.T
    log_p = reference.log_softmax(z)
    order = np.argsort(-log_p, -1, kind="stable")
    # Logits are float32: their error grows with their size.
    close = 1e-6 * (1 + np.abs(z).max(initial=0))
    np.testing.assert_array_equal(found.ids, order[:, :k])
    np.testing.assert_allclose(
        found.log_probabilities, np.take_along_axis(log_p, order[:, :k], 1), atol=close
    )
    np.testing.assert_array_equal(found.gold_rank, np.argmax(order == gold[:, None], -1))
    np.testing.assert_allclose(
        found.gold_log_probability, log_p[np.arange(tokens), gold], atol=close
    )
    np.testing.assert_allclose(found.entropy, -(np.exp(log_p) * log_p).sum(-1), atol=4 * close)


@pytest.mark.parametrize("place", ["gold", "other", "all"])
def test_what_is_no_number_is_never_right(place):
    matrix = np.eye(4, dtype=np.float32)
    hidden = np.array([[9, 1, 2, 3]], np.float32)
    hidden[0, {"gold": [0], "other": [2], "all": [0, 1, 2, 3]}[place]] = np.nan
    found = top_k_log_probabilities(tf.constant(hidden), tf.constant(matrix), None, 0, [0])
    assert found.gold_rank.numpy().tolist() != [0]
    sums = row_sums({name: value.numpy() for name, value in found._asdict().items()}, [[True]])
    assert sums["correct"].tolist() == [0]


def test_predictions_come_for_selected_positions_row_by_row():
    rng = np.random.default_rng(1)
    model = TableModel()
    predict = predictor(model, 4)
    for record in (sequence_record(rng, [6, 0, 5], 7), pair_record(rng, [3, 8], 8)):
        found = predict(record)
        side = record.get("target", record)
        hidden = model(record)["hidden"].numpy()[side["selected"]]
        log_p = reference.log_softmax(model.head.logits(hidden).numpy().astype(np.float64))
        np.testing.assert_array_equal(found["gold"], side["labels"][side["selected"]])
        np.testing.assert_allclose(found["log_probabilities"], -np.sort(-log_p)[:, :4], atol=1e-5)


@pytest.mark.parametrize("weights", [None, [1.0], [3.0, 1.0, 4.0]])
def test_a_mean_of_models_is_that_of_their_distributions(weights):
    count = len(weights or "two")
    rng = np.random.default_rng(3)
    models = [TableModel(seed=number) for number in range(count)]
    record = pair_record(rng, [3, 8], 8)
    found, side = predictor(MeanOf(models, weights), 5)(record), record["target"]
    alone = [
        np.exp(
            reference.log_softmax(
                model.head.logits(model(record)["hidden"].numpy()[side["selected"]])
                .numpy()
                .astype(np.float64)
            )
        )
        for model in models
    ]
    mean = np.average(alone, 0, weights)
    np.testing.assert_allclose(
        found["log_probabilities"], np.log(-np.sort(-mean)[:, :5]), atol=1e-5
    )
    np.testing.assert_allclose(found["entropy"], -(mean * np.log(mean)).sum(-1), atol=1e-5)
    gold = side["labels"][side["selected"]]
    of_gold = mean[np.arange(len(gold)), gold]
    np.testing.assert_allclose(found["gold_log_probability"], np.log(of_gold), atol=1e-5)
    np.testing.assert_array_equal(found["gold_rank"], (mean > of_gold[:, None]).sum(-1))


def test_new_shapes_make_no_new_trace():
    rng = np.random.default_rng(2)
    model = TableModel()
    predict = predictor(model)
    for width in (3, 5, 9):
        predict(sequence_record(rng, [width] * width, width))
    assert len(model.calls) == 1


def test_row_sums_equal_loops_and_figures_are_their_means():
    rng = np.random.default_rng(3)
    record = sequence_record(rng, [6, 0, 5, 9], 9)
    predictions = predictor(TableModel(), 4)(record)
    sums = row_sums(predictions, record["selected"])
    start = 0
    for row, selected in enumerate(record["selected"]):
        mine = slice(start, start := start + selected.sum())
        rank = predictions["gold_rank"][mine]
        assert sums["positions"][row] == selected.sum()
        assert sums["correct"][row] == (rank == 0).sum()
        in_top = (predictions["ids"][mine] == predictions["gold"][mine, None]).any(-1)
        assert sums["covered"][row] == in_top.sum()
        for name, values in (
            ("nll", -predictions["gold_log_probability"]),
            ("entropy", predictions["entropy"]),
            ("mass", np.exp(predictions["log_probabilities"]).sum(-1)),
        ):
            np.testing.assert_allclose(sums[name][row], values[mine].sum(), rtol=1e-5)
    found = teacher_forced_metrics(sums)
    assert found["positions"] == record["selected"].sum()
    assert found["accuracy"] == sums["correct"].sum() / found["positions"]
    assert set(found) == {"positions", "accuracy", "loss", "entropy", "coverage", "mass"}
    assert "coverage" not in teacher_forced_metrics(
        row_sums(predictor(TableModel())(record), record["selected"])
    )
    nothing = {name: np.zeros(2) for name in sums}
    assert teacher_forced_metrics(nothing)["accuracy"] == 0.0


def test_what_does_not_fit_is_named():
    rng = np.random.default_rng(4)
    record = sequence_record(rng, [4], 4)
    predictions = predictor(TableModel())(record)
    with pytest.raises(ValueError, match="selected positions"):
        row_sums(predictions, np.ones((1, 5), bool))
    with pytest.raises(ValueError, match="0 to 11"):
        predictor(TableModel(), 12)(record)
