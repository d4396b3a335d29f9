import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=5)


def part(name, field_rows, **options):
    fields = {(field, "t"): Ragged.from_rows(rows) for field, rows in field_rows.items()}
    return Part(name, fields, len(next(iter(field_rows.values()))), **options)


@settings(deadline=None)
@given(ROWS, ROWS, st.data())
def test_examples_are_the_rows_of_the_corpora_end_to_end(texts, pairs, data):
    turned = [row[::-1] for row in pairs]
    examples = ExampleSet(
        [
            part("text", {"text": texts}),
            part("pairs", {"source": pairs, "target": turned}),
            part("swapped", {"source": pairs, "target": turned}, swap=True),
        ]
    )
    first = texts + pairs + turned
    second = [[]] * len(texts) + turned + pairs
    count = len(first)
    assert len(examples) == count
    asked = data.draw(st.lists(st.integers(-1, count - 1), max_size=9))
    for field, rows in ((("text", "source"), first), (("text_b", "target"), second)):
        taken = examples.take(field, "t", np.array(asked, np.int64))
        assert [taken.row(i).tolist() for i in range(len(taken))] == [
            rows[i] if i >= 0 else [] for i in asked
        ]
        assert examples.lengths(field, "t").tolist() == [len(row) for row in rows]
    has = [i >= len(texts) for i in range(count)]
    assert examples.has("target", "t").tolist() == has
    assert examples.has("target", "t", np.array(asked, np.int64)).tolist() == [
        i >= 0 and has[i] for i in asked
    ]
    assert not examples.has("target", "another tokenizer").any()
    parts, rows = examples.locate(np.array(asked, np.int64))
    for example, index, row in zip(asked, parts, rows, strict=True):
        if example < 0:
            assert (index, row) == (-1, -1)
        else:
            assert examples.starts[index] + row == example
            assert 0 <= row < examples.parts[index].rows


def test_empty_corpora_take_no_numbers():
    empty = Part("none", {("text", "t"): Ragged.from_rows([])}, 0)
    examples = ExampleSet([empty, part("a", {"text": [[1]]}), empty, part("b", {"text": [[2]]})])
    assert [p.tolist() for p in examples.locate(np.array([0, 1]))] == [[1, 3], [0, 0]]
    assert examples.take("text", "t", np.array([1, 0])).values.tolist() == [2, 1]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="Expected 3 rows"):
        ExampleSet([Part("a", {("text", "t"): Ragged.from_rows([[1]])}, 3)])
    with pytest.raises(ValueError, match="positive weights"):
        ExampleSet([part("a", {"text": [[1]]}, weight=0.0)])
    examples = ExampleSet([part("a", {"text": [[1]]})])
    for wrong in (1, -2):
        with pytest.raises(IndexError):
            examples.take("text", "t", np.array([wrong]))
