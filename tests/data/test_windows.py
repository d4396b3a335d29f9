"""Windows over a whole text: each token once, with at least the context that was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.batches.windows import Windows
from tfkd.data.ragged import Ragged

END = 30
DOCUMENTS = st.lists(st.lists(st.integers(0, 29), max_size=9), min_size=1, max_size=7)


@given(documents=DOCUMENTS, length=st.integers(1, 12), data=st.data())
@settings(max_examples=200, deadline=None)
def test_every_token_is_predicted_once_with_its_context(documents, length, data):
    context = data.draw(st.integers(0, length - 1))
    sequence = [token for document in documents for token in [*document, END]]
    owner = [row for row, document in enumerate(documents) for _ in range(len(document) + 1)]
    scored, owners = [], []
    for record, document in Windows(Ragged.from_rows(documents), length, context, END, rows=3):
        assert record["ids"].shape[1] == length
        owners += document.tolist()
        for row in range(len(record["ids"])):
            count = int(record["valid"][row].sum())
            assert record["valid"][row, :count].all()
            ids, labels = record["ids"][row, :count], record["labels"][row, :count]
            assert ids[1:].tolist() == labels[:-1].tolist()
            chosen = np.flatnonzero(record["selected"][row])
            assert chosen.tolist() == list(range(chosen[0], count))
            # What is read ends where the scored tokens do, and is the text itself.
            place = len(scored) + len(chosen)
            assert [END, *sequence][place - count : place] == ids.tolist()
            # A token is read with the context before it, or with all that there is.
            assert chosen[0] + 1 >= min(context + 1, len(scored) + 1)
            scored += labels[chosen].tolist()
    assert scored == sequence
    assert owners == owner


def test_a_context_as_long_as_the_window_is_refused():
    with pytest.raises(ValueError, match="Expected 0 to length - 1"):
        Windows(Ragged.from_rows([[1]]), 4, 4, END)
