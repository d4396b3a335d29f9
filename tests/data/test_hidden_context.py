"""Views that hide the context of words: what a teacher without it reads."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import MassView
from tfkd.data.views.blind import BlindEncoder
from tfkd.data.views.last_token import last_tokens

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIALS = Specials(PAD, UNK, CLS, SEP, MASK, (PAD, UNK, CLS, SEP, MASK), 60)


@given(
    st.lists(st.lists(st.integers(1, 20), max_size=6), min_size=1, max_size=5),
    st.sampled_from([0, 7]),
)
@settings(max_examples=60, deadline=None)
def test_a_row_for_each_predicted_word_with_the_token_before_it(texts, pad):
    rows = [[30, *text] for text in texts]
    width = max(map(len, rows)) + 1
    record = {
        "ids": np.array([row + [pad] * (width - len(row)) for row in rows], np.int32),
        "labels": np.array([[*row[1:], 30] + [pad] * (width - len(row)) for row in rows], np.int32),
        "selected": np.array([[place < len(row) for place in range(width)] for row in rows]),
    }
    found = last_tokens(record, pad)
    expected = [
        ([30, pad] if place == 0 else [30, row[place]], place > 0, gold)
        for row in rows
        for place, gold in enumerate([*row[1:], 30])
    ]
    assert found["ids"].tolist() == [ids for ids, _, _ in expected]
    assert found["valid"].tolist() == [[True, later] for _, later, _ in expected]
    assert found["selected"].tolist() == [[not later, later] for _, later, _ in expected]
    # In row-major order, as sums by row and predictions have it.
    assert found["labels"][found["selected"]].tolist() == [gold for _, _, gold in expected]
    assert found["ids"].shape == (record["selected"].sum(), 2)


def set_of(rows):
    ragged = Ragged.from_rows(rows)
    return ExampleSet([Part("texts", {("text", "t"): ragged}, len(rows))])


def test_a_blind_encoder_reads_how_long_a_text_is_and_nothing_else():
    random = np.random.default_rng(3)
    lengths = [7, 1, 0, 12]
    texts, others = ([random.integers(5, 60, n) for n in lengths] for _ in range(2))
    for hide_masked in (True, False):
        view = MassView("t", SPECIALS, hide_masked=hide_masked)
        blind, rows = BlindEncoder(view), np.arange(len(lengths))
        seen, found = view(set_of(texts), rows, 0, 1), blind(set_of(texts), rows, 0, 1)
        np.testing.assert_equal(found["target"], seen["target"])
        # Other words of the same lengths read the same.
        np.testing.assert_equal(found["source"], blind(set_of(others), rows, 0, 1)["source"])
        for row, n in enumerate(lengths):
            width = found["source"]["ids"].shape[1]
            assert found["source"]["ids"][row].tolist() == (
                [MASK] * n + [SEP] + [PAD] * (width - n - 1)
            )
            if hide_masked:
                visible = np.flatnonzero(found["source"]["memory_valid"][row])
                assert visible.tolist() == [n]
        assert ("memory_valid" in found["source"]) == hide_masked
        np.testing.assert_equal(found["source"]["valid"], seen["source"]["valid"])
        assert blind.name == view.name
        assert blind.lengths(set_of(texts)).keys() == view.lengths(set_of(texts)).keys()
