"""The causal view against a plain loop over rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.spec.errors import UserError

END = 30
GPT = Specials(END, END, END, END, END, (END,), 31)
BERT = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 31)
ROWS = st.lists(st.lists(st.integers(5, 29), max_size=7), min_size=1, max_size=5)


def set_of(texts, second=None):
    """A part of texts and, if given, one of pairs."""
    parts = [Part("text", {("text", "t"): Ragged.from_rows(texts)}, len(texts))]
    if second:
        fields = {
            (side, "t"): Ragged.from_rows([pair[i] for pair in second])
            for i, side in enumerate(("source", "target"))
        }
        parts.append(Part("pairs", fields, len(second)))
    return ExampleSet(parts)


@given(
    texts=ROWS,
    pairs=st.lists(st.tuples(ROWS.map(lambda r: r[0]), ROWS.map(lambda r: r[0])), max_size=4),
    limit=st.sampled_from([None, 2, 3, 5, 8, 100]),
    pad_to=st.sampled_from([1, 4]),
    specials=st.sampled_from([GPT, BERT]),
)
@settings(max_examples=150, deadline=None)
def test_rows_are_those_of_a_plain_loop(texts, pairs, limit, pad_to, specials):
    examples = set_of(texts, pairs)
    view = build_view("causal_lm", {"text": "t"}, {"t": specials}, max_length=limit)
    numbers = np.array([*range(len(examples)), -1])
    record = view(examples, numbers, 0, 1, pad_to=pad_to)
    lengths = view.lengths(examples)["joint"]
    sequences = [[specials.start_id, *text, specials.end_id] for text in texts] + [
        [specials.start_id, *a, specials.end_id, *b, specials.end_id] for a, b in pairs
    ]
    width = record["ids"].shape[1]
    assert width >= lengths.max()
    if limit is not None:
        assert width <= limit
    for row, sequence in enumerate([*sequences, [specials.start_id]]):
        count = len(sequence) - 1 if limit is None else min(len(sequence) - 1, limit)
        if row < len(sequences):
            assert lengths[row] == count
            target_from = 0 if row < len(texts) else len(pairs[row - len(texts)][0]) + 1
        for place in range(width):
            inside = place < count
            assert record["valid"][row, place] == record["selected"][row, place] == inside
            assert record["ids"][row, place] == (sequence[place] if inside else specials.pad_id)
            assert record["labels"][row, place] == (
                sequence[place + 1] if inside else specials.pad_id
            )
            assert record["types"][row, place] == (inside and place >= target_from)


def test_fixed_widths_change_no_row():
    examples = set_of([[5, 6, 7], [8]])
    view = build_view("causal_lm", {"text": "t"}, {"t": GPT}, max_length=4)
    plain = view(examples, np.array([1]), 0, 1)
    wide = view(examples, np.array([1]), 0, 1, widths={"joint": 4})
    for name in plain:
        np.testing.assert_array_equal(plain[name], wide[name][:, :2])
        assert wide[name].shape == (1, 4)
        assert wide[name].dtype == plain[name].dtype
    assert not wide["valid"][:, 2:].any()


def test_a_corpus_without_text_is_refused():
    fields = {("label", "t"): Ragged.from_rows([[1]])}
    view = build_view("causal_lm", {"text": "t"}, {"t": GPT})
    with pytest.raises(UserError, match="neither a field `text` nor `source`"):
        view.lengths(ExampleSet([Part("x", fields, 1)]))
