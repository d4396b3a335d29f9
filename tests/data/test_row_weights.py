"""What rows of n-best lists count, against sums over each list by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.data.row_weights import shares, weights_of
from tfkd.data.text.text_corpus import Rows, TextCorpus, write_text_corpus
from tfkd.spec.errors import UserError


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(st.tuples(st.integers(-3, 4), st.floats(-400, 400)), max_size=20),
    temperature=st.floats(0.2, 5),
)
def test_shares_are_the_softmax_of_each_list(rows, temperature):
    """Lists may be in pieces, and their numbers any."""
    lists, scores = [one for one, _ in rows], [score for _, score in rows]
    found = shares(np.array(lists, np.int64), np.array(scores), temperature)
    assert found.dtype == np.float32
    for row, (of, score) in enumerate(rows):
        total = sum(
            math.exp(min((other - score) / temperature, 700)) for one, other in rows if one == of
        )
        assert found[row] == pytest.approx(1 / total, rel=1e-5, abs=1e-30)
    for of in set(lists):
        assert found[np.array(lists) == of].sum() == pytest.approx(1, rel=1e-5)


def corpus(folder, *rows):
    write_text_corpus(Rows(("source", "target", "list", "score"), rows), folder)
    return TextCorpus.open(folder)


def test_scores_are_read_of_the_corpus(tmp_path):
    text = corpus(tmp_path, ("a", "b", "1", "-1"), ("a", "c", "1", "-3"), ("a", "b", "2", "-1.5e0"))
    odds = math.exp(-2 / 0.5)
    np.testing.assert_allclose(
        weights_of(text, "out", 0.5), [1 / (1 + odds), odds / (1 + odds), 1], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("a", "b", "one", "-1"), r"data\.out\.list: row 2 is 'one'; expected a whole number"),
        (("a", "b", "1" * 40, "-1"), r"out\.list: row 2 is '1{40}'"),
        (("a", "b", "1", "good"), r"out\.score: row 2 is 'good'; expected a number"),
        (("a", "b", "1", "-inf"), r"out\.score: 1 rows are not finite"),
    ],
)
def test_what_is_no_number_is_refused_by_its_row(tmp_path, row, said):
    with pytest.raises(UserError, match=said):
        weights_of(corpus(tmp_path, ("a", "b", "1", "-1"), row), "out")


def test_examples_count_what_their_part_says():
    rows = Ragged.from_rows([[1], [2], [3]])
    fields = {("text", "t"): rows}
    weighed = Part("a", fields, 3, row_weights=np.array([0.5, 0.25, 0.25], np.float32))
    plain = Part("b", fields, 3)
    asked = np.array([4, 1, -1, 0, 3])
    found = ExampleSet([weighed, plain]).row_weights(asked)
    np.testing.assert_array_equal(found, np.array([1, 0.25, 0, 0.5, 1], np.float32))
    assert ExampleSet([plain]).row_weights(asked % 3) is None
    with pytest.raises(ValueError, match="Expected 3 row_weights of c"):
        ExampleSet([Part("c", fields, 3, row_weights=np.ones(2, np.float32))])
