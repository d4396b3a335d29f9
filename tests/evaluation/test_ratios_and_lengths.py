"""Loss, perplexity, accuracy, and BLEU by length."""

from itertools import pairwise

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from tfkd.evaluation import Counted, RowSums, by_length, metric_named, paired_bootstrap, score_of


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    counts = generator.integers(1, 20, 300)
    return generator.gamma(2.0, 1.0, 300) * counts, counts


def sums_of(sums, counts):
    return RowSums(nll=sums, correct=sums, tokens=counts)


def loss(sums, counts):
    return score_of("loss", sums_of(sums, counts))


def perplexity(sums, counts):
    return score_of("perplexity", sums_of(sums, counts))


def lengths_of(lines):
    return np.array([len(line.split()) for line in lines])


def by_bleu(hypotheses, references, against=None, of="reference", **settings):
    """BLEU by length, of words between spaces."""
    outputs = [hypotheses] if against is None else [hypotheses, against]
    systems = [Counted.of(metric_named("bleu"), one, references) for one in outputs]
    sorted_by = [references if of == "reference" else one for one in outputs]
    return by_length(systems, [*map(lengths_of, sorted_by)], of=of, **settings)


def test_loss_weighs_tokens_not_rows(rows):
    sums, counts = rows
    score = loss(sums, counts)
    assert score.value == pytest.approx(sums.sum() / counts.sum())
    assert score.value != pytest.approx(np.mean(sums / counts), abs=1e-3)
    assert score.low < score.value < score.high
    assert f"tokens:{counts.sum()}|rows:300|bs:1000|seed:1" in score.signature


def test_interval_is_that_of_a_plain_loop(rows):
    sums, counts = rows
    generator = np.random.default_rng(1)
    drawn = generator.choice(300, (1000, 300))
    values = np.sort([sums[rows].sum() / counts[rows].sum() for rows in drawn])
    score = loss(sums, counts)
    assert (score.low, score.high) == pytest.approx((values[25], values[974]))


def test_perplexity_is_the_exponential_of_the_loss(rows):
    bare, grown = loss(*rows), perplexity(*rows)
    assert (grown.value, grown.low, grown.high) == pytest.approx(
        tuple(np.exp([bare.value, bare.low, bare.high]))
    )
    assert grown.name == "perplexity"


def test_without_samples_there_is_no_interval():
    score = score_of("accuracy", sums_of(np.array([30.0]), np.array([40])), samples=1)
    assert (score.value, score.low, score.high) == (0.75, None, None)
    assert score.as_dict().keys() == {"value", "low", "high", "signature"}


def test_rows_without_a_token_say_nothing():
    """A sample of such rows alone has the corpus's ratio; a corpus of them has 0."""
    few = loss(np.array([3.0, 0.0, 0.0]), np.array([2, 0, 0]))
    assert (few.value, few.low, few.high) == (1.5, 1.5, 1.5)
    assert loss(np.zeros(2), np.zeros(2)).value == 0


def test_wrong_counts_are_named():
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        loss(np.ones(2), np.ones(3))


def test_paired_ratio_sees_a_small_but_steady_difference(rows):
    sums, counts = rows
    better = sums - 0.05 * counts
    found = paired_bootstrap("loss", sums_of(better, counts), sums_of(sums, counts))
    assert found["delta"] == pytest.approx(-0.05)
    assert (found["low"], found["high"]) == pytest.approx((-0.05, -0.05))
    assert found["wins"] == 0
    grown = paired_bootstrap("perplexity", sums_of(better, counts), sums_of(sums, counts))
    assert grown["value"] == pytest.approx(np.exp(sums.sum() / counts.sum()))
    alone = perplexity(sums, counts)
    assert (grown["value_low"], grown["value_high"]) == pytest.approx((alone.low, alone.high))


def texts(rows=400):
    generator = np.random.default_rng(2)
    words = np.array(list("abcdefghijklmnop"))
    references = [" ".join(generator.choice(words, generator.integers(1, 40))) for _ in range(rows)]
    hypotheses = [" ".join(line.split()[: generator.integers(1, 41)]) for line in references]
    return hypotheses, references


@pytest.mark.parametrize("of", ["reference", "output"])
def test_buckets_hold_each_row_once_and_score_as_sacrebleu(of):
    """By references both systems have the same rows; by outputs each its own (figure 2)."""
    hypotheses, references = texts()
    others = [" ".join(line.split()[: 2 + 3 * len(line) // 7]) for line in references]
    edges = [1, 10, 20, 30]
    buckets = by_bleu(hypotheses, references, against=others, edges=edges, of=of)
    assert [(bucket["from"], bucket["to"]) for bucket in buckets] == [
        (1, 9), (10, 19), (20, 29), (30, None),
    ]  # fmt: skip
    for outputs, value, rows in [
        (hypotheses, "value", "rows"),
        (others, "against", "against_rows"),
    ]:
        lengths = [len(line.split()) for line in (references if of == "reference" else outputs)]
        for bucket in buckets:
            last = bucket["to"] or 10**9
            inside = [i for i, length in enumerate(lengths) if bucket["from"] <= length <= last]
            expected = BLEU(force=True).corpus_score(
                [outputs[i] for i in inside], [[references[i] for i in inside]]
            )
            assert bucket[value] == expected.score
            if of == "output":
                assert bucket[rows] == len(inside)
        counted = rows if of == "output" else "rows"
        assert sum(bucket[counted] for bucket in buckets) == len(references)
    assert ("against_rows" in buckets[0]) == (of == "output")


@pytest.mark.parametrize("least_rows", [1, 10, 60, 150, 400, 10_000])
def test_small_buckets_join_their_neighbours(least_rows):
    hypotheses, references = texts()
    buckets = by_bleu(hypotheses, references, least_rows=least_rows)
    assert sum(bucket["rows"] for bucket in buckets) == len(references)
    assert len(buckets) == 1 or all(bucket["rows"] >= least_rows for bucket in buckets)
    for before, after in pairwise(buckets):
        assert before["to"] + 1 == after["from"]
    assert buckets[-1]["to"] is None
    assert buckets[0]["against"] is None


def test_lengths_of_which_a_system_has_few_outputs_have_no_score():
    """Buckets of outputs stay as they are: other systems' stand in the same plot."""
    _, references = texts()
    short = [" ".join(line.split()[:12]) for line in references]
    edges = [1, 10, 20, 30]
    buckets = by_bleu(short, references, against=references, edges=edges, of="output")
    assert [(bucket["from"], bucket["to"]) for bucket in buckets] == [
        (1, 9), (10, 19), (20, 29), (30, None),
    ]  # fmt: skip
    assert [bucket["value"] is None for bucket in buckets] == [False, False, True, True]
    assert all(bucket["against"] == pytest.approx(100) for bucket in buckets)
    assert all(sum(bucket[key] for bucket in buckets) == 400 for key in ("rows", "against_rows"))
    alone = by_bleu(short, references, edges=edges, of="output")
    assert [bucket["from"] for bucket in alone] == [1, 10]
    empty = by_bleu(["", *short[1:]], references, edges=edges, of="output", least_rows=0)
    assert sum(bucket["rows"] for bucket in empty) == 400
    assert empty[-1]["from"] == 10


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="of='words'"):
        by_bleu(["a"], ["a"], of="words")
    with pytest.raises(ValueError, match="rising"):
        by_bleu(["a"], ["a"], edges=[5, 5])
