"""The rows on which systems differ most, against sorting by hand and sacreBLEU's sentence BLEU."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from tfkd.evaluation import Counted, differing_rows, metric_named, score_of


def counted(hypotheses, references, metric="bleu", **options):
    return Counted.of(metric_named(metric, **options), list(hypotheses), references)


def sentence_scores(*arguments, **options):
    found = counted(*arguments, **options)
    return found.metric.of_rows(found.statistics)


words = st.lists(st.sampled_from(["a", "man", "Man", "dog", "sees", "runs", ",", "."]), max_size=9)
lines = st.builds(" ".join, words)
rows = st.lists(st.tuples(lines, lines, lines.filter(str.strip)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows=rows, lower_case=st.booleans())
def test_sentence_bleu_is_sacrebleus(rows, lower_case):
    hypotheses, _, references = zip(*rows, strict=True)
    theirs = BLEU(effective_order=True, lowercase=lower_case)
    expected = [
        theirs.sentence_score(hypothesis, [reference]).score
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    np.testing.assert_allclose(
        sentence_scores(hypotheses, references, lower_case=lower_case), expected, atol=1e-9
    )


def test_sentence_rouge_is_that_of_the_row_alone():
    hypotheses, references = ["a man runs", "two dogs"], ["the man runs", "two cats"]
    found = sentence_scores(hypotheses, references, "rouge_l")
    expected = [
        score_of("rouge_l", [one], [two], samples=1).value
        for one, two in zip(hypotheses, references, strict=True)
    ]
    np.testing.assert_allclose(found, expected)


@settings(max_examples=150, deadline=None)
@given(rows=rows, most=st.integers(1, 4), least=st.integers(1, 6))
def test_gains_and_losses_are_those_of_a_sorted_list(rows, most, least):
    hypotheses, against, references = zip(*rows, strict=True)
    ours, theirs = (sentence_scores(side, references) for side in (hypotheses, against))
    first = {}
    for row, text in enumerate(rows):
        if len(references[row].split()) >= least:
            first.setdefault(text, row)
    kept = [(float(ours[row] - theirs[row]), row) for row in first.values()]
    gains = sorted((-delta, row) for delta, row in kept if delta > 0)[:most]
    losses = sorted((delta, row) for delta, row in kept if delta < 0)[:most]
    sides = (counted(side, references) for side in (hypotheses, against))
    found = differing_rows(*sides, references, most=most, least_words=least)
    assert [one["row"] for one in found] == [row for _, row in [*gains, *losses]]
    for one in found:
        assert one["value"] == ours[one["row"]]
        assert one["against"] == theirs[one["row"]]


def test_equal_systems_have_no_differing_rows():
    same = counted(["a b c d e"], ["a b c d f"])
    assert differing_rows(same, same, ["a b c d f"]) == []


def test_chrf_of_a_row_is_sacrebleus():
    hypotheses, references = ["a man runs", "two dogs"], ["the man runs", "two cats"]
    expected = [
        CHRF().sentence_score(one, [two]).score
        for one, two in zip(hypotheses, references, strict=True)
    ]
    np.testing.assert_allclose(sentence_scores(hypotheses, references, "chrf"), expected)
