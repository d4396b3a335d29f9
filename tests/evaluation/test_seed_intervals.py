"""Mean, std and interval over seeds, against NumPy, tables and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.evaluation import over_seeds, t_quantile
from tfkd.evaluation.intervals.seed_intervals import means_apart


@pytest.mark.parametrize(
    ("degrees", "point"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (29, 2.04523),
     (99, 1.98422), (100_000, 1.95999)],
)  # fmt: skip
def test_points_are_those_of_the_tables(degrees, point):
    assert t_quantile(degrees) == pytest.approx(point, abs=6e-6 if degrees > 1 else 5e-5)


@given(degrees=st.integers(1, 60), share=st.floats(0.02, 0.99))
def test_the_density_within_the_point_is_the_share(degrees, share):
    point = t_quantile(degrees, share)
    # Of the unnormalised density (1 + t^2 / d)^(-(d + 1) / 2), with t = sqrt(d) tan(x).
    x = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(x) ** (degrees - 1)
    within = x <= np.arctan(point / np.sqrt(degrees))
    whole = np.trapezoid(density, x)
    assert np.trapezoid(density[within], x[within]) / whole == pytest.approx(share, abs=1e-3)


@given(values=st.lists(st.floats(-100, 100), min_size=2, max_size=12))
def test_mean_and_std_are_numpys(values):
    found = over_seeds(values)
    assert found["n"] == len(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["std"] == pytest.approx(np.std(values, ddof=1))
    assert found["high"] - found["mean"] == pytest.approx(found["mean"] - found["low"])


def test_three_seeds_by_hand():
    found = over_seeds([39.0, 40.0, 41.0])
    assert (found["mean"], found["std"]) == (40.0, 1.0)
    assert (found["low"], found["high"]) == pytest.approx((40 - 2.4841, 40 + 2.4841), abs=1e-4)


def test_the_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(0)
    drawn = generator.normal(30.0, 0.4, (4000, 3))
    inside = [(found := over_seeds(row))["low"] <= 30 <= found["high"] for row in drawn]
    assert 0.94 < np.mean(inside) < 0.96


def test_one_seed_has_no_std_and_none_is_refused():
    assert over_seeds([3.5]) == {"n": 1, "mean": 3.5, "std": None, "low": None, "high": None}
    with pytest.raises(ValueError, match="at least one"):
        over_seeds([])
    with pytest.raises(ValueError, match="degrees=0"):
        t_quantile(0)


def test_welchs_interval_by_hand():
    """Variances 1 and 4 of three each: t with 50 / 17 = 2.94 degrees, of which 2 are whole."""
    found = means_apart([39.0, 40.0, 41.0], [28.0, 30.0, 32.0])
    assert found["mean"] == 10
    assert found["high"] - 10 == pytest.approx(4.30265 * np.sqrt(5 / 3), abs=1e-4)
    assert found["low"] == pytest.approx(20 - found["high"])
    # Of equal variances and numbers it is Student's of both: 4 degrees.
    found = means_apart([39.0, 40.0, 41.0], [29.0, 30.0, 31.0])
    assert found["high"] - 10 == pytest.approx(2.77645 * np.sqrt(2 / 3), abs=1e-4)
    assert means_apart([1.0, 1.0], [3.0, 3.0]) == {"mean": -2.0, "low": -2.0, "high": -2.0}
    assert means_apart([1.0], [3.0, 4.0]) == {"mean": -2.5, "low": None, "high": None}
