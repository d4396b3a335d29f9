"""One rule for better, worse and undecided, and the p that stands beside it."""

from statistics import NormalDist

import pytest

from tfkd.evaluation import p_of, verdict_of
from tfkd.evaluation.verdicts.verdict import p_relation


@pytest.mark.parametrize(
    ("metric", "low", "high", "p", "says"),
    [
        ("bleu", 0.1, 1.0, 0.01, "better"),
        ("bleu", -1.0, -0.1, 0.01, "worse"),
        ("loss", 0.1, 1.0, 0.01, "worse"),
        ("word_perplexity", -1.0, -0.1, 0.01, "better"),
        ("bleu", -0.1, 1.0, 0.04, "undecided"),  # the interval says otherwise
        ("bleu", 0.1, 1.0, 0.06, "undecided"),  # p says otherwise
        ("bleu", 0.0, 1.0, 0.01, "undecided"),
        ("bleu", 0.1, 1.0, 0.05, "undecided"),
        ("bleu", 0.1, 1.0, None, "better"),  # a t-interval has no p
        ("bleu", None, None, 0.01, "undecided"),
        ("bleu", float("nan"), 1.0, 0.01, "undecided"),
        ("bleu", 0.1, 1.0, float("nan"), "undecided"),
        ("bleu", 0.1, 1.0, "0.01", "undecided"),
    ],
)
def test_interval_and_p_must_both_speak_for_it(metric, low, high, p, says):
    assert verdict_of(metric, low, high, p) == says


@pytest.mark.parametrize(
    ("delta", "low", "high"), [(0.16, -0.99, 1.26), (-1.03, -1.83, -0.31), (0.3, -0.05, 0.66)]
)
def test_a_p_of_one_tail_gives_way_to_an_estimate(delta, low, high):
    error = (high - low) / (2 * 1.96)
    expected = 2 * (1 - NormalDist().cdf(abs(delta) / error))
    p, estimated = p_of({"delta": delta, "low": low, "high": high, "p": 0.044})
    assert estimated
    assert p == pytest.approx(expected)
    assert (p < 0.05) == (not low <= 0 <= high)


def test_a_p_that_says_how_it_was_computed_stands():
    found = {"delta": 0.1, "low": 0.0, "high": 0.2, "p": 0.07, "p_by": "approximate_randomization"}
    assert p_of(found) == (0.07, False)
    assert p_of({**found, "p_by": "bootstrap"}) == (0.07, False)


def test_without_an_interval_there_is_no_estimate():
    assert p_of({}) == (None, False)
    assert p_of({"delta": 0.1, "low": None, "high": None, "p": 0.3}) == (None, False)
    assert p_of({"delta": 0.1, "low": "a", "high": 1.0, "p": 0.3}) == (None, False)
    assert p_of({"delta": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}) == (1.0, True)
    assert p_of({"delta": 0.5, "low": 0.5, "high": 0.5, "p": 0.001}) == (0.0, True)


def test_p_in_words():
    said = [p_relation(p, estimated) for p in (0.0342, 0.0004) for estimated in (False, True)]
    assert said == ["= 0.034", "≈ 0.034", "< 0.001", "≈ < 0.001"]
