import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.layouts import Specials, cut_pair, encoder_decoder, joint, rounded_width
from tfkd.data.ragged import Ragged

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIALS = Specials(PAD, UNK, CLS, SEP, MASK, (0, 1, 2, 3, 4), 100)
ROW = st.lists(st.integers(5, 99), max_size=12)
# Two sides (the second may be missing) and whether the row is there at all.
PAIRS = st.lists(st.tuples(ROW, st.none() | ROW, st.booleans()), min_size=1, max_size=6)


def cut_one_by_one(a, b, budget):
    """BERT's truncate_seq_pair."""
    a, b = list(a), list(b)
    while len(a) + len(b) > budget:
        (a if len(a) > len(b) else b).pop()
    return a, b


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_long_pair_loses_tokens_of_the_longer_side_first(first, second, budget):
    left = cut_pair(np.array([first]), np.array([second]), budget)
    a, b = cut_one_by_one(range(first), range(second), budget)
    assert (left[0][0], left[1][0]) == (len(a), len(b))


@settings(deadline=None)
@given(PAIRS, st.none() | st.integers(3, 20), st.integers(1, 5))
def test_a_sequence_is_what_a_loop_writes(pairs, max_length, pad_to):
    got = joint(
        Ragged.from_rows([a for a, _, _ in pairs]),
        Ragged.from_rows([b or [] for _, b, _ in pairs]),
        SPECIALS,
        max_length,
        has_second=np.array([b is not None for _, b, _ in pairs]),
        present=np.array([there for _, _, there in pairs]),
        pad_to=pad_to,
    )
    width = got["ids"].shape[1]
    longest = 0
    for i, (a, b, there) in enumerate(pairs):
        if b is None:
            a = a if max_length is None else a[: max_length - 2]
            head, tail = [CLS, *a, SEP], []
        else:
            a, b = cut_one_by_one(a, b, 99 if max_length is None else max_length - 3)
            head, tail = [CLS, *a, SEP], [*b, SEP]
        if not there:
            head, tail = [], []
        row = head + tail
        longest = max(longest, len(row))
        empty = [0] * (width - len(row))
        assert got["ids"][i].tolist() == row + empty
        assert got["types"][i].tolist() == [0] * len(head) + [1] * len(tail) + empty
        assert got["valid"][i].tolist() == [True] * len(row) + [False] * len(empty)
        start, length = got["first_start"][i], got["first_length"][i]
        assert row[start : start + length] == head[1:]
        start, length = got["second_start"][i], got["second_length"][i]
        assert row[start : start + length] == tail
    assert longest <= width < max(longest, 1) + pad_to
    assert width % pad_to == 0 or width == max_length
    assert got["ids"].dtype == got["types"].dtype == np.int32


@settings(deadline=None)
@given(st.lists(st.tuples(ROW, ROW, st.booleans()), min_size=1, max_size=6), st.integers(1, 5))
def test_an_encoder_decoder_reads_what_a_loop_writes(pairs, pad_to):
    other = Specials(0, 1, 7, 8, 9, (0, 1, 7, 8, 9), 100)
    got = encoder_decoder(
        Ragged.from_rows([a for a, _, _ in pairs]),
        Ragged.from_rows([b for _, b, _ in pairs]),
        SPECIALS,
        other,
        present=np.array([there for _, _, there in pairs]),
        pad_to=pad_to,
    )
    for i, (a, b, there) in enumerate(pairs):
        rows = {
            ("source", "ids"): [*a, SEP],
            ("target", "ids"): [7, *b],
            ("target", "labels"): [*b, 8],
        }
        for (side, field), row in rows.items():
            row = row if there else []
            empty = got[side]["ids"].shape[1] - len(row)
            assert got[side][field][i].tolist() == row + [PAD] * empty
            assert got[side][field].dtype == np.int32
            valid = [True] * len(row) + [False] * empty
            assert got[side]["valid"][i].tolist() == valid
            if side == "target":
                assert got["target"]["selected"][i].tolist() == valid


def test_fixed_widths_are_kept():
    rows = Ragged.from_rows([[5], [6, 7]])
    assert joint(rows, rows, SPECIALS, 20, width=20)["ids"].shape == (2, 20)
    record = encoder_decoder(rows, rows, SPECIALS, SPECIALS, widths=(8, 5))
    assert record["source"]["ids"].shape == (2, 8)
    assert record["target"]["labels"].shape == (2, 5)


@pytest.mark.parametrize(
    ("longest", "pad_to", "limit", "width"),
    [(0, 4, None, 4), (5, 4, None, 8), (8, 4, None, 8), (9, 8, 10, 10), (3, 4, 10, 4)],
)
def test_a_width_is_a_multiple_within_the_limit(longest, pad_to, limit, width):
    assert rounded_width(longest, pad_to, limit) == width


def test_no_room_for_the_special_tokens_is_refused():
    rows = Ragged.from_rows([[5]])
    with pytest.raises(ValueError, match="max_length"):
        joint(rows, rows, SPECIALS, 2)
