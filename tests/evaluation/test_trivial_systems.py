"""Trivial systems against counting by hand."""

import math

import numpy as np
import pytest

from tfkd.evaluation import (
    Counted,
    Frequencies,
    Metric,
    beside,
    clearly_better,
    constant_outputs,
    majority,
    metric_named,
    score_of,
    trivial_outputs,
    unigram,
)

SOURCES = ["Tim sieht 3 Hunde in Berlin.", "Anna läuft nach Haus", "das ist Tom", "ja , 2 Bier"]


def test_trivial_outputs_are_the_source_and_nothing():
    assert trivial_outputs(SOURCES) == {"copy": SOURCES, "empty": [""] * 4}


def test_the_majority_guesses_the_most_frequent_class():
    labels = np.random.default_rng(3).integers(0, 4, 40)  # the last is no class
    found = majority(labels, Frequencies(np.array([5, 9, 9]), "training"), positive=1)
    assert set(found.guesses) == {1}
    nats = [-math.log([6, 10, 10][label] / 26) if label < 3 else 0 for label in labels]
    assert found.nll == pytest.approx(nats)
    assert found.positive == 1
    assert score_of("accuracy", found, samples=1).value == pytest.approx(np.mean(labels == 1))
    assert score_of("loss", found, samples=1).value == pytest.approx(sum(nats) / np.sum(labels < 3))


def test_a_unigram_model_knows_frequencies_alone():
    """p(w) = (c(w) + 1) / (N + V), and always the same first guess."""
    counts, tokens, places = np.array([3, 0, 4, 1]), [2, 1, 0, 2, 2], [0, 0, 1, 3, 3]
    sums = unigram(np.array(tokens), np.array(places), 4, Frequencies(counts, "test"))
    nats = [-math.log((counts[token] + 1) / (8 + 4)) for token in tokens]
    assert sums.nll == pytest.approx([nats[0] + nats[1], nats[2], 0, nats[3] + nats[4]])
    assert sums.correct.tolist() == [1, 0, 0, 2]
    assert sums.tokens.tolist() == [2, 1, 0, 2]
    assert score_of("loss", sums, samples=1).value == pytest.approx(sum(nats) / 5)
    assert score_of("perplexity", sums, samples=1).value == pytest.approx(math.exp(sum(nats) / 5))
    # A uniform model's perplexity is its vocabulary's size.
    flat = unigram(np.array(tokens), np.array(places), 4, Frequencies(np.zeros(4), "training"))
    assert score_of("perplexity", flat, samples=1).value == pytest.approx(4)


class First(Metric):
    """The sum of the first column."""

    name = "first"

    def of_sums(self, sums):
        return sums[..., 0]


def test_an_entry_has_the_metrics_that_both_sides_have_as_numbers():
    def of(values):
        return Counted(First(), None, np.array([[value, 1.0] for value in values]))

    system = {"loss": of([1.0, 2.0]), "accuracy": of([1.0, 1.0]), "bleu": of([math.nan, 1.0])}
    trivial = {"loss": of([3.0, 3.0]), "bleu": of([1.0, 1.0])}
    entry = beside("unigram", system, trivial, samples=20, seed=1, frequencies="test")
    assert (entry["kind"], entry["frequencies"]) == ("unigram", "test")
    assert set(entry["metrics"]) == {"loss"}
    assert entry["metrics"]["loss"]["value"] == 6.0
    assert entry["metrics"]["loss"]["delta"] == -3.0


def test_better_is_the_side_that_a_metric_wants():
    for low, high, up, down in (
        (0.1, 2, True, False),
        (-2, -0.1, False, True),
        (-1, 1, False, False),
    ):
        assert clearly_better("bleu", {"low": low, "high": high}) == up
        assert clearly_better("perplexity", {"low": low, "high": high}) == down


def test_a_line_that_a_model_writes_again_and_again_is_a_trivial_system_of_its_own():
    assert constant_outputs(["a", "b", "a", "c"]) == ["a"] * 4
    # Two of forty-one are less than a twentieth; a line once is no line again and again.
    lines = [f"line {i}" for i in range(39)]
    assert constant_outputs(["a", "a", *lines[:38]]) == ["a"] * 40
    assert constant_outputs(["a", "a", *lines]) is None
    assert constant_outputs(["a", "b"]) is None
    assert constant_outputs(["", "", "b"]) is None  # the empty output is one by itself
    assert constant_outputs([]) is None


def test_a_model_that_ignores_its_sources_is_not_better_than_its_own_line():
    constant = ["the dog is big and the cat is small"] * 4
    references = ["the dog is big", "the cat is small", "the cat is big", "the dog is small"]
    ours, theirs = (
        {"bleu": Counted.of(metric_named("bleu"), lines, references)}
        for lines in (constant, constant_outputs(constant))
    )
    found = beside("constant", ours, theirs, samples=60, seed=7)["metrics"]["bleu"]
    assert found["value"] > 10
    assert not clearly_better("bleu", found)
