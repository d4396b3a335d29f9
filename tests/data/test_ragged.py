"""Rows of unequal length: by place, as lists of arrays are, and in print."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.data.ragged import Ragged

ROWS = st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=8)


def lists(rows):
    return [row.tolist() for row in rows]


@given(ROWS, st.slices(8), st.data())
def test_rows_are_found_as_in_a_list(rows, part, data):
    ragged = Ragged.from_rows(rows)
    assert lists(ragged) == rows
    assert lists(ragged[part]) == rows[part]
    for place in range(-len(rows), len(rows)):
        assert ragged[place].tolist() == rows[place]
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool
    )
    assert lists(ragged[mask]) == [row for row, kept in zip(rows, mask, strict=True) if kept]
    if rows:
        assert lists(ragged[[0, -1]]) == [rows[0], rows[-1]]
    for outside in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError, match=f"row {outside} of {len(rows)}"):
            ragged[outside]


def test_print_is_short():
    assert repr(Ragged.from_rows([[5, 6], [7]])) == "Ragged(2 rows, 3 ids: [5, 6], [7])"
    many = Ragged.from_rows([range(1000)] * 1000)
    assert repr(many).startswith("Ragged(1,000 rows, 1,000,000 ids: [0, 1, 2, 3, 4, 5, 6, 7, ...],")
    assert len(repr(many)) < 200
