"""ROUGE against counting by hand and rouge-score's own scores, and its words in any script."""

import string
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from tfkd.evaluation import Counted, by_length, lost_words, metric_named, paired_bootstrap, score_of
from tfkd.evaluation.summary_words import unicode_words, words_in
from tfkd.spec.errors import UserError
from tfkd.spec.options import RougeOptions

# Each with its name in rouge-score.
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
WORDS = ["oil", "prices", "rise", "fall", "u.s.", "bank's", "rate", "5,300", "cut", "Tokyo"]


def rouge(hypotheses, references, metric="rouge_l", *, samples=1000, seed=1, **words):
    words = RougeOptions(**words)
    return score_of(metric, hypotheses, references, samples=samples, seed=seed, rouge=words)


def f1(matches, hypothesis, reference):
    precision = matches / hypothesis if hypothesis else 0.0
    recall = matches / reference if reference else 0.0
    return 200 * precision * recall / (precision + recall) if matches else 0.0


def matched_runs(hypothesis, reference, order):
    """F1 of runs of words: each of the reference's is crossed out once by one of the output's."""
    ours = [tuple(hypothesis[i : i + order]) for i in range(len(hypothesis) - order + 1)]
    theirs = [tuple(reference[i : i + order]) for i in range(len(reference) - order + 1)]
    left, matches = list(theirs), 0
    for run in ours:
        if run in left:
            left.remove(run)
            matches += 1
    return f1(matches, len(ours), len(theirs))


def longest_common(hypothesis, reference):
    """F1 of the longest common subsequence, by the recursion that defines it."""

    @cache
    def longest(i, j):
        if i == len(hypothesis) or j == len(reference):
            return 0
        if hypothesis[i] == reference[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    return f1(longest(0, 0), len(hypothesis), len(reference))


def by_hand(name, hypothesis, reference):
    if name == "rouge_l":
        return longest_common(hypothesis, reference)
    return matched_runs(hypothesis, reference, int(name[-1]))


def texts(seed, rows=40, words=WORDS):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(words, generator.integers(1, 12))) for _ in range(rows)]


rows_of_words = st.lists(st.sampled_from(["a", "b", "c", "über", "東"]), max_size=9)


@pytest.mark.parametrize("name", ROUGE)
@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(rows_of_words, rows_of_words), min_size=1, max_size=4))
def test_each_row_is_counted_as_by_hand(name, pairs):
    hypotheses, references = zip(*pairs, strict=True)
    found = metric_named(name).statistics(
        [" ".join(row) for row in hypotheses], [" ".join(row) for row in references]
    )
    expected = [by_hand(name, *pair) for pair in pairs]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-9)
    np.testing.assert_array_equal(found[:, 1], 1)


@pytest.mark.parametrize("stem", [False, True])
@pytest.mark.parametrize("words", ["ascii", "unicode"])
@pytest.mark.parametrize("name", ROUGE)
def test_english_is_rouge_scores(name, words, stem):
    references, hypotheses = texts(1), texts(2)
    theirs = RougeScorer([ROUGE[name]], use_stemmer=stem)
    expected = np.mean(
        [
            100 * theirs.score(reference, hypothesis)[ROUGE[name]].fmeasure
            for reference, hypothesis in zip(references, hypotheses, strict=True)
        ]
    )
    score = rouge(hypotheses, references, name, stem=stem, words=words, samples=50)
    assert score.value == pytest.approx(expected, abs=1e-9)
    assert score.low < score.value < score.high
    for part in (f"rouge:{name[-1]}", f"words:{words}", f"stem:{'porter' if stem else 'no'}"):
        assert part in score.signature.split("|")
    assert "bs:50|seed:1" in score.signature
    assert "version:rouge-score-" in score.signature


def test_stems_match_and_other_words_do_not():
    said, meant = ["falling prices were cutting rates"], ["fall price is cut rate"]
    assert rouge(said, meant, "rouge_1", samples=1).value == 0
    assert rouge(said, meant, "rouge_1", stem=True, samples=1).value == pytest.approx(80)


def test_the_interval_is_that_of_a_plain_loop():
    references, hypotheses = texts(3), texts(4)
    rows = metric_named("rouge_l").statistics(hypotheses, references)[:, 0]
    drawn = np.random.default_rng(7).choice(len(rows), (200, len(rows)))
    means = sorted(rows[draw].mean() for draw in drawn)
    score = rouge(hypotheses, references, samples=200, seed=7)
    assert (score.low, score.high) == pytest.approx((means[5], means[194]))
    assert rouge(hypotheses, references, samples=1).low is None


def test_paired_bootstrap_is_that_of_a_plain_loop():
    references = texts(5)
    system = [line if i % 3 else "oil" for i, line in enumerate(references)]
    baseline = texts(6)
    ours, theirs = (
        metric_named("rouge_2").statistics(lines, references)[:, 0] for lines in (system, baseline)
    )
    drawn = np.random.default_rng(2).choice(len(ours), (400, len(ours)))
    differences = np.array([(ours[draw] - theirs[draw]).mean() for draw in drawn])
    found = paired_bootstrap("rouge_2", system, baseline, references, samples=400, seed=2)
    ordered = np.sort(differences)
    assert found["delta"] == pytest.approx((ours - theirs).mean())
    assert found["value"] == pytest.approx(theirs.mean())
    assert (found["low"], found["high"]) == pytest.approx((ordered[10], ordered[389]))
    assert found["wins"] == 1
    same = paired_bootstrap("rouge_2", system, system, references)
    assert (same["delta"], same["p"]) == (0, 1.0)


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet=st.characters(max_codepoint=127)), stem=st.booleans())
def test_words_of_ascii_text_are_the_same_of_both_kinds(text, stem):
    assert words_in("unicode", stem=stem)(text) == words_in("ascii", stem=stem)(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Die Straße führt nach Köln.", "die straße führt nach köln"),
        ("Crist\u00f3bal est\u00e1, naïve", "cristóbal está naïve"),
        ("Criste\u0301 ", "cristé"),  # composed
        ("हिन्दी भाषा।", "हिन्दी भाषा"),  # marks stay with their letters
        ("北京2008年", "北 京 2008 年"),
        ("カタカナ、です", "カ タ カ ナ で す"),
        ("ที่นี่", "ที่ นี่"),
        ("نمی\u200cخواهم", "نمیخواهم"),
        ("Đà Nẵng", "đà nẵng"),
        ("a_b—c·d", "a b c d"),
        ("", ""),
    ],
)
def test_words_of_other_scripts_are_kept_whole(text, words):
    assert unicode_words(text) == words.split()


@pytest.mark.parametrize(
    ("text", "lost", "kept"),
    [("ein Mann mit Hut", 0.0, 100.0), ("eine Straße in Köln", 0.5, 100.0), ("我们去北京", 1.0, 0)],
)
def test_ascii_words_lose_letters_and_say_so(text, lost, kept):
    assert rouge([text], [text], samples=1).value == 100
    assert rouge([text], [text], words="ascii", samples=1).value == kept
    assert lost_words([text]) == pytest.approx(lost)
    # A wrong ending in a letter that is dropped is not seen.
    assert rouge(["die Äpfel"], ["die Öpfel"], "rouge_1", words="ascii", samples=1).value == 100
    assert rouge(["die Äpfel"], ["die Öpfel"], "rouge_1", samples=1).value == 50


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(st.text(max_size=30), min_size=1, max_size=3), name=st.sampled_from([*ROUGE]))
def test_a_text_is_its_own_best_summary(lines, name):
    found = metric_named(name).statistics(lines, lines)[:, 0]
    least = 2 if name == "rouge_2" else 1
    expected = [100.0 if len(unicode_words(line)) >= least else 0.0 for line in lines]
    np.testing.assert_allclose(found, expected)


def test_rouge_by_length_is_that_of_the_rows_in_each_bucket():
    references = texts(8, rows=120, words=list(string.ascii_lowercase))
    hypotheses = texts(9, rows=120, words=list(string.ascii_lowercase))
    counted = [
        Counted.of(metric_named("rouge_1"), lines, references) for lines in (hypotheses, references)
    ]
    lengths = np.array([len(line.split()) for line in references])
    buckets = by_length(counted, [lengths, lengths], edges=[1, 4, 8])
    assert [(bucket["from"], bucket["to"]) for bucket in buckets] == [(1, 3), (4, 7), (8, None)]
    for bucket in buckets:
        rows = [
            i
            for i, line in enumerate(references)
            if bucket["from"] <= len(line.split()) <= (bucket["to"] or 99)
        ]
        pairs = ([hypotheses[i] for i in rows], [references[i] for i in rows])
        assert bucket["value"] == pytest.approx(rouge(*pairs, "rouge_1", samples=1).value)
        assert bucket["against"] == pytest.approx(100)


def test_wrong_options_are_named():
    with pytest.raises(UserError, match=r"rouge_3.*did you mean rouge_[12l]"):
        rouge(["a"], ["a"], "rouge_3")
    with pytest.raises(ValueError, match="words='latin'"):
        words_in("latin")
    with pytest.raises(ValueError, match="1 hypotheses, 2 references"):
        rouge(["a"], ["a", "b"])
