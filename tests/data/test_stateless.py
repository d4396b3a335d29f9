import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data import stateless

ANY = st.integers(-(2**62), 2**62)
_MASK = 2**64 - 1


def chi_square_excess(counts, expected):
    """(chi-square - degrees of freedom) in standard deviations; above 5 has odds below 1e-5."""
    counts, expected = np.asarray(counts, float).ravel(), np.asarray(expected, float).ravel()
    freedom = len(counts) - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def split_mix(state, count):
    """SplitMix64 as published, one number at a time, on Python's integers."""
    out = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        out.append(z ^ (z >> 31))
    return out


@settings(deadline=None)
@given(st.lists(st.integers(0, _MASK), min_size=1, max_size=4), st.integers(1, 9))
def test_a_stream_is_the_published_generator(states, count):
    got = stateless.bits(np.array(states, np.uint64), count)
    assert got.tolist() == [split_mix(state, count) for state in states]


def test_the_published_generators_first_numbers():
    # The reference implementation's output for the seed 1234567.
    got = stateless.bits(np.array([1234567], np.uint64), 2)[0]
    assert got.tolist() == [6457827717110365317, 3203168211198807973]


@settings(deadline=None)
@given(ANY, ANY, st.lists(ANY, min_size=1, max_size=8), st.integers(1, 9), st.integers(1, 9))
def test_a_number_depends_on_its_own_key_and_position_alone(seed, epoch, examples, short, more):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = stateless.uniform(stateless.keys(seed, epoch, examples, "p"), short + more)
        for row, example in zip(batch, examples, strict=True):
            alone = stateless.uniform(stateless.keys(seed, epoch, example, "p"), short)
            assert np.array_equal(alone[0], row[:short])
        by_row = stateless.keys(seed, np.full(len(examples), epoch), examples, "p")
    assert np.array_equal(by_row, stateless.keys(seed, epoch, examples, "p"))


def test_no_two_keys_of_a_grid_are_equal():
    seen = []
    for seed in (0, 1, -1):
        for purpose in ("p", "q"):
            epochs, examples = np.divmod(np.arange(200 * 200), 200)
            seen.append(stateless.keys(seed, epochs, examples, purpose))
    seen = np.concatenate(seen)
    assert len(np.unique(seen)) == len(seen)


def test_numbers_are_uniform_along_examples_and_along_positions():
    draws = stateless.uniform(stateless.keys(7, 3, np.arange(4000), "p"), 50)
    assert draws.min() >= 0
    assert draws.max() < 1
    counts = np.histogram(draws, 256, (0, 1))[0]
    assert abs(chi_square_excess(counts, np.full(256, draws.size / 256))) < 5
    for column in (0, 1, 49):
        counts = np.histogram(draws[:, column], 32, (0, 1))[0]
        assert abs(chi_square_excess(counts, np.full(32, 4000 / 32))) < 5


@pytest.mark.parametrize(
    "other",
    [
        lambda n: stateless.uniform(stateless.keys(1, 0, np.arange(1, n + 1), "p"), 8),
        lambda n: stateless.uniform(stateless.keys(1, 1, np.arange(n), "p"), 8),
        lambda n: stateless.uniform(stateless.keys(2, 0, np.arange(n), "p"), 8),
        lambda n: stateless.uniform(stateless.keys(1, 0, np.arange(n), "q"), 8),
        lambda n: stateless.uniform(stateless.keys(1, 0, np.arange(n), "p"), 9)[:, 1:],
    ],
    ids=["next example", "next epoch", "next seed", "other purpose", "next position"],
)
def test_neighbouring_keys_are_independent(other):
    count = 20000
    ours = stateless.uniform(stateless.keys(1, 0, np.arange(count), "p"), 8).ravel()
    theirs = other(count).ravel()
    table = np.histogram2d(ours, theirs, 16, ((0, 1), (0, 1)))[0]
    assert abs(chi_square_excess(table, np.full(256, ours.size / 256))) < 5


def test_integers_cover_their_range_evenly():
    drawn = stateless.integers(stateless.keys(0, 0, np.arange(3000), "w"), 30, 37)
    assert drawn.min() == 0
    assert drawn.max() == 36
    assert abs(chi_square_excess(np.bincount(drawn.ravel()), np.full(37, 90000 / 37))) < 5


def test_each_order_of_four_is_as_likely():
    orders = [tuple(stateless.permutation(0, epoch, 4, "o")) for epoch in range(12000)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert abs(chi_square_excess(counts, np.full(24, 500))) < 5
