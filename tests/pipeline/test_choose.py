"""Which of several trainings is taken."""

from math import inf, nan

import pytest

from tfkd.pipeline.stages.choose import best_of


@pytest.mark.parametrize(
    ("values", "highest", "lowest"),
    [
        ([0.2, 0.9, 0.1], 1, 2),
        ([0.5, 0.5], 0, 0),
        ([nan, 0.3, 0.4], 2, 1),
        ([0.3, nan, 0.4], 2, 0),
        ([inf, 0.3, nan], 0, 1),
        ([nan, -inf], 1, 1),
        ([nan, nan], 0, 0),
    ],
)
def test_what_is_no_number_is_never_the_best(values, highest, lowest):
    assert best_of(values, higher=True) == highest
    assert best_of(values, higher=False) == lowest
