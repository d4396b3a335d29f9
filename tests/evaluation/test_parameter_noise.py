"""Noise on parameters: its statistics, and that nothing of it stays."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.evaluation import NamedTensor, OverDraws, perturbed
from tfkd.evaluation.parameter_noise import directions, noise


class Kept:
    """A variable that counts its assignments."""

    def __init__(self, values):
        self.values = np.array(values)
        self.assigned = 0

    def numpy(self):
        return self.values

    def assign(self, values):
        assert values.dtype == self.values.dtype
        assert values.shape == self.values.shape
        self.values = np.array(values)
        self.assigned += 1


def tensors(seed=0):
    draw = np.random.default_rng(seed)
    arrays = {
        "kernel": draw.normal(0.3, 1.0, (40, 50)).astype(np.float32),
        "fused": np.concatenate([np.full((8, 6), one, np.float32) for one in (2, -1, 0)], 1),
        "half": draw.normal(-2, 1, (7,)).astype(np.float16),
        "scalar": np.array(3.0, np.float32),
        "odd": np.array([-0.0, np.nan, np.inf, 1e-42], np.float32),
        "empty": np.zeros((0, 4), np.float32),
        "seed": np.array([1, 2], np.uint32),
    }
    blocks = {"fused": 3}
    return {name: NamedTensor(Kept(array), blocks.get(name, 1)) for name, array in arrays.items()}


def bytes_of(found):
    return {name: tensor.variable.values.tobytes() for name, tensor in found.items()}


def test_noise_of_0_is_the_identity():
    found = tensors()
    before = bytes_of(found)
    with perturbed(found, 0.0):
        assert bytes_of(found) == before
    assert not any(tensor.variable.assigned for tensor in found.values())
    assert not noise(np.ones(3), 0.0, np.ones(3)).any()


@pytest.mark.parametrize("way_out", [None, RuntimeError, KeyboardInterrupt])
def test_weights_come_back_bit_for_bit_even_when_interrupted(way_out):
    found = tensors()
    before = bytes_of(found)
    expected = pytest.raises(way_out) if way_out else contextlib.nullcontext()
    with expected, perturbed(found, 0.5, seed=3, draw=2):
        assert bytes_of(found)["kernel"] != before["kernel"]
        assert bytes_of(found)["seed"] == before["seed"]
        if way_out is not None:
            raise way_out
    assert bytes_of(found) == before


@pytest.mark.parametrize(("place", "assignment"), [("last", 1), ("first", 1), ("first", 2)])
def test_an_interruption_while_weights_change_leaves_no_noise_behind(place, assignment):
    """While noise is put on, and while it is taken off."""

    class Broken(Kept):
        def assign(self, values):
            super().assign(values)
            if self.assigned == assignment:
                raise KeyboardInterrupt

    broken = {place: NamedTensor(Broken(np.ones(5, np.float32)))}
    found = tensors() | broken if place == "last" else broken | tensors()
    before = bytes_of(found)
    inside = False
    with pytest.raises(KeyboardInterrupt), perturbed(found, 0.5):
        inside = True
    assert inside == (assignment == 2)
    assert bytes_of(found) == before


def test_the_noise_is_the_signed_mean_of_the_named_tensor_times_a_normal_draw():
    """Chi-square of (theta' - theta) / (sigma mean) over 16 equal parts of N(0, 1), p > 0.001."""
    sigma = 0.2
    values = np.random.default_rng(1).normal(-0.7, 1.0, (300, 200))
    normal = directions("kernel", values.shape, seed=1, draw=0)
    scaled = noise(values, sigma, normal) / (sigma * values.mean())
    np.testing.assert_allclose(scaled, normal, rtol=1e-9)
    edges = np.quantile(np.random.default_rng(2).standard_normal(4_000_000), np.arange(1, 16) / 16)
    counts = np.bincount(np.searchsorted(edges, normal.ravel()), minlength=16)
    expected = normal.size / 16
    assert ((counts - expected) ** 2 / expected).sum() < 37.7
    assert abs(normal.mean()) < 4 / np.sqrt(normal.size)
    # Neighbours have nothing to do with each other.
    assert abs((normal[:, 1:] * normal[:, :-1]).mean()) < 4 / np.sqrt(normal.size)


@given(
    rows=st.integers(1, 4), size=st.integers(1, 5), blocks=st.integers(1, 4),
    sigma=st.floats(0.01, 2), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_fused_tensors_each_have_their_own_mean(rows, size, blocks, sigma, seed):
    draw = np.random.default_rng(seed)
    values, normal = draw.normal(1, 2, (2, rows, blocks * size))
    found = noise(values, sigma, normal, blocks)
    for block in range(blocks):
        part = slice(block * size, (block + 1) * size)
        mean = sum(values[:, part].ravel().tolist()) / (rows * size)
        np.testing.assert_allclose(found[:, part], mean * sigma * normal[:, part], rtol=1e-9)


def test_draws_and_tensors_are_independent_and_repeat():
    def z(name="a", seed=1, draw=0):
        return directions(name, (1000,), seed=seed, draw=draw)

    assert np.array_equal(z(), z())
    for other in (z("b"), z(seed=2), z(draw=1)):
        assert abs(np.corrcoef(z(), other)[0, 1]) < 0.15


def test_each_sigma_goes_the_same_way():
    found = tensors()
    start = found["kernel"].variable.values.astype(np.float64)
    moved = []
    for sigma in (0.1, 0.3):
        with perturbed(found, sigma, seed=5, draw=1):
            moved.append(found["kernel"].variable.values.astype(np.float64) - start)
    np.testing.assert_allclose(3 * moved[0], moved[1], atol=1e-6)
    assert moved[0].std() == pytest.approx(0.1 * abs(start.mean()), rel=0.05)


def test_mean_and_std_are_numpys():
    found = OverDraws.of([1.0, 2.0, 4.0])
    assert found.mean == pytest.approx(7 / 3)
    assert found.std == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert OverDraws.of([2.0]) == (2.0, None, [2.0])
    assert not np.isfinite(OverDraws.of([1.0, np.inf]).mean)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"`sigma`. Expected 0 or more"), perturbed({}, -0.1):
        pass
    with pytest.raises(ValueError, match=r"`blocks`. Expected a divisor of the last axis"):
        noise(np.ones((2, 4)), 0.1, np.ones((2, 4)), 3)
