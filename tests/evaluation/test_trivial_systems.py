"""Trivial systems against sacreBLEU, rouge-score, NumPy and the paired tests of each task."""

import math

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from tfkd.evaluation import (
    Frequencies,
    MosesWords,
    Predicted,
    RowStatistics,
    beside,
    class_score,
    class_statistics,
    clearly_better,
    constant_outputs,
    loss,
    majority,
    paired_bootstrap,
    paired_classes,
    paired_ratio,
    ratio_statistics,
    text_statistics,
    tokenized_bleu,
    trivial_outputs,
    unigram,
)

SOURCES = ["Tim sieht 3 Hunde in Berlin.", "Anna läuft nach Haus", "das ist Tom", "ja , 2 Bier"]
REFERENCES = ["Tim sees 3 dogs in Berlin.", "Anna is walking home", "this is Tom", "yes , 2 beers"]
OUTPUTS = ["Tim sees dogs in Berlin.", "Anna walks home", "it is Tom", "yes , beer"]
PAIRED = {"samples": 60, "seed": 7}


def interval_of(found):
    return {
        name: found[name] for name in ("value", "value_low", "value_high", "delta", "low", "high")
    }


def test_texts_score_what_sacrebleu_and_rouge_score_give():
    trivial = trivial_outputs(SOURCES)
    assert trivial == {"copy": SOURCES, "empty": [""] * 4}
    for lines in trivial.values():
        bleu = sacrebleu.corpus_bleu(lines, [REFERENCES]).score
        assert text_statistics("bleu", lines, REFERENCES).score == pytest.approx(bleu)
        lowered = sacrebleu.corpus_bleu(lines, [REFERENCES], lowercase=True, tokenize="intl").score
        found = text_statistics("bleu", lines, REFERENCES, lower_case=True, tokenize="intl").score
        assert found == pytest.approx(lowered)
        chrf = sacrebleu.corpus_chrf(lines, [REFERENCES]).score
        assert text_statistics("chrf", lines, REFERENCES).score == pytest.approx(chrf)
        scorer = RougeScorer(["rougeL"])
        rouge = np.mean(
            [scorer.score(*pair)["rougeL"].fmeasure for pair in zip(REFERENCES, lines, strict=True)]
        )
        assert text_statistics("rouge_l", lines, REFERENCES, words="ascii").score == pytest.approx(
            100 * rouge
        )
        tokens = MosesWords("de", True)
        expected = tokenized_bleu(lines, REFERENCES, tokens=tokens, samples=1).value
        found = text_statistics("tokenized_bleu", lines, REFERENCES, tokens=tokens).score
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["bleu", "chrf", "tokenized_bleu", "rouge_1"])
def test_texts_are_compared_as_a_baseline_is(metric):
    ours, theirs = (text_statistics(metric, one, REFERENCES) for one in (OUTPUTS, SOURCES))
    expected = paired_bootstrap(OUTPUTS, SOURCES, REFERENCES, metric, **PAIRED)
    assert interval_of(ours.less(theirs, **PAIRED)) == pytest.approx(interval_of(expected))


@pytest.mark.parametrize("metric", ["accuracy", "f1", "matthews"])
@pytest.mark.parametrize("positive", [None, 1])
def test_classes_are_compared_as_a_baseline_is(metric, positive):
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 4, 40)  # the last is no class
    system = Predicted(labels, np.where(generator.random(40) < 0.6, labels % 3, 0), 3)
    trivial, nats = majority(labels, Frequencies(np.array([5, 9, 9]), "training"))
    assert set(trivial.guesses) == {1}
    assert nats == pytest.approx([-math.log([6, 10, 10, 26][label] / 26) for label in labels])
    ours, theirs = (class_statistics(metric, one, positive) for one in (system, trivial))
    value = class_score(metric, trivial, positive=positive, samples=1).value
    assert theirs.score == pytest.approx(value)
    expected = paired_classes(metric, system, trivial, positive=positive, **PAIRED)
    assert interval_of(ours.less(theirs, **PAIRED)) == pytest.approx(interval_of(expected))


def test_a_unigram_model_knows_frequencies_alone():
    """p(w) = (c(w) + 1) / (N + V), and always the same first guess."""
    counts, tokens, places = np.array([3, 0, 4, 1]), [2, 1, 0, 2, 2], [0, 0, 1, 3, 3]
    sums = unigram(np.array(tokens), np.array(places), 4, Frequencies(counts, "test"))
    nats = [-math.log((counts[token] + 1) / (8 + 4)) for token in tokens]
    assert sums["nll"] == pytest.approx([nats[0] + nats[1], nats[2], 0, nats[3] + nats[4]])
    assert sums["correct"].tolist() == [1, 0, 0, 2]
    assert sums["tokens"].tolist() == [2, 1, 0, 2]
    statistics = ratio_statistics("loss", sums["nll"], sums["tokens"])
    assert statistics.score == pytest.approx(loss(sums["nll"], sums["tokens"], samples=1).value)
    perplexity = ratio_statistics("perplexity", sums["nll"], sums["tokens"])
    assert perplexity.score == pytest.approx(math.exp(sum(nats) / 5))
    # A uniform model's perplexity is its vocabulary's size.
    flat = unigram(np.array(tokens), np.array(places), 4, Frequencies(np.zeros(4), "training"))
    assert ratio_statistics("perplexity", flat["nll"], flat["tokens"]).score == pytest.approx(4)


@pytest.mark.parametrize(
    ("metric", "of_ratio"), [("loss", lambda ratio: ratio), ("perplexity", np.exp)]
)
def test_ratios_are_compared_as_a_baseline_is(metric, of_ratio):
    generator = np.random.default_rng(1)
    counts = generator.integers(1, 9, 30)
    sides = [(counts * generator.random(30), counts), (counts * 1.5, counts)]
    ours, theirs = (ratio_statistics(metric, *side) for side in sides)
    expected = paired_ratio(*sides, of_ratio=of_ratio, **PAIRED)
    assert interval_of(ours.less(theirs, **PAIRED)) == pytest.approx(interval_of(expected))


def test_an_entry_has_the_metrics_that_both_sides_have_as_numbers():
    def of(values):
        return RowStatistics(np.array([[value, 1.0] for value in values]), lambda s: s[..., 0])

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
    ours = {"bleu": text_statistics("bleu", constant, references)}
    theirs = {"bleu": text_statistics("bleu", constant_outputs(constant), references)}
    found = beside("constant", ours, theirs, **PAIRED)["metrics"]["bleu"]
    assert found["value"] > 10
    assert not clearly_better("bleu", found)
