"""Scores of classes against counts one row at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.evaluation import Predicted, confusion, paired_bootstrap, score_of
from tfkd.evaluation.intervals.bootstrap import interval


@st.composite
def guesses(draw, most=4):
    classes = draw(st.integers(2, most))
    rows = draw(st.integers(1, 30))
    labels = draw(st.lists(st.integers(0, classes), min_size=rows, max_size=rows))
    guessed = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return Predicted(np.array(labels), np.array(guessed), classes)


def f1_by_hand(labels, guesses, of):
    hit = sum(a == b == of for a, b in zip(labels, guesses, strict=True))
    wrong = sum(b == of != a for a, b in zip(labels, guesses, strict=True))
    missed = sum(a == of != b for a, b in zip(labels, guesses, strict=True))
    return 2 * hit / (2 * hit + wrong + missed) if hit + wrong + missed else 0.0


def correlation(labels, guesses, classes):
    """Pearson's correlation of the one-hot rows, over all classes at once (R_K's definition)."""
    a, b = (np.eye(classes + 1)[values] for values in (labels, guesses))
    a, b = a - a.mean(0), b - b.mean(0)
    spread = math.sqrt((a * a).sum() * (b * b).sum())
    return (a * b).sum() / spread if spread > 1e-12 else 0.0


@settings(max_examples=60, deadline=None)
@given(guesses())
def test_metrics_equal_counts_by_hand(found):
    labels, guessed = found.labels.tolist(), found.guesses.tolist()

    def value(metric, positive=None):
        return score_of(metric, replace(found, positive=positive), samples=1).value

    hits = sum(a == b for a, b in zip(labels, guessed, strict=True))
    assert value("accuracy") == pytest.approx(hits / len(labels))
    for of in range(found.classes):
        assert value("f1", positive=of) == pytest.approx(f1_by_hand(labels, guessed, of))
    occur = sorted({*labels, *guessed})
    mean = sum(f1_by_hand(labels, guessed, of) for of in occur) / len(occur)
    assert value("f1") == pytest.approx(mean)
    expected = correlation(labels, guessed, found.classes)
    assert value("matthews") == pytest.approx(expected, abs=1e-9)
    cells = {(a, b): rows for a, b, rows in confusion(found)}
    pairs = list(zip(labels, guessed, strict=True))
    assert cells == {pair: pairs.count(pair) for pair in pairs}
    counts = [rows for _, _, rows in confusion(found)]
    assert counts == sorted(counts, reverse=True)


def test_a_label_that_is_no_class_is_never_right():
    found = Predicted(np.array([0, 1, 2]), np.array([0, 1, 1]), 2)
    assert score_of("accuracy", found, samples=1).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "matthews"])
def test_intervals_are_those_of_the_drawn_rows_themselves(metric):
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 50)
    found = Predicted(labels, np.where(generator.random(50) < 0.7, labels, 0), 3)
    other = Predicted(labels, np.where(generator.random(50) < 0.4, labels, 1), 3)
    drawn = np.random.default_rng(7).choice(50, size=(80, 50), replace=True)

    def values(of):
        return np.array(
            [
                score_of(metric, Predicted(of.labels[rows], of.guesses[rows], 3), samples=1).value
                for rows in drawn
            ]
        )

    score = score_of(metric, found, samples=80, seed=7)
    assert (score.low, score.high) == pytest.approx(interval(values(found)))
    paired = paired_bootstrap(metric, found, other, samples=80, seed=7)
    differences = values(found) - values(other)
    assert (paired["low"], paired["high"]) == pytest.approx(interval(differences))
    assert paired["delta"] == pytest.approx(score.value - paired["value"])
    assert (paired["value_low"], paired["value_high"]) == pytest.approx(interval(values(other)))
    same = paired_bootstrap(metric, found, found, samples=80, seed=7)
    assert (same["delta"], same["p"]) == (0.0, 1.0)


def test_wrong_arguments_are_named():
    found = Predicted(np.array([0]), np.array([0]), 2)
    with pytest.raises(ValueError, match="as many rows"):
        paired_bootstrap("f1", found, Predicted(np.array([0, 1]), np.array([0, 1]), 2))


@settings(max_examples=30, deadline=None)
@given(guesses(), st.data())
def test_of_several_labels_a_row_a_row_has_the_sums_of_its_labels(found, data):
    """All rows together score as their labels do; what is drawn and compared are whole rows."""
    rows = data.draw(st.integers(1, 8))
    row = data.draw(st.lists(st.integers(0, rows - 1), min_size=len(found.labels),
                             max_size=len(found.labels)))  # fmt: skip
    several = replace(found, row=np.array(row), rows=rows)
    for metric in ("accuracy", "f1", "matthews"):
        alone, together = (score_of(metric, one, samples=1) for one in (found, several))
        assert together.value == pytest.approx(alone.value)
    sums = several.statistics()
    assert len(sums) == rows
    for number in range(rows):
        own = [place for place, one in enumerate(row) if one == number]
        assert np.array_equal(sums[number], found.statistics()[own].sum(0))
