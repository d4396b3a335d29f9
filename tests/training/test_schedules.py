"""Schedules against their formulas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.spec.errors import UserError
from tfkd.training import (
    Constant,
    InverseSquareRoot,
    Linear,
    Noam,
    Triangular,
    build_optimizer,
    build_schedule,
)


@given(step=st.integers(1, 100_000), width=st.integers(1, 2048), warmup=st.integers(1, 9_000))
def test_noam(step, width, warmup):
    expected = 2 / math.sqrt(width) * min(1 / math.sqrt(step), step / warmup**1.5)
    schedule = Noam(steps=100, width=width, warmup=warmup, factor=2.0)
    assert schedule(step) == pytest.approx(expected, rel=1e-12)


def test_linear_line():
    schedule = Linear(steps=10, rate=1.0, warmup=4, end=0.3)
    assert [schedule(step) for step in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1.0]
    assert [schedule(step) for step in range(5, 11)] == pytest.approx(
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    )
    assert schedule(11) == pytest.approx(0.3)


def test_triangular_warms_up_for_six_percent_and_wastes_no_step():
    schedule = Triangular(steps=1000, rate=2.0)
    rates = [schedule(step) for step in range(1, 1001)]
    assert rates.index(max(rates)) == 59
    assert max(rates) == 2.0
    assert min(rates) > 0
    assert schedule(1001) == 0


@given(step=st.integers(1, 10_000))
def test_constant_and_inverse_square_root(step):
    assert Constant(steps=10, rate=0.1)(step) == 0.1
    assert Constant(steps=10, rate=0.1, warmup=50)(step) == pytest.approx(0.1 * min(1, step / 50))
    rate = InverseSquareRoot(steps=10, rate=0.1, warmup=50)(step)
    assert rate == pytest.approx(0.1 * (step / 50 if step < 50 else math.sqrt(50 / step)))


def test_built_from_options():
    assert build_schedule({"kind": "noam", "warmup": 0.1, "rate": None}, 500, width=64) == Noam(
        steps=500, width=64, warmup=0.1
    )
    assert build_schedule({"kind": "linear", "rate": 1e-3}, 500, width=64) == Linear(
        steps=500, rate=1e-3
    )
    with pytest.raises(UserError, match="constant has no end; it has rate, warmup"):
        build_schedule({"kind": "constant", "rate": 1.0, "end": 0.5}, 10)
    with pytest.raises(UserError, match="linear needs a rate"):
        build_schedule({"kind": "linear"}, 10)
    adam = build_optimizer({"kind": "adam", "beta_2": 0.9, "clip_norm": None})
    assert (adam.beta_2, adam.clip_norm) == (0.9, None)
