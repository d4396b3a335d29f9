import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.layouts import Specials, joint
from tfkd.data.masked_passes import masked_pass, pass_rows, target_positions
from tfkd.data.ragged import Ragged

SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 100)


def laid_out(lengths):
    """Streams whose targets have the given numbers of positions, the end included."""
    source = Ragged.from_rows([[90] * (1 + length % 4) for length in lengths])
    target = Ragged.from_rows([range(10, 9 + length) for length in lengths])
    return joint(source, target, SPECIALS)


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_the_passes_partition_the_positions(passes):
    lengths = range(1, 41)
    clean = laid_out(lengths)
    before = {name: value.copy() for name, value in clean.items()}
    total = np.zeros(clean["ids"].shape, int)
    for which in range(passes):
        record = masked_pass(clean, which, passes, SPECIALS)
        total += record["selected"]
        assert np.array_equal(record["ids"] == SPECIALS.mask_id, record["selected"])
        same = ~record["selected"]
        assert np.array_equal(record["ids"][same], clean["ids"][same])
        assert np.array_equal(record["labels"], clean["ids"])
        for row, length in enumerate(lengths):
            start = clean["second_start"][row]
            expected = start + np.arange(which, length, passes)
            assert np.flatnonzero(record["selected"][row]).tolist() == expected.tolist()
    assert np.array_equal(total == 1, target_positions(clean) >= 0)
    assert total.max() == 1
    for name, value in before.items():
        assert np.array_equal(clean[name], value)


def test_targets_of_up_to_seven_positions_are_read_one_at_a_time():
    clean = laid_out(range(1, 8))
    for which in range(7):
        assert masked_pass(clean, which, 7, SPECIALS)["selected"].sum(axis=1).max() <= 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 9))
def test_only_passes_that_hide_something_are_listed(lengths, passes):
    rows, which = pass_rows(np.array(lengths, np.int64), passes)
    expected = [(row, i) for row, length in enumerate(lengths) for i in range(passes) if i < length]
    assert list(zip(rows.tolist(), which.tolist(), strict=True)) == expected


def test_rows_of_several_passes_are_packed_together():
    clean = laid_out([3, 9, 20])
    rows, which = pass_rows(clean["second_length"], 7)
    packed = masked_pass({name: v[rows] for name, v in clean.items()}, which, 7, SPECIALS)
    for i, (row, one) in enumerate(zip(rows, which, strict=True)):
        alone = masked_pass(clean, int(one), 7, SPECIALS)
        assert np.array_equal(packed["ids"][i], alone["ids"][row])
        assert packed["selected"][i].any()


def test_a_wrong_pass_is_refused():
    with pytest.raises(ValueError, match="which"):
        masked_pass(laid_out([3]), 7, 7, SPECIALS)
    with pytest.raises(ValueError, match="passes"):
        pass_rows(np.array([3]), 0)
