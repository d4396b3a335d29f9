"""The best of several outputs, by sacreBLEU's scores of sentences asked one by one."""

import random

import pytest
import sacrebleu

from tfkd.evaluation.candidates import least_risk, most_like
from tfkd.evaluation.metrics.bleu import Bleu
from tfkd.evaluation.metrics.chrf import Chrf
from tfkd.evaluation.metrics.metric import Metric
from tfkd.pipeline.stages.best_of import chosen_of
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options.best_of import BestOfOptions

SCORES = {
    Bleu: lambda one, other: sacrebleu.sentence_bleu(one, [other]).score,
    Chrf: lambda one, other: sacrebleu.sentence_chrf(one, [other]).score,
}


def rows(seed, number=25):
    chance = random.Random(seed)
    words = ["the", "a", "man", "dog", "sees", "runs", "in", "snow", "red", "small"]
    lines = [" ".join(chance.choices(words, k=chance.randint(1, 9))) for _ in range(number * 6)]
    chosen = [chance.choices(lines, k=chance.randint(1, 7)) for _ in range(number)]
    return chosen, chance.sample(lines, number)


def first_best(scores):
    return max(range(len(scores)), key=lambda at: (round(scores[at], 9), -at))


@pytest.mark.parametrize("metric", SCORES)
def test_the_output_most_like_the_reference_is_kept(metric):
    candidates, references = rows(1)
    wanted = [
        first_best([SCORES[metric](one, reference) for one in outputs])
        for outputs, reference in zip(candidates, references, strict=True)
    ]
    assert most_like(metric(), candidates, references) == wanted
    assert {0, 1, 2} < {*wanted}


@pytest.mark.parametrize("metric", SCORES)
def test_the_output_of_least_risk_is_kept(metric):
    candidates, _ = rows(2)
    candidates = [[*outputs, outputs[-1]] for outputs in candidates]  # drawn twice, counted twice
    wanted = [
        first_best([sum(SCORES[metric](one, other) for other in outputs) for one in outputs])
        for outputs in candidates
    ]
    assert least_risk(metric(), candidates) == wanted


class Shorter(Metric):
    """How many characters longer than its source an output is; less is better."""

    name, higher_is_better, reads_sources = "shorter", False, True

    def statistics(self, product, references, sources=None):
        import numpy as np

        pairs = zip(product, sources, strict=True)
        return np.array([[len(one) - len(source)] for one, source in pairs], float)

    def of_sums(self, sums):
        return sums[..., 0]


def test_sources_are_read_and_less_may_be_better():
    found = most_like(Shorter(), [["abc", "a", "b"], ["abcd"]], ["x", "y"], ["s", "t"])
    assert found == [1, 0]


def test_empty_outputs_and_rows_that_are_too_long_stay_what_they_are():
    register_builtins()
    choose = BestOfOptions(by="chrf")
    found = [None, [("", -1.0)], [("", -0.5), ("a dog", -1.0), ("a cat", -2.0)], []]
    assert chosen_of(choose, found, ["s"] * 4, ["", "", "a cat", ""]) == [None, "", "a cat", ""]
    assert chosen_of(choose, [None], ["s"], ["x"]) == [None]
