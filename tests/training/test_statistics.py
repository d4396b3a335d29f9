"""The lines of a history, made of what steps have counted."""

import numpy as np

from tfkd.training.statistics import Totals, line_of

NAMES = ["loss", "norm", "sum/a", "count/a", "sum/b", "count/b", "metric_sum/a.kl",
         "metric_count/a.kl"]  # fmt: skip


def test_a_mean_is_over_what_was_counted_and_of_nothing_there_is_none():
    totals = Totals()
    for vector in ([1, 2, 6, 3, 0, 0, 0, 0], [3, 4, 0, 1, 0, 0, 0, 0]):
        totals.add(np.array(vector))
    totals.settle()
    line = line_of(totals, NAMES)
    assert line == {"loss": 2, "terms": {"a": 1.5}, "metrics": {}, "gradient_norm": 3}
