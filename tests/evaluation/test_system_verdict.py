"""A verdict speaks of systems that have learnt their task, and says of how many trainings."""

import pytest

from tfkd.evaluation.score import shown_difference
from tfkd.evaluation.verdicts.systems import ONE_SEED, Contender, system_verdict, verdict_notes

APART = {"low": 0.02, "high": 0.06}


def copied(low, high, metric="bleu"):
    return [{"kind": "copy", "metrics": {metric: {"value": 0.05, "low": low, "high": high}}}]


ABOVE, NOT_ABOVE = copied(1.0, 2.0), copied(-0.1, 0.2)


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (ABOVE, ABOVE, "better"),
        (NOT_ABOVE, ABOVE, "no verdict: learn is not clearly above copying the source"),
        (ABOVE, NOT_ABOVE, "no verdict: other is not clearly above copying the source"),
        (NOT_ABOVE, NOT_ABOVE, "no verdict: learn is not clearly above copying the source; "
         "other is not clearly above copying the source"),
        ([], [], "better"),  # unknown, as of old results
        # Of BLEU nothing is known: by what is.
        (copied(-0.1, 0.2, "chrf"), [],
         "no verdict: learn is not clearly above copying the source"),
        (copied(0.1, 0.2, "chrf"), [], "better"),
        ([{"kind": "unigram", "metrics": {"loss": {"low": -0.1, "high": 0.2}}}], [],
         "no verdict: learn is not clearly above a unigram model of training"),
        ([{"kind": "unigram", "metrics": {"loss": {"low": -0.2, "high": -0.1}}}], [], "better"),
        ([{"kind": "copy", "metrics": {"bleu": {"value": 0.05}}}], [], "better"),
    ],
)  # fmt: skip
def test_a_system_that_has_learnt_nothing_is_neither_better_nor_worse(ours, theirs, says):
    found = system_verdict("bleu", APART, Contender("learn", ours), Contender("other", theirs), p=0)
    assert found.words == says
    assert found.brief == ("better" if says == "better" else "no verdict")
    assert found.naming("A", "B") == ("A is better" if says == "better" else says)


def test_the_better_one_is_named_whatever_the_metrics_direction():
    sides = Contender("learn"), Contender("other")
    assert system_verdict("loss", APART, *sides, p=0).naming("A", "B") == "B is better"
    assert system_verdict("bleu", {"low": -1, "high": 1}, *sides).naming("A", "B") == "undecided"


def test_one_seed_is_told_of_once():
    sides = Contender("learn"), Contender("other")
    one, three = (system_verdict("bleu", APART, *sides, seeds=seeds) for seeds in (1, 3))
    assert verdict_notes([one, one]) == [ONE_SEED]
    assert "one seed: says nothing about another training" in ONE_SEED
    assert verdict_notes([three]) == []
    assert verdict_notes([system_verdict("bleu", APART, *sides, seeds=None)]) == []


def test_a_difference_is_that_of_the_rounded_scores():
    assert shown_difference(31.446, 31.154, 2) == 0.3  # 0.29 by themselves
    assert shown_difference(1002.3, 999.5, 0, 2) == 2.5
    assert f"{shown_difference(-0.001, 0.001, 2):+.2f}" == "+0.00"
