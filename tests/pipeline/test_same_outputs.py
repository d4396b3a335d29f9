"""Outputs of a row that are the same again."""

import numpy as np

from tfkd.pipeline.stages.translator import once_scored


def test_equal_draws_have_one_score_whatever_their_last_digits_are():
    draws = [np.array(ids, np.int32) for ids in ([5, 6], [5], [5, 6], [7], [5, 6], [])]
    scores = np.array([-3.25, -1.5, np.nextafter(np.float32(-3.25), 0), -1.5, -np.inf, -np.inf],
                      np.float32)  # fmt: skip
    found = once_scored(draws, scores)
    assert found == [-3.25, -1.5, -3.25, -1.5, -np.inf, -np.inf]
    # Other pieces of the same text may have another score: they are two.
    assert len({*zip("abaca_", found, strict=True)}) == 5
