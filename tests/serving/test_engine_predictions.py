"""Predictions by an engine's log-probabilities: those of the model's own head."""

import numpy as np
import pytest

from tfkd.serving.formats.engine_predictions import EnginePredictions, _ranked

V = 11


class Engine:
    """What it says of a word hangs on the ids before it."""

    pieces = V

    def __init__(self):
        self.asked = []

    def next_log_probabilities(self, rows):
        self.asked.append([list(row) for row in rows])
        return [np.stack([said(row[: place + 1]) for place in range(len(row))]) for row in rows]


def said(ids):
    logits = np.random.default_rng(list(ids)).normal(size=V).round(1)
    return (logits - np.log(np.exp(logits).sum())).astype(np.float32)


@pytest.mark.parametrize("values", [1, 10**6])
def test_each_selected_word_is_ranked_among_all(monkeypatch, values):
    monkeypatch.setattr("tfkd.serving.formats.engine_predictions._VALUES", values)
    rng, engine = np.random.default_rng(0), Engine()
    ids, labels = rng.integers(0, V, (2, 4, 7))
    selected = rng.random((4, 7)) < 0.6
    selected[2] = False
    record = {"ids": ids, "labels": labels, "selected": selected}
    found = EnginePredictions(engine).predictor(3)(record)
    places = np.argwhere(selected)
    assert all(len(values) == len(places) for values in found.values())
    for at, (row, place) in enumerate(places):
        expected = said(ids[row, : place + 1].tolist()).astype(np.float64)
        order = sorted(range(V), key=lambda piece: (-expected[piece], piece))
        gold = labels[row, place]
        assert found["gold"][at] == gold
        assert found["gold_rank"][at] == order.index(gold)
        assert found["gold_log_probability"][at] == np.float32(expected[gold])
        assert [expected[one] for one in found["ids"][at]] == [expected[one] for one in order[:3]]
        np.testing.assert_allclose(found["log_probabilities"][at], expected[order[:3]], rtol=1e-6)
        entropy = -(np.exp(expected) * expected).sum()
        np.testing.assert_allclose(found["entropy"][at], entropy, rtol=1e-5)
    asked = [row for call in engine.asked for row in call]
    assert len(asked) == 3  # a row without a selected word is not asked for
    assert len(engine.asked) == (3 if values == 1 else 1)


def test_nothing_selected_has_no_predictions():
    none = {"ids": np.ones((2, 3), int), "labels": np.ones((2, 3), int),
            "selected": np.zeros((2, 3), bool)}  # fmt: skip
    found = EnginePredictions(Engine()).predictor(2)(none)
    assert found["log_probabilities"].shape == (0, 2)
    assert found["gold_rank"].shape == (0,)


def test_of_equal_ones_the_smaller_id_comes_first():
    found = _ranked(np.log(np.full((3, 4), 0.25, np.float32)), np.array([0, 2, 3]), 2)
    assert found["gold_rank"].tolist() == [0, 2, 3]
    assert found["entropy"] == pytest.approx(np.log(4))
