"""p of approximate randomization: against all exchanges, against sacreBLEU, and at its level."""

import itertools
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from rings import few
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from tfkd.evaluation import (
    Predicted,
    RowSums,
    metric_named,
    paired_bootstrap,
    randomized_p,
    verdict_of,
)
from tfkd.evaluation.corpus_metrics import bleu_of_sums, chrf_of_sums

TRIALS = 299
WORDS = list("abcdefghijkl")


def ratio(sums):
    return sums[..., 0] / sums[..., 1]


def losses(system, baseline, **settings):
    """Two systems' losses, each of sums and counts, compared."""
    sides = (RowSums(nll=sums, correct=sums, tokens=counts) for sums, counts in (system, baseline))
    return paired_bootstrap("loss", *sides, **settings)


def texts(seed, rows=60, share=0.2):
    """References, and two systems' outputs that have some of their words wrong."""
    generator = np.random.default_rng(seed)
    references = [generator.choice(WORDS, generator.integers(4, 14)) for _ in range(rows)]
    outputs = [
        [
            " ".join(np.where(generator.random(len(line)) < wrong, generator.choice(WORDS), line))
            for line in references
        ]
        for wrong in (share, share + 0.02)
    ]
    return [" ".join(line) for line in references], *outputs


def ngram_counts(generator, rows, right=0.6):
    """Rows of BLEU's statistics: lengths, matches, totals."""
    length = generator.integers(6, 20, rows)
    totals = length[:, None] - np.arange(4)
    matches = generator.binomial(totals, right ** np.arange(1, 5))
    return np.concatenate([length[:, None], length[:, None], matches, totals], 1)


def classified(generator, rows, right, classes=3):
    labels = generator.integers(0, classes, rows)
    guesses = (
        np.where(generator.random(rows) < right, labels, generator.integers(0, classes, rows))
        for _ in range(2)
    )
    return [Predicted(labels, guessed, classes) for guessed in guesses]


def pair_of(metric, generator, rows):
    """Two systems' statistics `[rows, n]`, and the metric of their sums."""
    if metric == "loss":
        counts = generator.integers(1, 20, rows)
        sums = [counts * generator.gamma(4, 0.5, rows) for _ in range(2)]
        return *(np.stack([one, counts], 1) for one in sums), ratio
    if metric == "bleu":
        return ngram_counts(generator, rows), ngram_counts(generator, rows), bleu_of_sums
    if metric == "chrf":
        grams = generator.integers(4, 9, (rows, 6))
        match = [generator.integers(0, 4, (rows, 6)) for _ in range(2)]
        sides = (np.stack([grams, grams, one], 2).reshape(rows, 18) for one in match)
        return *sides, chrf_of_sums
    made = metric_named(metric.split()[0])
    positive = 1 if metric == "f1 of one" else None
    sides = (replace(one, positive=positive) for one in classified(generator, rows, 0.5))
    return *(made.statistics(one) for one in sides), made.of_sums


METRICS = ["loss", "bleu", "chrf", "accuracy", "f1", "f1 of one", "matthews"]


@pytest.mark.parametrize("metric", METRICS)
def test_p_is_the_share_of_all_exchanges(metric):
    generator = np.random.default_rng(4)
    for rows in (1, 6, 10):
        ours, theirs, of_sums = pair_of(metric, generator, rows)
        apart = np.array([
            abs(of_sums(np.where(one, theirs, ours).sum(0) * 1.0)
                - of_sums(np.where(one, ours, theirs).sum(0) * 1.0))
            for one in np.array(list(itertools.product([False, True], repeat=rows)))[:, :, None]
        ])  # fmt: skip
        exact = float(np.mean(apart >= apart[0] - 1e-9))
        found = randomized_p(ours, theirs, of_sums, trials=4000, seed=3)
        assert found == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 4000))


@pytest.mark.parametrize(("name", "theirs"), [("bleu", BLEU), ("chrf", CHRF)])
@pytest.mark.parametrize("seed", [7, 12345])
def test_p_is_that_of_sacrebleus_paired_ar(monkeypatch, name, theirs, seed):
    monkeypatch.setenv("SACREBLEU_SEED", str(seed))
    references, system, baseline = texts(seed)
    _, table = PairedTest(
        [("baseline", baseline), ("system", system)], {name: theirs()}, [references],
        test_type="ar", n_samples=TRIALS,
    )()  # fmt: skip
    (_, expected) = next(rows for key, rows in table.items() if key != "System")
    found = paired_bootstrap(
        name, system, baseline, references, samples=50, seed=seed, trials=TRIALS
    )
    # The same trials; none of them is exactly as far apart as the systems, which it leaves out.
    assert found["p"] == pytest.approx(expected.p_value, abs=1e-12)
    assert 0.01 < found["p"] < 0.9
    assert found["p_by"] == "approximate_randomization"


@pytest.mark.parametrize("metric", few(["loss", "bleu", "accuracy", "f1"], 0, 2))
def test_of_systems_without_a_difference_five_in_a_hundred_have_a_p_below_5_percent(metric):
    generator = np.random.default_rng(1)
    pairs = [pair_of(metric, generator, 100) for _ in range(1000)]
    found = np.array([randomized_p(*pair, TRIALS, seed) for seed, pair in enumerate(pairs)])
    # 99.9 % of Binomial(1000, 0.05).
    assert 28 <= np.sum(found < 0.05) <= 74
    # Of any level as many as it says, but for ties.
    assert 0.4 < np.mean(found < 0.5) < 0.56


@pytest.mark.parametrize("worse", [0.0, 0.03, 0.3])
def test_a_real_difference_is_found(worse):
    generator = np.random.default_rng(2)
    counts = generator.integers(1, 20, 300)
    sums = counts * generator.gamma(4, 0.5, 300)
    others = sums + counts * (worse + generator.normal(0, 0.2, 300))
    found = losses((others, counts), (sums, counts), samples=200, trials=2000)
    verdict = verdict_of("loss", found["low"], found["high"], found["p"])
    expected = {0.0: (0.05, 1, "undecided"), 0.03: (0, 0.05, "worse"), 0.3: (0, 0.001, "worse")}
    low, high, says = expected[worse]
    assert low < found["p"] < high
    assert verdict == says


def test_p_and_the_interval_say_the_same_from_no_difference_to_a_large_one():
    generator = np.random.default_rng(5)
    counts = np.full(400, 10.0)
    sums = counts * generator.gamma(4, 0.5, 400)
    noise = generator.normal(0, 1, 400)
    noise = (noise - noise.mean()) / noise.std()
    before = 1.0
    for z in (0, 0.5, 1, 1.65, 2.25, 3, 4):
        for sign in (1, -1):
            ours = sums + noise + sign * z / math.sqrt(400)  # z standard errors of the mean apart
            found = losses((ours, counts), (sums, counts), samples=1000, trials=10_000)
            expected = 2 * (1 - NormalDist().cdf(z))
            assert found["p"] == pytest.approx(expected, abs=0.015)
            outside = not found["low"] <= 0 <= found["high"]
            assert outside == (found["p"] < 0.05) == (z > 1.96)
            verdict = verdict_of("loss", found["low"], found["high"], found["p"])
            decided = "worse" if sign > 0 else "better"
            assert verdict == (decided if outside else "undecided")
        assert found["p"] <= before
        before = found["p"]


def test_equal_outputs_and_ties_speak_for_chance():
    references, system, _ = texts(3, rows=10)
    assert paired_bootstrap("bleu", system, system, references, samples=20)["p"] == 1.0
    one, _ = classified(np.random.default_rng(0), 40, 0.5)
    assert paired_bootstrap("f1", one, one, samples=20)["p"] == 1.0
    # Ten rows won and ten lost: each trial is as far apart as that, or farther.
    labels = np.zeros(20, int)
    first, second = np.repeat([0, 1], 10), np.repeat([1, 0], 10)
    sides = (Predicted(labels, guesses, 2) for guesses in (first, second))
    assert paired_bootstrap("accuracy", *sides, samples=20)["p"] == 1.0
    # Sums of floats, whose last digits depend on their order.
    counts = np.ones(3)
    found = losses((np.array([0.1, 0.2, 0.3]), counts), (np.zeros(3), counts), samples=20)
    assert found["p"] == pytest.approx(1 / 4, abs=0.02)


def test_exchanges_in_steps_are_those_of_one_step(monkeypatch):
    ours, theirs, of_sums = pair_of("bleu", np.random.default_rng(6), 37)
    whole = randomized_p(ours, theirs, of_sums, 200, 5)
    place = "tfkd.evaluation.intervals.approximate_randomization"
    monkeypatch.setattr(f"{place}._DRAWS_AT_ONCE", 37 * 7)
    assert randomized_p(ours, theirs, of_sums, 200, 5) == whole
    assert randomized_p(theirs, ours, of_sums, 200, 5) == whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 1)), np.ones((3, 1))), r"shapes \(2, 1\) and \(3, 1\)"),
        ((np.ones((0, 1)), np.ones((0, 1))), "at least one row"),
        ((np.ones((2, 1)), np.zeros((2, 1)), ratio, 0), "trials=0"),
        ((np.ones((2, 1)), np.zeros((2, 1)), ratio, 9, -1), "seed=-1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        randomized_p(*arguments, *[ratio][: 3 - len(arguments)])


def test_what_p_is_computed_by_is_one_of_two():
    with pytest.raises(ValueError, match=r"approximate_randomization, bootstrap.*p_by='t'"):
        losses((np.ones(3), np.ones(3)), (np.ones(3), np.ones(3)), p_by="t")
