"""BLEU and chrF against sacreBLEU's own scores, intervals and tests."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from tfkd.evaluation import metric_named, paired_bootstrap, score_of
from tfkd.evaluation.corpus_metrics import bleu_of_sums, chrf_of_sums
from tfkd.evaluation.intervals.bootstrap import interval, resampled_sums
from tfkd.evaluation.metrics.tokenized_bleu import TokenizedBleu
from tfkd.spec.errors import UserError

SENTENCE = "the a old small man woman dog sleeps runs sees, quickly don't U.S. 5,300 Straße ."
WORDS = SENTENCE.split()


def sentences(seed, rows=60, longest=14):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(1, longest))) for _ in range(rows)]


def noisy(lines, seed, share):
    generator = np.random.default_rng(seed)
    out = []
    for line in lines:
        words = [
            generator.choice(WORDS) if generator.random() < share else word for word in line.split()
        ]
        out.append(" ".join(words[: max(1, len(words) - int(generator.integers(0, 2)))]))
    return out


@pytest.mark.parametrize("lower_case", [False, True])
@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "none", "zh"])
def test_bleu_is_sacrebleus(tokenize, lower_case):
    references = sentences(1)
    hypotheses = noisy([line.title() for line in references], 2, 0.2)
    theirs = BLEU(tokenize=tokenize, lowercase=lower_case)
    expected = theirs.corpus_score(hypotheses, [references]).score
    score = score_of(
        "bleu", hypotheses, references, tokenize=tokenize, lower_case=lower_case, samples=100
    )
    assert score.value == expected
    assert score.low <= score.value <= score.high
    assert f"tok:{tokenize}" in score.signature
    assert f"case:{'lc' if lower_case else 'mixed'}" in score.signature
    assert f"version:{sacrebleu.__version__}" in score.signature
    assert "bs:100|seed:1" in score.signature


@pytest.mark.parametrize("word_order", [0, 2])
def test_chrf_is_sacrebleus(word_order):
    references = sentences(3)
    hypotheses = noisy(references, 4, 0.3)
    expected = CHRF(word_order=word_order).corpus_score(hypotheses, [references])
    score = score_of("chrf", hypotheses, references, word_order=word_order, samples=100)
    assert score.value == expected.score
    assert f"nw:{word_order}" in score.signature


@pytest.mark.parametrize(("ours", "theirs"), [("bleu", BLEU), ("chrf", CHRF)])
@pytest.mark.parametrize("seed", [1, 12345])
def test_interval_equals_sacrebleus_confidence(monkeypatch, ours, theirs, seed):
    monkeypatch.setenv("SACREBLEU_SEED", str(seed))
    references = sentences(5)
    hypotheses = noisy(references, 6, 0.25)
    expected = theirs().corpus_score(hypotheses, [references], n_bootstrap=200)
    score = score_of(ours, hypotheses, references, samples=200, seed=seed)
    # sacreBLEU adds its counts up in float32, and so takes its formula's last digits.
    assert (score.high - score.low) / 2 == pytest.approx(expected._ci, abs=1e-5)


@pytest.mark.parametrize(("name", "theirs"), [("bleu", BLEU), ("chrf", CHRF)])
def test_p_by_bootstrap_equals_sacrebleus(monkeypatch, name, theirs):
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    references = sentences(8)
    system, baseline = noisy(references, 9, 0.15), noisy(references, 10, 0.22)
    _, table = PairedTest(
        [("baseline", baseline), ("system", system)],
        {name: theirs()},
        [references],
        test_type="bs",
        n_samples=300,
    )()
    (their_baseline, their_system) = next(rows for key, rows in table.items() if key != "System")
    ours = paired_bootstrap(
        name, system, baseline, references, samples=300, seed=7, p_by="bootstrap"
    )
    assert ours["p_by"] == "bootstrap"
    assert ours["p"] == pytest.approx(their_system.p_value, abs=1e-12)
    assert ours["value"] == their_baseline.score
    # sacreBLEU says half the width of the baseline's own interval.
    half = (ours["value_high"] - ours["value_low"]) / 2
    assert half == pytest.approx(their_baseline.ci, rel=1e-5)  # there in float32
    assert ours["delta"] == pytest.approx(their_system.score - their_baseline.score, abs=1e-12)
    assert ours["low"] < ours["delta"] < ours["high"]


def test_paired_bootstrap_of_a_system_with_itself_and_mirrored():
    references = sentences(11)
    system, baseline = noisy(references, 12, 0.1), noisy(references, 13, 0.4)
    same = paired_bootstrap("bleu", system, system, references)
    assert (same["delta"], same["low"], same["high"], same["wins"]) == (0, 0, 0, 0)
    assert same["p"] == 1.0
    same = paired_bootstrap("bleu", system, system, references, p_by="bootstrap")
    assert same["p"] == 1.0  # sacreBLEU's formula would say its least, 1 / 1001
    there = paired_bootstrap("bleu", system, baseline, references)
    back = paired_bootstrap("bleu", baseline, system, references)
    assert there["low"] > 0
    assert there["wins"] == 1
    assert back["delta"] == -there["delta"]
    assert back["low"] == pytest.approx(-there["high"])
    assert back["high"] == pytest.approx(-there["low"])


def test_paired_bootstrap_of_tokenised_bleu_is_that_of_the_scores():
    references = sentences(18)
    system, baseline = noisy(references, 19, 0.1), noisy(references, 20, 0.3)
    found = paired_bootstrap("tokenized_bleu", system, baseline, references, samples=50)
    ours, theirs = (
        score_of("tokenized_bleu", lines, references).value for lines in (system, baseline)
    )
    assert found["value"] == theirs
    assert found["delta"] == pytest.approx(ours - theirs)


def test_the_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        rows = generator.normal(3.0, 1.0, (80, 1))
        low, high = interval(resampled_sums(rows, 200, trial + 1)[:, 0] / 80)
        inside += low <= 3.0 <= high
    assert 175 <= inside <= 199


def test_resampling_in_steps_draws_what_one_step_draws(monkeypatch):
    statistics = np.random.default_rng(0).integers(0, 9, (37, 3))
    whole = resampled_sums(statistics, 100, 5)
    monkeypatch.setattr("tfkd.evaluation.intervals.bootstrap._DRAWS_AT_ONCE", 37 * 7)
    np.testing.assert_array_equal(resampled_sums(statistics, 100, 5), whole)
    drawn = np.random.default_rng(5).choice(37, (100, 37))
    np.testing.assert_array_equal(statistics[drawn].sum(1), whole)


counts = st.lists(st.integers(0, 30), min_size=4, max_size=4)


@settings(max_examples=300, deadline=None)
@given(totals=counts, shares=st.lists(st.sampled_from([0, 0.3, 1]), min_size=4, max_size=4),
       length=st.integers(0, 40), reference=st.integers(1, 40), smooth=st.booleans())  # fmt: skip
def test_bleu_of_sums_is_sacrebleus_formula(totals, shares, length, reference, smooth):
    matches = [int(total * share) for total, share in zip(totals, shares, strict=True)]
    expected = BLEU.compute_bleu(
        list(matches), list(totals), length, reference, smooth_method="exp" if smooth else "none"
    ).score
    got = bleu_of_sums(np.array([length, reference, *matches, *totals]), halve_empty=smooth)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(sums=st.lists(st.tuples(*[st.integers(0, 20)] * 3), min_size=6, max_size=6))
def test_chrf_of_sums_is_sacrebleus_formula(sums):
    flat = [n for hyp, ref, match in sums for n in (hyp, ref, min(hyp, ref, match))]
    assert chrf_of_sums(np.array(flat)) == pytest.approx(CHRF()._compute_f_score(flat), abs=1e-9)


def test_vectorised_scores_equal_the_scores_of_each_sample():
    references = sentences(14, rows=20)
    hypotheses = noisy(references, 15, 0.5)
    for metric in (metric_named("bleu"), metric_named("chrf", word_order=2)):
        sums = resampled_sums(metric.statistics(hypotheses, references), 50, 3)
        one_by_one = [metric.scorer._compute_score_from_stats(list(row)).score for row in sums]
        np.testing.assert_allclose(metric.of_sums(sums), one_by_one, rtol=1e-12)


def test_without_samples_there_is_no_interval():
    references = sentences(16, rows=9)
    score = score_of("bleu", noisy(references, 17, 0.3), references, samples=1)
    assert (score.low, score.high) == (None, None)
    assert "bs:" not in score.signature
    few = score_of("bleu", noisy(references, 17, 0.3), references, samples=5)
    assert few.value == score.value
    assert few.low < few.high


def test_empty_outputs_score_nothing_and_have_an_interval():
    score = score_of("bleu", ["", "", ""], ["a b c d", "e f g h", "i"])
    assert (score.value, score.low, score.high) == (0, 0, 0)


def test_tokenized_bleu_counts_the_tokens_that_are_given():
    references = ["a b c d e f", "it 's here ."]
    hypotheses = ["a b c d e f", "it 's there ."]
    expected = BLEU(tokenize="none", smooth_method="none").corpus_score(hypotheses, [references])
    score = score_of(TokenizedBleu(tokens=str), hypotheses, references)
    assert score.value == expected.score
    assert "tok:given" in score.signature
    assert "smooth:none" in score.signature
    spelt = score_of(
        "tokenized_bleu", ["a b c d e f", "It's there."], ["a b c d e f", "It's here."]
    )
    assert spelt.value == pytest.approx(expected.score)
    assert "tok:moses_tokens" in spelt.signature


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], ["a", "b"]), "1 hypotheses, 2 references"),
        (([], []), "at least one"),
    ],
)
def test_rows_must_match(arguments, message):
    with pytest.raises(ValueError, match=message):
        score_of("bleu", *arguments)


def test_one_string_is_no_list():
    with pytest.raises(TypeError, match="list of strings"):
        score_of("bleu", "a b", ["a b"])


def test_wrong_seed_and_samples_are_named():
    with pytest.raises(ValueError, match="seed=-1"):
        score_of("bleu", ["a"], ["a"], seed=-1)
    with pytest.raises(ValueError, match="samples=0"):
        paired_bootstrap("bleu", ["a"], ["a"], ["a"], samples=0)
    with pytest.raises(UserError, match=r"'meteor' is no metric.*bleu, chrf"):
        paired_bootstrap("meteor", ["a"], ["a"], ["a"])
